"""`integration webhooks`: subscribes the gateway to what the systems tell of themselves, and keeps the secrets that they sign with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click
from rich.text import Text
from sqlalchemy import Engine

from commands.exits import Exit
from commands.failure import Failure
from commands.invocation import Invocation
from commands.ledger import opened
from commands.output import Column, console, json_option, print_json, print_table
from commands.processes import takes_webhooks
from connectors import subscribing
from connectors.registry import connect, definition, events_of_use
from connectors.rest.webhooks import Subscription, Subscriptions
from integration.budget import SharedBudget
from integration.errors import Misconfigured, SyncError
from integration.ledger import audit
from integration.ledger.database import write
from integration.line.journey import House
from integration.secrets import SecretsFile
from integration.settings import Settings
from integration.settings.environment import SECRETS_FILE
from integration.settings.values import Wrong
from integration.settings.values import url as checked_url
from integration.settings.webhook_secret import webhook_secret_name
from integration.suggest import did_you_mean
from integration.webhook_secrets import WebhookSecrets

_URL = click.option("--url", help="How the system reaches the gateway; else `url` of [gateway].")


@dataclass(frozen=True, slots=True)
class _Account:
    """A connection with its subscriptions and what is kept of them."""

    name: str
    settings: Settings
    engine: Engine
    there: Subscriptions
    secrets: WebhookSecrets

    def note(self, action: str, **detail: Any) -> None:
        """In the audit trail."""
        with write(self.engine) as connection:
            audit.record(connection, action, self.name, **detail)


@click.group()
def webhooks() -> None:
    """Subscribe to the webhooks of a connection."""


@webhooks.command()
@click.argument("connection")
@_URL
@json_option
@click.pass_obj
def register(invocation: Invocation, connection: str, url: str | None, as_json: bool) -> None:
    """Subscribe the gateway to what the flows of CONNECTION can use.

    Changes what is not as it should be, and does nothing where it is.
    """
    with _account(invocation, connection) as account:
        address, events = _address(account, url), _events(account)
        subscription, changed = subscribing.register(account.there, account.secrets, address, events)
        if changed:
            account.note("register webhook", url=subscription.url, events=list(subscription.events))
        _tell(account, subscription, "is subscribed" if changed else "was subscribed already", as_json)


@webhooks.command()
@click.argument("connection")
@_URL
@json_option
@click.pass_obj
def rotate(invocation: Invocation, connection: str, url: str | None, as_json: bool) -> None:
    """Take a new signing secret: subscribe anew, and drop the old subscription and its secret."""
    with _account(invocation, connection) as account:
        address, events = _address(account, url), _events(account)
        subscription = subscribing.rotate(account.there, account.secrets, address, events)
        account.note("rotate webhook", url=subscription.url)
        _tell(account, subscription, "has a new secret", as_json)


@webhooks.command()
@click.argument("connection")
@_URL
@json_option
@click.pass_obj
def unregister(invocation: Invocation, connection: str, url: str | None, as_json: bool) -> None:
    """End the subscriptions of the gateway at CONNECTION; polling goes on."""
    with _account(invocation, connection) as account:
        known = url or account.settings.gateway.url
        ended = subscribing.unregister(account.there, account.secrets, _address(account, url) if known else None)
        account.note("unregister webhook", ended=ended)
    if as_json:
        print_json({"connection": connection, "ended": ended})
    else:
        console().print(f"{connection}: {ended} subscription{'' if ended == 1 else 's'} ended.")


@webhooks.command("list")
@json_option
@click.pass_context
def list_webhooks(ctx: click.Context, as_json: bool) -> None:
    """List the subscriptions of every connection. Ends with 3 where one of ours is disabled or has no secret here."""
    rows: list[dict[str, Any]] = []
    with opened(ctx.obj, credentials=True) as house:
        for name, configured in house.settings.connections.items():
            if definition(configured).webhooks is None:
                continue
            account = _of(house, name)
            try:
                found = account.there.list()
            except SyncError as error:
                rows.append({"connection": name, "key": None, "url": None, "events": [], "active": None, "ours": False, "secret": False})
                rows[-1] |= {"state": str(error), "bad": True}
                continue
            rows += [_row(account, one) for one in found]
    if as_json:
        print_json(rows)
    else:
        columns = [Column("connection", "Connection", style="bold"), Column("key", "Key"), Column("url", "Address")]
        columns += [Column("events", "Events"), Column("secret", "Secret"), Column("state", "State")]
        shown = [{**row, "events": ", ".join(row["events"]) or None, "state": _coloured(row)} for row in rows]
        print_table(shown, columns, empty="No subscriptions; `integration webhooks register CONNECTION` makes one.")
    if any(row["bad"] for row in rows):
        ctx.exit(Exit.PERSON)


def _row(account: _Account, one: Subscription) -> dict[str, Any]:
    kept = one.key in account.secrets.read()
    base = account.settings.gateway.url
    ours = kept or (base is not None and one.url == f"{base}/hooks/{account.name}")
    again = f"integration webhooks register {account.name}"
    state = "active" if one.active else "disabled"
    if not ours:
        state += ", not ours"
    elif not one.active:
        state += f", nothing comes: {again}"
    elif not kept:
        state = f"its secret is not here: {again}"
    told = {"key": one.key, "url": one.url, "events": list(one.events), "active": one.active, "ours": ours, "secret": kept}
    return {"connection": account.name, **told, "state": state, "bad": ours and not (one.active and kept)}


def _coloured(row: dict[str, Any]) -> Text:
    return Text(row["state"], style="bold red" if row["bad"] else "dim" if not row["ours"] else "green")


@contextmanager
def _account(invocation: Invocation, name: str) -> Iterator[_Account]:
    with opened(invocation, credentials=True) as house:
        known = house.settings.connections
        if name not in known:
            raise click.BadParameter(f"there is no connection `{name}`; {did_you_mean(name, known)}", param_hint="CONNECTION")
        own = f"secret:{webhook_secret_name(name)}"
        if foreign := [secret for secret in known[name].webhook_secrets if secret.reference != own]:
            raise Misconfigured(
                f"its `secret` is {foreign[0].reference}, so that no other can be kept for it; take the key out.",
                f"[connections.{name}.webhooks]",
            )
        yield _of(house, name)


def _of(house: House, name: str) -> _Account:
    settings = house.settings
    declared = definition(settings.connections[name])
    budget = SharedBudget(house.engine, name, declared.limits, declared.times.total, declared.times.settle)
    file = SecretsFile(settings.home / SECRETS_FILE, settings.master_key.reveal())
    subscriptions = connect(settings.connections[name], budget).subscriptions
    return _Account(name, settings, house.engine, subscriptions, WebhookSecrets(file, name))


def _address(account: _Account, url: str | None) -> str:
    if url is not None:
        try:
            url = checked_url(url)
        except Wrong as fault:
            raise click.BadParameter(f"it {fault}", param_hint="--url") from None
    base = url or account.settings.gateway.url
    if base is None:
        raise Misconfigured("how do the systems reach the gateway? Set `url` under [gateway], or give --url.", str(account.settings.path))
    return f"{base}/hooks/{account.name}"


def _events(account: _Account) -> Sequence[str]:
    events = events_of_use(account.settings.connections[account.name], account.settings.flows.values())
    if not events:
        raise Failure(f"no flow reads from {account.name} what its webhooks tell of; nothing was done.", Exit.FAILED)
    return events


def _tell(account: _Account, subscription: Subscription, done: str, as_json: bool) -> None:
    if as_json:
        print_json({"connection": account.name, "url": subscription.url, "events": list(subscription.events), "done": done})
        return
    console().print(f"{account.name} {done}: {', '.join(subscription.events)} go to {subscription.url}")
    if not takes_webhooks(account.settings):
        console().print("The gateway is part of what `integration up` runs from its next start on.", style="dim")
