"""What is wrong now, each with what to do: dead letters, flows that are behind, systems that do not answer, parts that do not move.

Every question reads what is open, through a partial index, and nothing personal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import datetime, timedelta

from sqlalchemy import Engine, and_, func, or_, select

from integration import clock, liveness
from integration.ledger import budgets, calls, tables
from integration.ledger.alerts import Trouble
from integration.ledger.calls import Answers
from integration.ledger.database import read
from integration.ledger.records import HELD
from integration.ports import Limits
from integration.settings.model import Flow, HoldTimes, Settings

NEARLY_ALL = 0.9
"""Of a connection's requests; above it live traffic comes near to waiting."""

NOT_LOOKED_SECONDS = 60.0
"""A flow that has not looked for so long, and for three of its own turns, is not looking."""

FAILING_FOR = timedelta(minutes=5)
"""A failed request is a sign of an outage for so long; a connection that nobody uses has none."""

NEAR_SECONDS = 3600.0
NEAR_SHARE = 0.25
"""A hold is near its end in its last hour, or in the last quarter of its time where that is shorter."""

UNAUTHORIZED, UNREACHABLE = "unauthorized", "unreachable"


def troubles(engine: Engine, settings: Settings, limits: Mapping[str, Limits]) -> list[Trouble]:
    """`limits` by connection."""
    moment = clock.now()
    return [
        *_dead_letters(engine),
        *_holds(engine, settings.flows, moment),
        *_behind(engine, settings.flows, moment),
        *_not_looking(engine, settings.flows, moment),
        *_connections(engine, limits, moment),
        *_liveness(engine, settings.flows),
    ]


def _dead_letters(engine: Engine) -> Iterator[Trouble]:
    d = tables.dead_letter.c
    causes = select(d.flow, d.cause, func.count(), func.min(d.created_at)).where(d.state == "open").group_by(d.flow, d.cause)
    with read(engine) as connection:
        rows = connection.execute(causes).all()
    for flow, cause, count, since in rows:
        message = f"{flow}: {_number(count, 'dead letter')}, {cause}"
        yield Trouble(
            "dead letters", f"{flow}: {cause}", message, f"Look with `integration dead-letters list --flow {flow}`.", since, count
        )


def _holds(engine: Engine, flows: Mapping[str, Flow], moment: datetime) -> Iterator[Trouble]:
    h = tables.hold.c
    near = [
        and_(h.flow == flow.name, h.kind == kind.name, h.deadline < moment + _near(getattr(flow.holds, kind.name)))
        for flow in flows.values()
        for kind in fields(HoldTimes)
        if kind.name != "tracking"  # it ends by being sent, not by asking a person
    ]
    ending = select(h.flow, h.kind, func.count(), func.min(h.deadline)).where(h.state == "open", or_(*near)).group_by(h.flow, h.kind)
    with read(engine) as connection:
        rows = connection.execute(ending).all() if near else []
    for flow, kind, count, deadline in rows:
        words = kind.replace("_", " ")
        message = f"{flow}: {_number(count, 'record')} held for {words} will soon ask for a person, the first at {clock.text(deadline)}"
        advice = f"Look with `integration holds list --flow {flow}`; what is missing must come, or release or cancel them."
        yield Trouble("holds", f"{flow}: {kind}", message, advice, min(moment, deadline), count)


def _near(seconds: float) -> timedelta:
    return timedelta(seconds=min(NEAR_SECONDS, NEAR_SHARE * seconds))


def _behind(engine: Engine, flows: Mapping[str, Flow], moment: datetime) -> Iterator[Trouble]:
    r, b = tables.record, tables.batch
    on_its_way = (
        select(func.count(), func.min(r.c.extracted_at))
        .join_from(r, b, b.c.id == r.c.batch_id)
        .where(r.c.finished_at.is_(None), b.c.lane == "live", r.c.state != HELD)
    )
    for flow in flows.values():
        late = timedelta(seconds=flow.behind_after)
        with read(engine) as connection:
            count, oldest = connection.execute(on_its_way.where(r.c.flow == flow.name, r.c.extracted_at < moment - late)).one()
        if count:
            message = f"{flow.name}: {_number(count, 'record')} on the way for longer than {flow.behind_after:g} s"
            advice = "Look with `integration status` what they wait for, and with `integration trace` at one of them."
            yield Trouble("behind", flow.name, message, advice, oldest + late, count)


def _not_looking(engine: Engine, flows: Mapping[str, Flow], moment: datetime) -> Iterator[Trouble]:
    c = tables.cursor.c
    with read(engine) as connection:
        looked = dict(connection.execute(select(c.flow, c.updated_at)).all())
    for flow in flows.values():
        allowed = timedelta(seconds=max(NOT_LOOKED_SECONDS, 3 * flow.every))
        if flow.name in looked and looked[flow.name] < moment - allowed:
            message = f"{flow.name}: nothing has looked for new records since {clock.text(looked[flow.name])}"
            advice = "Look with `integration status`; where nothing runs, start it with `integration up`."
            yield Trouble("not looking", flow.name, message, advice, looked[flow.name] + allowed)


def _connections(engine: Engine, limits: Mapping[str, Limits], moment: datetime) -> Iterator[Trouble]:
    answers = calls.answers(engine)
    for name, limit in limits.items():
        use = budgets.use(engine, name, limit.per_seconds)
        reason = use.pause.reason if use.pause else ""
        if reason.startswith(UNAUTHORIZED):
            message, advice = f"{name}: its credentials are refused", "Set them right and check with `integration check`; then it goes on."
            yield Trouble(UNAUTHORIZED, name, message, advice, moment)
        elif reason.startswith(UNREACHABLE) or _fails(answers.get(name), moment):
            message = f"{name}: it does not answer, or says that it does not work"
            advice = "Ask whoever runs it; all work waits, nothing is lost, and it goes on by itself when the system does."
            yield Trouble("outage", name, message, advice, moment)
        if use.requests > NEARLY_ALL * limit.requests:
            message = f"{name}: more than {NEARLY_ALL:.0%} of its {limit.requests} requests in {limit.per_seconds} s are used"
            advice = "Nothing is refused, but orders wait; stop a backfill if one runs, or ask the system's owner for a higher limit."
            yield Trouble("budget", name, message, advice, moment)


def _fails(heard: Answers | None, moment: datetime) -> bool:
    """Whether the last that was heard of it, not long ago, was a failure."""
    if heard is None or heard.bad is None or heard.bad < moment - FAILING_FOR:
        return False
    return heard.good is None or heard.good < heard.bad


def _liveness(engine: Engine, flows: Mapping[str, Flow]) -> Iterator[Trouble]:
    signs = liveness.look(engine, flows)
    for part, (reason, since) in liveness.silent_parts(signs).items():
        yield Trouble("stuck", part, f"{part}: {reason}", "The supervisor restarts it; where none runs, restart it yourself.", since)
    for process, at in liveness.restarted(signs).items():
        advice = "Nothing is lost; where it happens again, look into its log."
        yield Trouble("restarted", process, f"{process} did not move and was restarted", advice, at)


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
