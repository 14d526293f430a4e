"""Holds in the ledger, on each database: one for a source record, its place kept, closed in the same breath as the record ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from integration import clock
from integration.errors import FieldError, Held
from integration.ledger import batches, holds, records, tables
from integration.ledger.database import read, write
from integration.ledger.holds import Hold
from integration.ledger.records import Aside, Record
from integration.settings.model import HoldTimes

TIMES = HoldTimes()


def record(engine: Engine, key: str, version: str, **columns: Any) -> Record:
    with write(engine) as connection:
        _, batch = batches.start_run(connection, "orders", "tick", "live", {}, stage="transform", size=1)
        row = {"batch_id": batch, "flow": "orders", "source_key": key, "version": version, "state": "transformed", "edited": False}
        counted = {"attempts": 0, "kills": 0, "extracted_at": clock.now(), "raw": b"sealed"}
        made = connection.execute(insert(tables.record).values(**{**row, **counted, **columns})).inserted_primary_key
        assert made is not None
        (found,) = records.by_ids(connection, [made[0]])
    return found


def put(engine: Engine, wanted: Sequence[Record], kind: str = "unknown_sku", awaits: str = "X-1") -> None:
    error = Held("it waits", kind, awaits, (FieldError("lines[0].sku", f"{awaits} is not there"),))
    with write(engine) as connection:
        holds.put(connection, TIMES, [Aside(one, error) for one in wanted])


def held(engine: Engine) -> list[Hold]:
    with read(engine) as connection:
        return holds.listed(connection)


def states(engine: Engine) -> Mapping[int, str]:
    r = tables.record.c
    with read(engine) as connection:
        return {row.id: row.state for row in connection.execute(select(r.id, r.state))}


def age(engine: Engine, seconds: float) -> None:
    """All holds began earlier, and are due."""
    h = tables.hold
    with write(engine) as connection:
        for row in connection.execute(select(h)).all():
            span = timedelta(seconds=seconds)
            values = {"since": row.since - span, "deadline": row.deadline - span, "check_at": clock.now()}
            connection.execute(update(h).where(h.c.id == row.id).values(**values))


def test_a_hold_is_no_end(engine: Engine) -> None:
    one = record(engine, "1", "a")
    put(engine, [one])
    (hold,) = held(engine)
    assert hold.deadline - hold.since == timedelta(seconds=TIMES.unknown_sku)
    with read(engine) as connection:
        row = connection.execute(select(tables.record)).one()
    assert (row.state, row.finished_at, row.due_at, row.reason) == ("held", None, None, "lines[0].sku: X-1 is not there")


def test_a_newer_version_keeps_the_place_and_of_the_same_kind_the_deadline(engine: Engine) -> None:
    first = record(engine, "1", "a")
    put(engine, [first])
    age(engine, 3600)
    (before,) = held(engine)
    second = record(engine, "1", "b")
    put(engine, [second])
    (same,) = held(engine)
    assert (same.record_id, same.since, same.deadline) == (second.id, before.since, before.deadline)
    third = record(engine, "1", "c")
    put(engine, [third], "credit", "C-1")
    (other,) = held(engine)
    assert (other.record_id, other.since, other.kind) == (third.id, before.since, "credit")
    assert other.deadline > clock.now() + timedelta(seconds=TIMES.credit - 60)
    assert states(engine) == {first.id: "superseded", second.id: "superseded", third.id: "held"}


def test_held_again_for_the_same_it_is_the_same_hold(engine: Engine) -> None:
    one = record(engine, "1", "a")
    put(engine, [one])
    age(engine, 600)
    (before,) = held(engine)
    with write(engine) as connection:
        holds.send_on(connection, [before])
    assert held(engine) == [], "it is on its way"
    put(engine, [one])
    (again,) = held(engine)
    assert (again.id, again.since, again.deadline) == (before.id, before.since, before.deadline)
    assert again.check_at > clock.now() + timedelta(seconds=50), "what has waited long is looked at seldom"


def test_an_older_version_never_waits_beside_a_newer_one(engine: Engine) -> None:
    newer, older = record(engine, "1", "b"), record(engine, "1", "a")
    put(engine, [newer])
    put(engine, [older])
    assert [hold.record_id for hold in held(engine)] == [newer.id]
    assert states(engine)[older.id] == "superseded"
    both = [record(engine, "2", "a"), record(engine, "2", "b")]
    put(engine, both)
    assert [hold.record_id for hold in held(engine)] == [newer.id, both[1].id]


def test_the_database_takes_no_second_open_hold_of_a_record(engine: Engine) -> None:
    put(engine, [record(engine, "1", "a")])
    with read(engine) as connection:
        row = connection.execute(select(tables.hold)).one()._asdict()
    del row["id"]
    with pytest.raises(IntegrityError), write(engine) as connection:
        connection.execute(insert(tables.hold).values(**row))


def test_a_version_that_is_through_ends_the_hold_of_an_older_one(engine: Engine) -> None:
    older, other = record(engine, "1", "a"), record(engine, "2", "a")
    put(engine, [older, other])
    newer = record(engine, "1", "b")
    with write(engine) as connection:
        holds.passed(connection, [newer])
    assert [hold.record_id for hold in held(engine)] == [other.id]
    assert states(engine)[older.id] == "superseded"
    with write(engine) as connection:
        holds.passed(connection, [other])
    assert held(engine) == []


def test_what_is_due_is_looked_at_by_one(engine: Engine) -> None:
    wanted = [record(engine, str(number), "a") for number in range(3)]
    put(engine, wanted)
    assert holds.take_due(engine, clock.now()) == []
    age(engine, 100)
    due = holds.take_due(engine, clock.now())
    assert [hold.record_id for hold in due] == [one.id for one in wanted]
    assert holds.take_due(engine, clock.now()) == []


def test_what_goes_on_does_so_in_batches_in_order_of_arrival_and_once(engine: Engine) -> None:
    late, early = [record(engine, str(number), "a") for number in range(2)]
    put(engine, [early])
    age(engine, 60)
    put(engine, [late])
    found = held(engine)
    with write(engine) as connection:
        (batch,) = holds.send_on(connection, list(reversed(found)))
    with write(engine) as connection:
        assert holds.send_on(connection, found) == []
    assert {early.id: "extracted", late.id: "extracted"} == states(engine)
    (due,) = [one for one in batches.due(engine) if one.batch_id == batch]
    assert (due.size, due.lane, due.stage) == (2, "live", "transform")
    with read(engine) as connection:
        run = connection.execute(select(tables.run).join(tables.batch).where(tables.batch.c.id == batch)).one()
    assert run.kind == "release"


def test_what_a_person_backfilled_goes_on_as_such(engine: Engine) -> None:
    one = record(engine, "1", "a")
    with write(engine) as connection:
        connection.execute(update(tables.batch).values(lane="backfill"))
    other = record(engine, "2", "a")
    put(engine, [one, other])
    with write(engine) as connection:
        made = holds.send_on(connection, held(engine))
        pages = dict(connection.execute(select(tables.record.c.id, tables.batch.c.page).join(tables.batch)).all())
    assert len(made) == 2
    assert pages == {one.id: {"release": True, "replay": True}, other.id: {"release": True}}


def test_past_its_deadline_it_is_a_dead_letter_that_says_what_it_waited_for(engine: Engine) -> None:
    one = record(engine, "1", "a")
    put(engine, [one])
    (hold,) = held(engine)
    with write(engine) as connection:
        holds.expire(connection, [hold])
        holds.expire(connection, [hold])
    with read(engine) as connection:
        (letter,) = connection.execute(select(tables.dead_letter)).all()
    assert (letter.kind, letter.record_id) == ("held", one.id)
    assert letter.reason == f"lines[0].sku: X-1 is not there; waited in vain since {clock.text(hold.since)}"
    assert held(engine) == []


def test_a_person_waives_a_kind_for_one_record(engine: Engine) -> None:
    one, other = record(engine, "1", "a"), record(engine, "2", "a")
    put(engine, [one, other], "credit", "C-1")
    with write(engine) as connection:
        holds.send_on(connection, held(engine)[:1], waive=True)
    with read(engine) as connection:
        assert holds.waived(connection, [one.id, other.id]) == {(one.id, "credit")}
    assert [hold.record_id for hold in held(engine)] == [other.id]


def test_what_is_on_its_way_is_not_cancelled(engine: Engine) -> None:
    gone, still = record(engine, "1", "a"), record(engine, "2", "a")
    put(engine, [gone, still])
    found = held(engine)
    with write(engine) as connection:
        holds.send_on(connection, found[:1])
        ended = holds.cancel(connection, found, "not ours")
    assert [hold.record_id for hold in ended] == [still.id]
    assert states(engine) == {gone.id: "extracted", still.id: "skipped"}
    with read(engine) as connection:
        assert [hold.record_id for hold in holds.standing(connection, "orders")] == [gone.id]


def test_releases_whose_records_went_on_are_forgotten(engine: Engine) -> None:
    one = record(engine, "1", "a")
    put(engine, [one])
    for _ in range(2):
        with write(engine) as connection:
            holds.send_on(connection, held(engine))
        put(engine, [one])
    with write(engine) as connection:
        connection.execute(update(tables.run).values(state="done", finished_at=clock.now() - timedelta(hours=2)))
    batches.forget_empty_runs(engine, timedelta(hours=1))
    with read(engine) as connection:
        kinds = connection.execute(select(tables.run.c.kind)).scalars().all()
    assert kinds == ["release"], "the one that its record is in"
