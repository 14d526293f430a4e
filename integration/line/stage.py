"""Works on one batch at one stage: claims it, runs the stage, writes what came of it together with the next stage's turn.

What a stage raises decides when the batch comes back; a single record's failure never gets here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import structlog
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import InterfaceError, OperationalError

from integration import clock
from integration.budget import SharedBudget, Work, work
from integration.errors import Held, Limited, Misconfigured, SyncError, Transient, Unauthorized, Unreachable, Waiting
from integration.ledger import batches, holds, records, stock, tables
from integration.ledger.batches import Batch, LostLease, Stage
from integration.ledger.database import read, write
from integration.ledger.records import BOOKED, ENDS, EXTRACTED, HELD, KILLS_ALLOWED, TRANSFORMED, VALIDATED, Aside, Passed, Record
from integration.line import stock_publisher
from integration.line.backoff import backoff
from integration.line.course import COURSES
from integration.line.extract import KEYS, extract
from integration.line.journey import House, Journey
from integration.line.transform import transform
from integration.line.unexpected import bug

log = structlog.get_logger()

Bell = tuple[int, Stage]
"""A batch and the stage at which it is due now."""

REST_SECONDS = 5.0
LONGEST_REST = 60.0
"""How long a connection rests at first that refuses us or cannot be reached, and at most, before it is tried again."""

LONGEST_WITHOUT_LOOK = 3.0
"""A poll that failed comes back after so long at the latest: it is one request, and all that changes in an outage waits for it."""

DATABASE_SECONDS = 2.0
TIME_IS_UP_SECONDS = 1.0
MISCONFIGURED_SECONDS = 60.0

BUGS_ALLOWED = 3

COMPANY = 10
"""Records that are handled together once a worker has died at their batch: each handful costs the readings of a whole batch."""


class TimeIsUp(BaseException):
    """The worker's time for one turn is over: what is left of the batch goes on in another. No fault, so no `except Exception` takes it."""


def work_on(house: House, batch_id: int, stage: Stage) -> list[Bell]:
    """Do a batch's stage; gives the bells to ring after. Does nothing where the batch is done, elsewhere or in another's hands."""
    batch = batches.claim(house.engine, batch_id, stage)
    if batch is None:
        return []
    held = house.heartbeat.holding(batch)
    with held, structlog.contextvars.bound_contextvars(flow=batch.flow, run=batch.run_id, batch=batch.id, stage=stage):
        token = work.set(Work(batch.lane))
        try:
            return _do(house, batch)
        except LostLease:  # in the stage, or when what it had raised was to be noted: the batch is its new owner's
            log.warning("lease lost", owner=batch.owner)
            return []
        finally:
            work.reset(token)


def _do(house: House, batch: Batch) -> list[Bell]:
    """The stage, and what becomes of the batch where it raises. Raises LostLease."""
    stage = batch.stage
    try:
        bells = _STAGES[stage](house, batch)
        log.info("stage done", rings=[f"{following} {number}" for number, following in bells])
        return bells
    except LostLease:
        raise
    except TimeIsUp:
        log.warning("time is up")
        batches.postpone(house.engine, batch, TIME_IS_UP_SECONDS, "its time was up; what is left goes on", spend=False)
    except (Limited, Waiting) as error:
        batches.postpone(house.engine, batch, error.retry_after, str(error), spend=False)
    except (Unauthorized, Unreachable) as error:
        journey = house.journey(batch.flow)
        _rest(house, batch, error, journey.source_budget if stage == "extract" else journey.target_budget)
    except Transient as error:
        is_poll = stage == "extract" and KEYS not in batch.page
        seconds = backoff(batch.attempts, LONGEST_WITHOUT_LOOK) if is_poll else backoff(batch.attempts)
        batches.postpone(house.engine, batch, max(seconds, error.retry_after or 0.0), str(error), spend=True)
    except (OperationalError, InterfaceError):
        log.warning("database away")
        batches.postpone(house.engine, batch, DATABASE_SECONDS, "the database did not answer", spend=False)
    except Misconfigured as error:  # no record's fault: all wait until it is set right
        batches.postpone(house.engine, batch, MISCONFIGURED_SECONDS, str(error), spend=False)
    except SyncError as error:
        _give_up(house, batch, error)
    except Exception as error:  # noqa: BLE001 - a worker outlives what nobody expected
        failure = bug(error, stage)
        if batch.attempts < BUGS_ALLOWED:
            batches.postpone(house.engine, batch, backoff(batch.attempts), str(failure), spend=True)
        else:
            _give_up(house, batch, failure)
    return []


def _stage_of(
    step: Callable[[House, Journey, Sequence[Record]], list[Passed | Aside]],
    stage: Stage,
    before: str,
    after: str,
    stamp: str,
    following: Stage,
) -> Callable[[House, Batch], list[Bell]]:
    def run(house: House, batch: Batch) -> list[Bell]:
        journey = house.journey(batch.flow)

        def handle(wanted: Sequence[Record]) -> None:
            results = step(house, journey, wanted)
            with write(house.engine) as connection:
                batches.hold(connection, batch)
                held = [one for one in results if isinstance(one, Aside) and isinstance(one.error, Held)]
                records.settle(connection, stage, after, stamp, [one for one in results if one not in held])
                holds.put(connection, journey.flow.holds, held)
                holds.passed(connection, [one.record for one in results if one not in held and _is_over(one)])

        _each(house, batch, stage, [before], handle)
        with write(house.engine) as connection:
            left = _count(connection, batch, after)
            batches.finish(connection, batch, following if left else None, size=left)
        return [(batch.id, following)] if left else []

    return run


