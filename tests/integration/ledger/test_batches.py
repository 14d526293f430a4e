"""Who may work on a batch, and what is rung again, when workers die, freeze and take over from one another."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from integration import clock
from integration.heartbeat import Heartbeat
from integration.ledger import batches, lease, tables
from integration.ledger.batches import LostLease
from integration.ledger.database import read, write
from tests.fixtures.processes import wait_for

CLAIM_AND_DIE = (
    "import os, sys; from integration.ledger.database import open_engine; from integration.ledger import batches;"
    "assert batches.claim(open_engine(sys.argv[1]), 1, 'extract'); os.kill(os.getpid(), 9)"
)


@pytest.fixture
def batch(engine: Engine) -> int:
    with write(engine) as connection:
        return batches.start_run(connection, "orders", "tick", "live", {"only_new": False})[1]


def set_batch(engine: Engine, **values: object) -> None:
    with write(engine) as connection:
        connection.execute(update(tables.batch).values(**values))


def test_only_one_of_many_gets_a_batch(engine: Engine, batch: int) -> None:
    claimed: list[batches.Batch] = []
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        one = batches.claim(engine, batch, "extract")
        if one is not None:
            claimed.append(one)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == 1


def test_a_batch_is_not_given_for_another_stage_nor_before_it_is_due(engine: Engine, batch: int) -> None:
    assert batches.claim(engine, batch, "load") is None
    claimed = batches.claim(engine, batch, "extract")
    assert claimed is not None
    batches.postpone(engine, claimed, 60, "waits", spend=False)
    assert batches.claim(engine, batch, "extract") is None


def test_a_batch_of_a_dead_process_is_taken_over_at_once_and_counts_the_loss(engine: Engine, batch: int, database_url: str) -> None:
    subprocess.run([sys.executable, "-c", CLAIM_AND_DIE, database_url], check=False, cwd=Path.cwd())
    set_batch(engine, rung_at=clock.now() - timedelta(seconds=2))
    assert [bell.batch_id for bell in batches.due(engine)] == [batch]
    taken = batches.claim(engine, batch, "extract")
    assert taken is not None and taken.losses == 1 and taken.careful


def test_a_dead_process_is_not_rung_for_at_every_sweep(engine: Engine, batch: int, database_url: str) -> None:
    """Bells that nobody has time to hear would pile up."""
    subprocess.run([sys.executable, "-c", CLAIM_AND_DIE, database_url], check=False, cwd=Path.cwd())
    set_batch(engine, rung_at=clock.now() - timedelta(seconds=8))
    assert [bell.batch_id for bell in batches.due(engine)] == [batch]
    set_batch(engine, rung_at=clock.now() - timedelta(seconds=2), lease_until=clock.now() + timedelta(seconds=batches.LEASE_SECONDS - 4))
    assert batches.due(engine) == []
    set_batch(engine, rung_at=clock.now() - timedelta(seconds=batches.RING_AGAIN_SECONDS + 1))
    assert [bell.batch_id for bell in batches.due(engine)] == [batch]


def test_a_batch_that_failed_waits_behind_live_work_but_not_for_ever(engine: Engine, batch: int) -> None:
    claimed = batches.claim(engine, batch, "extract")
    assert claimed is not None
    batches.postpone(engine, claimed, 0, "the system did not answer", spend=True)
    assert [bell.again for bell in batches.due(engine)] == [True]
    long_ago = clock.now() - timedelta(seconds=batches.RING_AGAIN_SECONDS + 1)
    set_batch(engine, due_at=long_ago, rung_at=long_ago)
    assert [bell.again for bell in batches.due(engine)] == [False]


def test_a_batch_of_another_host_is_taken_over_only_when_its_lease_ends(engine: Engine, batch: int) -> None:
    set_batch(engine, owner="elsewhere/1/1.00/0", lease_until=clock.now() + timedelta(seconds=60))
    assert batches.claim(engine, batch, "extract") is None
    set_batch(engine, lease_until=clock.now() - timedelta(seconds=1))
    assert batches.claim(engine, batch, "extract") is not None


def test_who_lost_a_batch_writes_nothing_more(engine: Engine, batch: int) -> None:
    frozen = batches.claim(engine, batch, "extract")
    assert frozen is not None
    set_batch(engine, lease_until=clock.now() - timedelta(seconds=1))
    assert batches.claim(engine, batch, "extract") is not None

    def write_late() -> None:
        with write(engine) as connection:
            batches.add_batch(connection, frozen.run_id, "orders", "live", "extract", {})
            batches.finish(connection, frozen, "transform", size=1)

    with pytest.raises(LostLease):
        write_late()
    with read(engine) as connection:
        assert len(connection.execute(select(tables.batch)).all()) == 1, "what the loser did was rolled back"
    with pytest.raises(LostLease):
        batches.postpone(engine, frozen, 1, "late", spend=False)


def test_a_bell_that_was_lost_is_rung_again_but_not_all_the_time(engine: Engine, batch: int) -> None:
    assert batches.due(engine) == [], "it was rung a moment ago"
    set_batch(engine, rung_at=clock.now() - timedelta(seconds=batches.RING_AGAIN_SECONDS + 1))
    assert [bell.batch_id for bell in batches.due(engine)] == [batch]
    assert batches.due(engine) == []


def test_what_was_postponed_rings_when_it_is_due(engine: Engine, batch: int) -> None:
    claimed = batches.claim(engine, batch, "extract")
    assert claimed is not None
    batches.postpone(engine, claimed, 60, "waits", spend=False)
    assert batches.due(engine) == []
    set_batch(engine, due_at=clock.now() - timedelta(seconds=1))
    assert [bell.batch_id for bell in batches.due(engine)] == [batch]


def test_a_wait_spends_no_attempt_and_a_failure_does(engine: Engine, batch: int) -> None:
    for spend, attempts in ((False, 1), (False, 1), (True, 1), (True, 2), (False, 3), (False, 3)):
        claimed = batches.claim(engine, batch, "extract")
        assert claimed is not None and claimed.attempts == attempts
        batches.postpone(engine, claimed, 0, "again", spend=spend)


def test_a_run_ends_with_its_last_batch_and_empty_ones_are_forgotten(engine: Engine, batch: int) -> None:
    claimed = batches.claim(engine, batch, "extract")
    assert claimed is not None
    with write(engine) as connection:
        batches.finish(connection, claimed, None)
    with read(engine) as connection:
        assert connection.execute(select(tables.run.c.state)).scalar_one() == "done"
    assert batches.forget_empty_runs(engine, timedelta(hours=1)) == 0
    assert batches.forget_empty_runs(engine, timedelta(seconds=-1)) == 1
    with read(engine) as connection:
        assert connection.execute(select(tables.batch)).all() == []


def test_a_process_knows_itself_to_be_alive_and_a_reused_number_to_be_dead() -> None:
    mine = lease.new_owner()
    assert not lease.is_dead(mine)
    host, pid, started, turn = mine.rsplit("/", 3)
    assert lease.is_dead(f"{host}/{pid}/{float(started) - 100:.2f}/{turn}"), "the number now belongs to another process"
    assert not lease.is_dead(f"elsewhere/{os.getpid()}/1.00/0")


def until_of(engine: Engine) -> datetime:
    with read(engine) as connection:
        until: datetime = connection.execute(select(tables.batch.c.lease_until)).scalar_one()
    return until


def test_a_batch_in_hand_stays_in_hand_for_longer_than_its_lease(engine: Engine, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integration.heartbeat.EVERY_SECONDS", 0.05)
    claimed = batches.claim(engine, batch, "extract")
    assert claimed is not None
    with Heartbeat(engine).holding(claimed):
        set_batch(engine, lease_until=clock.now() + timedelta(seconds=1))
        wait_for(lambda: until_of(engine) > clock.now() + timedelta(seconds=batches.LEASE_SECONDS - 10))
        assert batches.claim(engine, batch, "extract") is None


def test_what_was_taken_over_is_not_taken_back_by_a_heartbeat(engine: Engine, batch: int) -> None:
    frozen = batches.claim(engine, batch, "extract")
    assert frozen is not None
    set_batch(engine, lease_until=clock.now() - timedelta(seconds=1))
    taken = batches.claim(engine, batch, "extract")
    assert taken is not None
    set_batch(engine, lease_until=clock.now() - timedelta(seconds=1))
    batches.renew(engine, [frozen])
    assert until_of(engine) < clock.now()
    batches.renew(engine, [taken])
    assert until_of(engine) > clock.now()


def test_who_only_stood_still_has_not_died_at_its_batch(engine: Engine, batch: int) -> None:
    """Or a clock that was set would have every batch in hand handled one record at a time."""
    assert batches.claim(engine, batch, "extract") is not None
    set_batch(engine, lease_until=clock.now() - timedelta(seconds=1))
    taken = batches.claim(engine, batch, "extract")
    assert taken is not None and not taken.careful


def clock_ahead(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    monkeypatch.setattr(clock, "now", lambda: moment)


@pytest.mark.parametrize("put_off_by", ["finish", "postpone"])
def test_what_a_clock_that_was_ahead_has_put_off_is_due_when_it_is_right_again(
    engine: Engine, batch: int, put_off_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed = batches.claim(engine, batch, "extract")
    assert claimed is not None
    with monkeypatch.context() as patch:
        clock_ahead(patch, 60)
        if put_off_by == "postpone":
            batches.postpone(engine, claimed, 1.0, "waits for room on the line", spend=False)
        else:
            with write(engine) as connection:
                batches.finish(connection, claimed, "transform")
    stage: batches.Stage = "extract" if put_off_by == "postpone" else "transform"
    assert batches.claim(engine, batch, stage) is None
    assert [bell.batch_id for bell in batches.due(engine)] == [batch]
    assert batches.claim(engine, batch, stage) is not None


def test_a_bell_that_was_lost_while_the_clock_was_ahead_is_rung_again(engine: Engine, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    set_batch(engine, rung_at=None)
    with monkeypatch.context() as patch:
        clock_ahead(patch, 60)
        assert [bell.batch_id for bell in batches.due(engine)] == [batch]
    assert [bell.batch_id for bell in batches.due(engine)] == [batch]


def test_what_is_put_off_by_a_clock_that_is_right_waits(engine: Engine, batch: int) -> None:
    claimed = batches.claim(engine, batch, "extract")
    assert claimed is not None
    batches.postpone(engine, claimed, 60.0, "the system asked for a pause", spend=False)
    assert batches.due(engine) == []


def test_a_lease_of_a_clock_that_was_ahead_is_no_longer_than_another(engine: Engine, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        clock_ahead(patch, 60)
        assert batches.claim(engine, batch, "extract") is not None
    batches.due(engine)
    assert until_of(engine) <= clock.now() + timedelta(seconds=batches.LEASE_SECONDS)
