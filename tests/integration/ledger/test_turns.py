"""Batches of backfills and reconciliations are worked on one at a time, so that a worker's other processes are free for live work."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import Engine, update

from integration import clock
from integration.ledger import batches, tables
from integration.ledger.batches import TURN_NOTE, Batch, Lane, Stage
from integration.ledger.database import read, write


def batch(engine: Engine, lane: Lane, stage: Stage = "load") -> int:
    with write(engine) as connection:
        return batches.start_run(connection, "orders", "tick", lane, {}, stage=stage, size=1)[1]


def claim(engine: Engine, batch_id: int, stage: Stage = "load") -> Batch | None:
    return batches.claim(engine, batch_id, stage)


def make_due(engine: Engine, batch_id: int) -> None:
    with write(engine) as connection:
        connection.execute(update(tables.batch).where(tables.batch.c.id == batch_id).values(due_at=clock.now() - timedelta(seconds=1)))


def test_a_second_one_waits_for_its_turn_and_spends_nothing(engine: Engine) -> None:
    first, second = batch(engine, "backfill"), batch(engine, "reconcile")
    held = claim(engine, first)
    assert held
    assert claim(engine, second) is None
    with read(engine) as connection:
        row = connection.execute(tables.batch.select().where(tables.batch.c.id == second)).one()
    assert (row.attempts, row.owner, row.note, row.rung_at) == (0, None, TURN_NOTE, None)
    assert row.due_at > clock.now() - timedelta(seconds=1)
    with write(engine) as connection:
        batches.finish(connection, held, None)
    make_due(engine, second)
    assert claim(engine, second)


def test_live_work_waits_for_nobody(engine: Engine) -> None:
    backfill, live, retries = batch(engine, "backfill"), batch(engine, "live"), batch(engine, "retries")
    assert claim(engine, backfill)
    assert claim(engine, live)
    assert claim(engine, retries)


def test_reading_and_loading_go_on_side_by_side(engine: Engine) -> None:
    assert claim(engine, batch(engine, "backfill", "load"))
    assert claim(engine, batch(engine, "backfill", "extract"), "extract")
    assert claim(engine, batch(engine, "backfill", "validate"), "validate") is None


def test_one_whose_lease_has_ended_has_no_turn(engine: Engine) -> None:
    first, second = batch(engine, "backfill"), batch(engine, "backfill")
    assert claim(engine, first)
    with write(engine) as connection:
        connection.execute(update(tables.batch).where(tables.batch.c.id == first).values(lease_until=clock.now() - timedelta(seconds=1)))
    assert claim(engine, second)


def test_of_many_at_the_same_moment_one_gets_the_turn(engine: Engine) -> None:
    waiting = [batch(engine, "backfill") for _ in range(8)]
    with ThreadPoolExecutor(len(waiting)) as pool:
        got = [one for one in pool.map(lambda batch_id: claim(engine, batch_id), waiting) if one]
    assert len(got) == 1


def test_what_passes_a_stage_is_counted_by_flow_stage_and_lane(engine: Engine) -> None:
    held = claim(engine, batch(engine, "live", "transform"), "transform")
    other = claim(engine, batch(engine, "live", "transform"), "transform")
    assert held
    assert other
    with write(engine) as connection:
        batches.finish(connection, held, "validate", size=3)
        batches.finish(connection, other, "validate", size=4)
    with read(engine) as connection:
        assert [tuple(row) for row in connection.execute(tables.stage_count.select())] == [("orders", "transform", "live", 7)]