def _is_over(result: Passed | Aside) -> bool:
    return isinstance(result, Aside) or result.values.get("state") in ENDS


def _validate(house: House, journey: Journey, wanted: Sequence[Record]) -> list[Passed | Aside]:
    return COURSES[journey.flow.entity].validate(house, journey, wanted)


def _load(house: House, batch: Batch) -> list[Bell]:
    if stock.PUBLISH in batch.page:
        return stock_publisher.publish(house, batch)
    journey = house.journey(batch.flow)
    loader = COURSES[journey.flow.entity].loader(house, journey, batch)
    _each(house, batch, "load", [VALIDATED, BOOKED], loader.load, due=True)
    if isinstance(loader.stopped, (Unauthorized, Unreachable)):
        _rest(house, batch, loader.stopped, loader.resting, got_through=loader.got_through)
        return []
    if loader.stopped is not None:
        raise loader.stopped
    with write(house.engine) as connection:
        r = tables.record.c
        on_their_way = (r.batch_id == batch.id, r.state.not_in((*ENDS, HELD)))
        left, due = connection.execute(select(func.count(), func.min(r.due_at)).where(*on_their_way)).one()
        if not left:
            batches.finish(connection, batch, None)
            return loader.bells
    # The records wait each for its own reason and time; the batch comes back for the first of them.
    seconds = max(0.05, (due - clock.now()).total_seconds()) if due is not None else 1.0
    batches.postpone(house.engine, batch, seconds, f"{left} records wait", spend=False)
    return []


def _each(
    house: House, batch: Batch, stage: Stage, states: Sequence[str], handle: Callable[[Sequence[Record]], None], *, due: bool = False
) -> None:
    """Hand the batch's records to the stage: all at once, or a few at a time once the batch has lost a worker."""
    with read(house.engine) as connection:
        wanted = records.of_batch(connection, batch.id, states, due=clock.now() if due else None)
    if not batch.careful:
        handle(wanted)
        return
    for some in few_at_a_time(wanted):
        if some[0].kills >= KILLS_ALLOWED:
            with write(house.engine) as connection:
                batches.hold(connection, batch)
                records.set_aside(connection, stage, [Aside(some[0], records.poisoned(some[0]))])
                holds.passed(connection, some)
            continue
        with write(house.engine) as connection:
            batches.hold(connection, batch)
            records.count_kill(connection, some)
        try:
            handle(some)
        finally:  # also after an exception: this process lives, so none of them has killed it
            with write(house.engine) as connection:
                records.forgive_kill(connection, some)


def few_at_a_time(wanted: Sequence[Record]) -> Iterator[list[Record]]:
    """In their order; alone whoever was in hand when a worker died."""
    company: list[Record] = []
    for record in wanted:
        if company and (record.kills or len(company) == COMPANY):
            yield company
            company = []
        company.append(record)
        if record.kills:
            yield company
            company = []
    if company:
        yield company


def _count(connection: Connection, batch: Batch, state: str) -> int:
    r = tables.record.c
    return connection.execute(select(func.count()).where(r.batch_id == batch.id, r.state == state)).scalar_one()


def _rest(house: House, batch: Batch, error: Unauthorized | Unreachable, budget: SharedBudget, *, got_through: bool = False) -> None:
    """The whole connection rests, for every other request would meet the same; longer each time that nothing `got_through`."""
    asked = error.retry_after if isinstance(error, Unreachable) else None
    seconds = asked or (REST_SECONDS if got_through else min(LONGEST_REST, REST_SECONDS * batch.attempts))
    log.warning("connection rests", kind=error.kind, seconds=seconds, reason=str(error))
    budget.pause(seconds, f"{error.kind}: {error}"[:200])
    batches.postpone(house.engine, batch, seconds, str(error), spend=not got_through)


def _give_up(house: House, batch: Batch, error: SyncError) -> None:
    """A batch that cannot go on at all: its records go to a person, and the batch ends."""
    with write(house.engine) as connection:
        left = records.of_batch(connection, batch.id, [EXTRACTED, TRANSFORMED, VALIDATED])
        if left:
            records.set_aside(connection, batch.stage, [Aside(record, error) for record in left])
            holds.passed(connection, left)
        else:
            records.set_aside_batch(connection, batch.flow, batch.id, batch.stage, error)
        still_booked = _count(connection, batch, BOOKED)
        batches.finish(connection, batch, "load" if still_booked else None, note=str(error))


_STAGES: dict[Stage, Callable[[House, Batch], list[Bell]]] = {
    "extract": extract,
    "transform": _stage_of(transform, "transform", EXTRACTED, TRANSFORMED, "transformed_at", "validate"),
    "validate": _stage_of(_validate, "validate", TRANSFORMED, VALIDATED, "validated_at", "load"),
    "load": _load,
}
