"""`integration up`: the whole service on one machine, supervised, until it is told to stop."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.status import Status
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from commands import flower_password, processes, valkey
from commands.configuration import complete
from commands.invocation import Invocation
from commands.ledger import opened, wait_for_database
from commands.output import console, lasting
from commands.supervisor import Event, Supervisor
from commands.watchdog import Watchdog, watching
from integration import clock
from integration.errors import Misconfigured
from integration.ledger import alerts, budgets
from integration.ledger.counts import count
from integration.line.journey import House
from integration.settings import Settings

LOOK_SECONDS = 1.0


@click.command()
@click.pass_obj
def up(invocation: Invocation) -> None:
    """Run everything for the configured connections."""
    settings = complete(invocation)
    if not settings.flows:
        raise Misconfigured("no flow is configured, so there is nothing to run; add one, as `integration init` shows.", str(settings.path))
    screen = console()
    with Supervisor(settings.home, lambda event: _report(screen, event, settings.home)) as supervisor:
        if flower_password.ensure(settings):
            settings = complete(invocation)
        wait_for_database(settings.database_url, partial(_tell_of_waiting, screen), supervisor.wait)
        with opened(invocation) as house:  # brings the ledger to its present shape before the first worker looks at it
            processes.start(supervisor, settings)
            _introduce(screen, settings)
            with watching(Watchdog(supervisor, settings, house.engine, _redis_url(settings))):
                _watch(screen, supervisor, house)
        if screen.is_terminal:
            screen.print("Stopping: what has begun is finished first; Ctrl-C once more ends it at once.")


def _redis_url(settings: Settings) -> str:
    if settings.redis_url is not None:
        return settings.redis_url
    port = valkey.remembered_port(settings.home / "valkey")
    assert port is not None
    return valkey.url(port)


def _introduce(screen: Console, settings: Settings) -> None:
    flower, metrics = f"http://127.0.0.1:{settings.flower_port}", f"http://127.0.0.1:{settings.metrics_port}/metrics"
    gateway = f"http://{settings.gateway.host}:{settings.gateway.port}/hooks"
    logs = settings.home / "logs"
    assert settings.flower_auth is not None
    user = settings.flower_auth.reveal().partition(":")[0]
    if not screen.is_terminal:
        told = {"gateway": gateway} if processes.takes_webhooks(settings) else {}
        _say(
            "running",
            flower=flower,
            flower_user=user,
            flower_password=settings.flower_auth.reference,
            metrics=metrics,
            logs=str(logs),
            **told,
        )
        return
    kind, _, place = settings.flower_auth.reference.partition(":")
    password = f"cat {place}" if kind == "file" else settings.flower_auth.reference
    screen.print(f"Flower   {flower}   user {user}, password: {password}")
    screen.print(f"Metrics  {metrics}")
    if processes.takes_webhooks(settings):
        screen.print(f"Gateway  {gateway}   reached from outside as {settings.gateway.url or 'nothing yet: set `url` under [gateway]'}")
    screen.print(f"Logs     {logs}")
    screen.print("`integration status` tells more; Ctrl-C stops everything.")


def _watch(screen: Console, supervisor: Supervisor, house: House) -> None:
    """Until a signal comes; on a terminal with a line that tells how things are."""
    if not screen.is_terminal:
        supervisor.wait()
        return
    with Status("", console=screen) as status:
        while not supervisor.wait(LOOK_SECONDS):
            status.update(_line(supervisor, house))


def _line(supervisor: Supervisor, house: House) -> Text:
    children = supervisor.snapshot()
    down = [child.name for child in children if child.pid is None]
    parts = [Text(f"{', '.join(down)} down", style="bold red") if down else Text(f"{len(children)} processes run")]
    try:
        counts = count(house.engine)
        open_alerts = len(alerts.listed(house.engine))
        uses = {name: budgets.use(house.engine, name, 0) for name in house.settings.connections}
    except SQLAlchemyError:  # a database that is being restarted; everything goes on when it is back
        return Text(" · ").join([*parts, Text("the database does not answer", style="bold red")])
    parts += [Text(f"{flow}: read {lasting(age)} ago, lag {lasting(counts.lag.get(flow, 0.0))}") for flow, age in counts.cursor_age.items()]
    parts += [Text(f"{name} rests: {use.pause.reason}", style="yellow") for name, use in uses.items() if use.pause]
    parts.append(Text(f"{sum(counts.waiting.values())} waiting"))
    if counts.holds:
        parts.append(Text(f"{sum(counts.holds.values())} on hold"))
    letters = sum(counts.dead_letters.values())
    parts.append(Text(f"{letters} dead letter{'s' if letters != 1 else ''}", style="red" if letters else ""))
    if open_alerts:
        parts.append(Text(f"{open_alerts} alert{'s' if open_alerts > 1 else ''}: integration alerts", style="bold red"))
    return Text(" · ").join(parts)


def _report(screen: Console, event: Event, home: Path) -> None:
    """A line for a person where something ended, one for a log of every start and end."""
    if not screen.is_terminal:
        child = event.child
        wrong: dict[str, Any] = {}
        if event.what == "exited":
            wrong = {"exit": child.last_exit, "again_in": event.again_in, "log": str(processes.log_of(child.name, home))}
        _say(event.what, process=child.name, **({"pid": child.pid} if child.pid else {}), **wrong)
    elif event.what == "exited" or (event.what == "started" and event.child.restarts):
        screen.print(processes.tell(event, home))


def _tell_of_waiting(screen: Console, said: str) -> None:
    if screen.is_terminal:
        screen.print(f"{said[0].upper()}{said[1:]}; Ctrl-C stops.", style="yellow", markup=False)
    else:
        _say("waiting", reason=said)


def _say(event: str, **members: Any) -> None:
    click.echo(json.dumps({"at": clock.text(clock.now()), "event": event, **members}))
