"""`integration webhooks`: subscribes the gateway to what the systems tell of themselves, and keeps the secrets that they sign with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from commands.configuration import complete
from commands.exits import Exit
from commands.failure import Failure
from commands.invocation import Invocation
from commands.ledger import opened
from commands.output import Column, console, json_option, print_json, print_table
from connectors.registry import connect, definition
from connectors.rest.webhooks import Subscription, Subscriptions
from integration.budget import SharedBudget
from integration.errors import Misconfigured, SyncError
from integration.line.journey import House
from integration.secrets import SecretsFile
from integration.settings import Settings
from integration.settings.environment import SECRETS_FILE
from integration.settings.webhook_secret import webhook_secret_name
from integration.suggest import did_you_mean


@click.group()
def webhooks() -> None:
    """Subscribe to the webhooks of a connection."""


@webhooks.command()
@click.argument("connection")
@click.option("--url", help="How the system reaches the gateway; else `url` of [gateway].")
@json_option
@click.pass_obj
def register(invocation: Invocation, connection: str, url: str | None, as_json: bool) -> None:
    """Subscribe the gateway to what the flows of CONNECTION can use. Does nothing where it is subscribed already."""
    with _at(invocation, connection) as (settings, there):
        ours, events = _address(settings, connection, url), _events(settings, connection)
        standing = [one for one in there.list() if one.url == ours]
        good = [one for one in standing if one.active and set(one.events) == set(events)]
        if good and settings.connections[connection].webhook_secrets:
            done, subscription = "was subscribed already", good[0]
        else:
            # Without its secret a subscription is of no use: the system shows it once.
            done, subscription = "is subscribed", _subscribe(settings, connection, there, ours, events, keep=False)
            for one in standing:
                there.unsubscribe(one.key)
    _tell(connection, subscription, done, as_json)


@webhooks.command()
@click.argument("connection")
@click.option("--url", help="How the system reaches the gateway; else `url` of [gateway].")
@json_option
@click.pass_obj
def rotate(invocation: Invocation, connection: str, url: str | None, as_json: bool) -> None:
    """Take a new signing secret: subscribe anew, and drop the old subscription and its secret."""
    with _at(invocation, connection) as (settings, there):
        ours = _address(settings, connection, url)
        old = [one for one in there.list() if one.url == ours]
        subscription = _subscribe(settings, connection, there, ours, _events(settings, connection), keep=True)
        for one in old:
            there.unsubscribe(one.key)  # deliveries that it had queued are dropped, so its secret is needed no more
        _drop_old_secret(settings, connection)
    _tell(connection, subscription, "has a new secret", as_json)


@webhooks.command()
@click.argument("connection")
@click.option("--url", help="How the system reaches the gateway; else `url` of [gateway].")
@click.pass_obj
def unregister(invocation: Invocation, connection: str, url: str | None) -> None:
    """End the subscriptions of the gateway at CONNECTION; polling goes on."""
    with _at(invocation, connection) as (settings, there):
        ours = _address(settings, connection, url)
        ended = [one for one in there.list() if one.url == ours]
        for one in ended:
            there.unsubscribe(one.key)
        file = _secrets(settings)
        kept = file.read()
        if kept.pop(webhook_secret_name(connection), None) is not None:
            file.write(kept)
    console().print(f"{connection}: {len(ended)} subscription{'' if len(ended) == 1 else 's'} ended.")


@webhooks.command("list")
@json_option
@click.pass_context
def list_webhooks(ctx: click.Context, as_json: bool) -> None:
    """List the subscriptions of every connection. Ends with 3 where one of ours is disabled or has no secret here."""
    rows: list[dict[str, Any]] = []
    with opened(ctx.obj, credentials=True) as house:
        settings = house.settings
        for name, configured in settings.connections.items():
            if definition(configured).webhooks is None:
                continue
            ours = f"{settings.gateway.url}/hooks/{name}" if settings.gateway.url else None
            try:
                found = _subscriptions(house, name).list()
            except SyncError as error:
                rows.append({"connection": name, "state": str(error), "ours": False, "bad": True})
                continue
            rows += [_row(name, one, ours, secret=bool(configured.webhook_secrets)) for one in found]
    if as_json:
        print_json(rows)
    else:
        columns = [Column("connection", "Connection"), Column("url", "Address"), Column("events", "Events"), Column("state", "State")]
        shown = [{**row, "events": ", ".join(row.get("events", ())) or None} for row in rows]
        print_table(shown, columns, empty="No subscriptions; `integration webhooks register CONNECTION` makes one.")
    if any(row["bad"] for row in rows):
        ctx.exit(Exit.PERSON)


def _row(name: str, one: Subscription, ours: str | None, *, secret: bool) -> dict[str, Any]:
    mine = one.url == ours
    state = "active" if one.active else f"disabled: integration webhooks register {name}"
    if mine and one.active and not secret:
        state = f"its secret is not here: integration webhooks register {name}"
    if not mine:
        state += ", not ours"
    bad = mine and not (one.active and secret)
    return {"connection": name, "url": one.url, "events": list(one.events), "active": one.active, "ours": mine, "state": state, "bad": bad}


@contextmanager
def _at(invocation: Invocation, name: str) -> Iterator[tuple[Settings, Subscriptions]]:
    settings = complete(invocation)
    if name not in settings.connections:
        raise click.BadParameter(f"there is no connection `{name}`; {did_you_mean(name, settings.connections)}", param_hint="CONNECTION")
    with opened(invocation, credentials=True) as house:
        yield house.settings, _subscriptions(house, name)


def _subscriptions(house: House, name: str) -> Subscriptions:
    configured = house.settings.connections[name]
    declared = definition(configured)
    budget = SharedBudget(house.engine, name, declared.limits, declared.times.total + declared.times.settle)
    return connect(configured, budget).subscriptions


def _address(settings: Settings, name: str, url: str | None) -> str:
    base = url or settings.gateway.url
    if base is None:
        raise Misconfigured("how do the systems reach the gateway? Set `url` under [gateway], or give --url.", str(settings.path))
    return f"{base.rstrip('/')}/hooks/{name}"


def _events(settings: Settings, name: str) -> Sequence[str]:
    declared = definition(settings.connections[name]).webhooks
    used = {flow.entity for flow in settings.flows.values() if flow.source == name}
    events = [event for event, brings in declared.brings.items() if used & set(brings)] if declared is not None else []
    if not events:
        raise Failure(f"no flow reads from {name} what its webhooks tell of; nothing was done.", Exit.FAILED)
    return events


def _subscribe(settings: Settings, name: str, there: Subscriptions, url: str, events: Sequence[str], *, keep: bool) -> Subscription:
    """Subscribe and keep the secret at once; with `keep` beside the one that is in use."""
    made = there.subscribe(url, events)
    file = _secrets(settings)
    kept = file.read()
    key = webhook_secret_name(name)
    old = kept.get(key, "").split() if keep else []
    file.write({**kept, key: " ".join([made.secret, *old])})
    return made.subscription


def _drop_old_secret(settings: Settings, name: str) -> None:
    file = _secrets(settings)
    kept = file.read()
    key = webhook_secret_name(name)
    file.write({**kept, key: kept[key].split()[0]})


def _secrets(settings: Settings) -> SecretsFile:
    return SecretsFile(settings.home / SECRETS_FILE, settings.master_key.reveal())


def _tell(name: str, subscription: Subscription, done: str, as_json: bool) -> None:
    if as_json:
        print_json({"connection": name, "url": subscription.url, "events": list(subscription.events), "done": done})
    else:
        console().print(f"{name} {done}: {', '.join(subscription.events)} go to {subscription.url}")
