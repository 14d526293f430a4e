"""`integration status`: at a glance, whether all is well, what is stuck and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import click
from rich.text import Text
from sqlalchemy import Engine

from commands.exits import Exit
from commands.ledger import opened
from commands.output import Column, ago, console, json_option, lasting, print_json, print_table
from connectors.registry import definition
from integration import clock, liveness
from integration.budget import SharedBudget
from integration.ledger import budgets
from integration.ledger.alerts import Alert, listed
from integration.ledger.counts import Counts, count
from integration.ledger.overview import Backfill, Overview, overview
from integration.settings import Connection, Flow, Settings

STOPPED_AFTER = 30.0
"""A flow that has not looked for so many seconds, and for three of its own turns, is not running."""

BEHIND_AFTER = 60.0
"""A batch that was due so many seconds ago and that no worker took."""

STYLES = {"running": "green", "behind": "yellow", "resting": "yellow", "stopped": "bold red", "never run": "bold red"}


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """`requests` of `limit` were sent in the window that counts; `running` of `concurrent` are under way."""

    name: str
    system: str
    requests: int
    limit: int
    per_seconds: int
    running: int
    concurrent: int
    resting_until: datetime | None
    reason: str | None

    @property
    def refused(self) -> bool:
        """It rests because its credentials were refused, which passes only when a person mends them."""
        return bool(self.reason and self.reason.startswith("unauthorized"))


@dataclass(frozen=True, slots=True)
class FlowStatus:
    """`lag`: the age in seconds of the oldest record that is not through; `waiting` of those in flight wait for their time; `holds` by
    kind wait for what is missing."""

    name: str
    source: str
    target: str
    state: str
    because: str
    last_read: datetime | None
    lag: float
    in_flight: dict[str, int]
    waiting: int
    holds: dict[str, int]
    dead_letters: int
    booked_hour: int
    booked_day: int


@click.command()
@json_option
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """Show how each flow is, and what needs a person.

    Ends with 3 where something does.
    """
    with opened(ctx.obj) as house:
        settings = house.settings
        seen, counts = overview(house.engine, settings.flows), count(house.engine)
        connections = [_connection(house.engine, one) for one in settings.connections.values()]
        stuck = liveness.silent_parts(liveness.look(house.engine, settings.flows))
        alerts = listed(house.engine)
    by_name = {one.name: one for one in connections}
    flows = [_flow(flow, seen, counts, by_name) for flow in settings.flows.values()]
    concerns = [*_concerns(flows, connections), *(f"{part}: {reason}; see its log" for part, (reason, _) in stuck.items())]
    if as_json:
        backfills = [asdict(one) for one in seen.backfills]
        data = {"flows": [asdict(one) for one in flows], "connections": [asdict(one) for one in connections]}
        print_json({**data, "backfills": backfills, "alerts": [asdict(one) for one in alerts], "needs_a_person": concerns})
    else:
        _print(settings, flows, connections, seen)
        _print_concerns(alerts, concerns)
    if concerns:
        ctx.exit(Exit.PERSON)


def _connection(engine: Engine, connection: Connection) -> ConnectionStatus:
    declared = definition(connection)
    limits = declared.limits
    window = SharedBudget(engine, connection.name, limits, declared.times.total).window
    use = budgets.use(engine, connection.name, window)
    return ConnectionStatus(
        connection.name,
        connection.system,
        use.requests,
        limits.requests,
        limits.per_seconds,
        use.slots,
        limits.concurrent,
        clock.now() + timedelta(seconds=use.pause.left) if use.pause else None,
        use.pause.reason if use.pause else None,
    )


def _flow(flow: Flow, seen: Overview, counts: Counts, connections: dict[str, ConnectionStatus]) -> FlowStatus:
    state, because = _state(flow, seen, counts, [connections[flow.source], connections[flow.target]])
    return FlowStatus(
        name=flow.name,
        source=flow.source,
        target=flow.target,
        state=state,
        because=because,
        last_read=seen.last_read.get(flow.name),
        lag=counts.lag.get(flow.name, 0.0),
        in_flight=dict(seen.in_flight.get(flow.name, {})),
        waiting=counts.waiting.get(flow.name, 0),
        holds={kind: number for (name, kind), number in counts.holds.items() if name == flow.name},
        dead_letters=sum(number for (name, _), number in counts.dead_letters.items() if name == flow.name),
        booked_hour=seen.booked_hour.get(flow.name, 0),
        booked_day=seen.booked_day.get(flow.name, 0),
    )


def _state(flow: Flow, seen: Overview, counts: Counts, connections: Sequence[ConnectionStatus]) -> tuple[str, str]:
    age = counts.cursor_age.get(flow.name)
    if age is None:
        return "never run", "nothing has looked yet; start it with `integration up`"
    if age > max(STOPPED_AFTER, 3 * flow.every):
        return "stopped", f"nothing has looked for {lasting(age)}; start it with `integration up`"
    for one in connections:
        if one.resting_until is not None:
            return "resting", f"{one.name} rests, again {ago(one.resting_until)}: {one.reason}"
    overdue = seen.overdue.get(flow.name, 0.0)
    if overdue > BEHIND_AFTER:
        return "behind", f"a batch has been due for {lasting(overdue)} and no worker took it"
    return "running", ""


def _concerns(flows: Sequence[FlowStatus], connections: Sequence[ConnectionStatus]) -> list[str]:
    """A sentence for each thing that needs a person."""
    found = [f"{one.name}: {one.because}" for one in flows if one.state in ("stopped", "never run")]
    found += [f"{one.name}: its credentials were refused; set them right, then it goes on by itself" for one in connections if one.refused]
    letters = [(one.name, f"{one.dead_letters} dead letter{'' if one.dead_letters == 1 else 's'}") for one in flows if one.dead_letters]
    found += [f"{name}: {count}, see `integration dead-letters list`" for name, count in letters]
    return found


def _print(settings: Settings, flows: Sequence[FlowStatus], connections: Sequence[ConnectionStatus], seen: Overview) -> None:
    screen = console()
    print_table(map(_flow_row, flows), FLOW_COLUMNS, empty=f"No flow is configured in {settings.path}.")
    for one in flows:
        if one.because:
            screen.print(f"{one.name}: {one.because}", style=STYLES[one.state])
    screen.print()
    print_table(map(_connection_row, connections), CONNECTION_COLUMNS, empty="No connection is configured.")
    screen.print()
    if seen.backfills:
        print_table(map(_backfill_row, seen.backfills), BACKFILL_COLUMNS)
        screen.print()


def _print_concerns(alerts: Sequence[Alert], concerns: Sequence[str]) -> None:
    screen = console()
    if alerts:
        screen.print("Alerts:", style="bold")
        for one in alerts:
            screen.print(f"  {one.message} ({ago(one.since)})")
        screen.print()
    if concerns:
        screen.print("Needs a person:", style="bold red")
        for concern in concerns:
            screen.print(f"  {concern}")
    else:
        screen.print("Nothing needs a person.", style="green")


def _flow_row(one: FlowStatus) -> dict[str, Any]:
    in_flight = ", ".join(f"{number} {stage}" for stage, number in one.in_flight.items())
    holds = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in one.holds.items())
    return {
        "name": one.name,
        "way": f"{one.source} → {one.target}",
        "state": Text(one.state, style=STYLES[one.state]),
        "last_read": one.last_read,
        "lag": lasting(one.lag) if one.lag else None,
        "in_flight": in_flight or None,
        "waiting": one.waiting or None,
        "holds": holds or None,
        "dead_letters": Text(str(one.dead_letters), style="bold red") if one.dead_letters else None,
        "booked_hour": one.booked_hour,
        "booked_day": one.booked_day,
    }


def _connection_row(one: ConnectionStatus) -> dict[str, Any]:
    return {
        "name": one.name,
        "use": f"{one.requests} of {one.limit} in {one.per_seconds} s",
        "running": f"{one.running} of {one.concurrent}",
        "resting": f"{ago(one.resting_until)}: {one.reason}" if one.resting_until else None,
    }


def _backfill_row(one: Backfill) -> dict[str, Any]:
    return {**asdict(one), "read": f"{(one.place - one.since) / (one.until - one.since):.0%}"}


FLOW_COLUMNS = (
    Column("name", "Flow", style="bold"),
    Column("way", "From → to"),
    Column("state", "State"),
    Column("last_read", "Last read"),
    Column("lag", "Lag", right=True),
    Column("in_flight", "In flight"),
    Column("waiting", "Waiting", right=True),
    Column("holds", "On hold"),
    Column("dead_letters", "Dead letters", right=True),
    Column("booked_hour", "Booked 1 h", right=True),
    Column("booked_day", "24 h", right=True),
)
CONNECTION_COLUMNS = (
    Column("name", "Connection", style="bold"),
    Column("use", "Requests"),
    Column("running", "At a time"),
    Column("resting", "Rests, again"),
)
BACKFILL_COLUMNS = (
    Column("run_id", "Backfill", right=True),
    Column("flow", "Flow", style="bold"),
    Column("state", "State"),
    Column("read", "Read", right=True),
    Column("started_at", "Begun"),
)
