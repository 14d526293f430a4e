"""`integration backfill` brings over what was created in a stretch of time, can be stopped and taken up, and can be tried first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from commands import backfill_watch
from integration import clock
from integration.ledger import batches, tables
from integration.ledger.database import read, write
from integration.line import backfill
from integration.line.holds import release
from integration.line.journey import House
from integration.line.stage import work_on
from tests.fixtures.line import booked, drain, key, order, with_sku
from tests.fixtures.simulators import ROOT, Simulators
from tests.integration.commands_ops.conftest import Call

Ask = Callable[..., Any]


def dated(number: int, day: int, **members: Any) -> dict[str, Any]:
    """An order that was created on that day of March and taken over by somebody else long ago."""
    moment = f"2026-03-{day:02d}T10:00:00.000Z"
    return order(number, CreatedDate=moment, UpdatedDate=moment, OrderDate=moment, Exported=True, **members)


@contextmanager
def worker(house: House) -> Iterator[None]:
    """Works on whatever is due, as workers and sweeper together do."""
    ended = threading.Event()

    def serve() -> None:
        while not ended.wait(0.02):
            bells = [(one.batch_id, one.stage) for one in batches.due(house.engine)]
            while bells and not ended.is_set():
                batch_id, stage = bells.pop(0)
                bells += work_on(house, batch_id, stage)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def runs(house: House) -> list[Any]:
    with read(house.engine) as connection:
        return list(connection.execute(select(tables.run).where(tables.run.c.kind == "backfill").order_by(tables.run.c.id)).all())


def test_what_was_created_in_the_window_is_booked_and_counted(house: House, simulators: Simulators, ask: Ask, call: Call) -> None:
    placed = simulators.channeladvisor.place([dated(1, 2), dated(2, 4), dated(3, 6), dated(4, 20)])
    with worker(house):
        done = ask("backfill", "orders", "--since", "2026-03-02", "--until", "2026-03-07")
        again = ask("backfill", "orders", "--since", "2026-03-02", "--until", "2026-03-07")
    assert (done["created"], done["dead"], done["records"], done["state"]) == (3, 0, 3, "done")
    assert set(booked(simulators)) == {key(one) for one in placed[:3]}
    assert again["records"] == 0
    assert len(runs(house)) == 2
    assert {run.lane for run in runs(house)} == {"backfill"}


def test_what_was_skipped_before_is_booked_by_a_backfill(house: House, simulators: Simulators, ask: Ask) -> None:
    simulators.channeladvisor.place([order(1)])
    drain(house)
    (marked,) = simulators.channeladvisor.place([order(2, Exported=True)])
    drain(house)
    assert key(marked) not in booked(simulators)
    with worker(house):
        done = ask("backfill", "orders", "--since", "1d")
    assert done["created"] == 1
    assert key(marked) in booked(simulators)


def test_what_is_put_aside_gives_exit_code_3(house: House, simulators: Simulators, ask: Ask) -> None:
    simulators.channeladvisor.place(
        [dated(1, 2), {**dated(2, 2), "TotalAmount": "1.00"}, {**dated(3, 2), "Items": with_sku(3, "NO-SUCH")["Items"]}], check=False
    )
    with worker(house):
        done = ask("backfill", "orders", "--since", "2026-03-02", "--until", "2026-03-03", exit_code=3)
    assert (done["created"], done["dead"], done["held"]) == (1, 1, 1)


def test_a_marked_order_that_a_backfill_brought_is_booked_after_its_hold_too(house: House, simulators: Simulators, ask: Ask) -> None:
    drain(house)
    (one,) = simulators.channeladvisor.place([{**dated(2, 2), "Items": with_sku(2, "LATER-1")["Items"], "Exported": True}], check=False)
    with worker(house):
        done = ask("backfill", "orders", "--since", "2026-03-02", "--until", "2026-03-03")
    assert done["held"] == 1
    simulators.tims.items({"SKU": "LATER-1", "Description": "New", "Cost": "1.0000", "ListPrice": "2.0000", "Status": "Active"})
    with write(house.engine) as connection:
        connection.execute(update(tables.hold).values(check_at=clock.now()))
        connection.execute(delete(tables.item))
    release(house)
    drain(house)
    assert len(booked(simulators)[key(one)]) == 1


def test_a_stopped_backfill_goes_on_at_its_place(house: House, simulators: Simulators, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    placed = simulators.channeladvisor.place([dated(number, number + 1) for number in range(1, 7)])

    class PressedAfterTwoWindows(Event):
        def wait(self, timeout: float | None = None) -> bool:
            for _ in range(2):
                (reading,) = [one for one in open_batches(house) if one.stage == "extract"]
                work_on(house, reading.id, "extract")
            return True

    words = ("backfill", "orders", "--since", "2026-03-02", "--until", "2026-03-08")
    with monkeypatch.context() as patch:
        patch.setattr(backfill_watch, "Event", PressedAfterTwoWindows)
        assert "stopped at 2026-03-04: no further page is read" in call(*words, exit_code=130).stderr
    work_off(house)
    assert len(booked(simulators)) == 2  # what was read goes on to its end, and nothing else is read
    (run,) = runs(house)
    assert (run.state, run.place.day) == ("stopped", 4)
    with worker(house):
        result = call(*words)
    assert "taken up, from 2026-03-04 on" in result.stderr
    assert set(booked(simulators)) == {key(one) for one in placed}
    assert [(run.state, run.place) for run in runs(house)] == [("done", run.until)]


def test_the_same_relative_words_mean_the_same_backfill(house: House) -> None:
    moment = clock.now()
    first = backfill.begin(house.engine, "orders", moment - timedelta(days=7), moment, "since 7d until now")
    later = moment + timedelta(seconds=40)
    assert backfill.begin(house.engine, "orders", later - timedelta(days=7), later, "since 7d until now") == backfill.Begun(
        first.run_id, "joined", first.since, first.until, first.place
    )
    with write(house.engine) as connection:
        connection.execute(update(tables.run).values(started_at=moment - timedelta(days=2)))
    assert backfill.begin(house.engine, "orders", later - timedelta(days=7), later, "since 7d until now").how == "started"


def test_a_page_that_cannot_be_read_stops_the_backfill_where_it_is(house: House, simulators: Simulators, call: Call, ask: Ask) -> None:
    placed = simulators.channeladvisor.place([dated(number, number + 1) for number in range(1, 4)])
    simulators.channeladvisor.faults({"refuse": {"times": 1, "operations": ["listOrders"]}})
    words = ("backfill", "orders", "--since", "2026-03-02", "--until", "2026-03-05")
    with worker(house):
        assert "The same command goes on from there" in call(*words, exit_code=1).stderr
        letter = str(ask("dead-letters", "list", exit_code=3)[0]["example"]["id"])
        assert "there is no payload to replay" in call("dead-letters", "replay", letter, exit_code=1).stderr
        call("dead-letters", "dismiss", letter)
        call(*words)
    assert set(booked(simulators)) == {key(one) for one in placed}


def test_nobody_at_work_is_said_in_one_sentence(house: House, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    backfill.begin(house.engine, "orders", clock.instant("2026-03-02T00:00:00Z"), clock.instant("2026-03-03T00:00:00Z"), "")
    with write(house.engine) as connection:
        connection.execute(update(tables.batch).values(due_at=clock.now() - timedelta(seconds=16)))
    with monkeypatch.context() as patch:
        patch.setattr(backfill_watch, "PATIENCE_SECONDS", 0.1)
        result = call("backfill", "orders", "--since", "2026-03-02", "--until", "2026-03-03", exit_code=1)
    assert "joined" in result.stderr
    assert "Error: nothing works on this backfill: start the workers with `integration up`" in result.stderr
    with worker(house):
        call("backfill", "orders", "--since", "2026-03-02", "--until", "2026-03-03")


@pytest.mark.kills
def test_ctrl_c_stops_and_a_kill_does_not(house: House) -> None:
    command = [sys.executable, "-m", "commands", "backfill", "orders", "--since", "2026-03-02", "--until", "2026-03-30"]

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        assert "Ctrl-C stops it" in process.stderr.readline()
        return process

    killed = start()
    killed.kill()
    killed.communicate()
    assert [run.state for run in runs(house)] == ["open"]
    stopped = start()
    stopped.send_signal(signal.SIGINT)
    _, said = stopped.communicate(timeout=20)
    assert (stopped.returncode, [run.state for run in runs(house)]) == (130, ["stopped"])
    assert "The same command goes on from there." in said


def test_a_dry_run_tells_what_would_happen_and_does_nothing(house: House, simulators: Simulators, ask: Ask, call: Call) -> None:
    new, there, changed, shipped, cancelled, wrong, unknown = simulators.channeladvisor.place(
        [
            dated(1, 2),
            dated(2, 3),
            dated(3, 4),
            dated(4, 5, OrderStatus="Shipped", FulfillmentStatus="Shipped"),
            dated(5, 6, OrderStatus="Cancelled", FulfillmentStatus="Canceled"),
            dated(6, 6, TotalAmount="0.01"),
            {**dated(7, 6), "Items": with_sku(7, "NO-SUCH")["Items"]},
        ],
        check=False,
    )
    with worker(house):
        ask("backfill", "orders", "--since", "2026-03-03", "--until", "2026-03-05")
    simulators.channeladvisor.change(key(changed), PaymentStatus="Failed")
    before, ledger = writes(simulators), counts(house)
    told = ask("backfill", "orders", "--since", "2026-03-01", "--until", "2026-03-07", "--dry-run", exit_code=3)
    effects = {record["key"]: record["effect"] for record in told["records"]}
    assert effects == {
        key(new): "create",
        key(there): "unchanged",
        key(changed): "change",
        key(shipped): "put aside",
        key(cancelled): "skip",
        key(wrong): "put aside",
        key(unknown): "hold",
    }
    (change,) = [record for record in told["records"] if record["effect"] == "change"]
    assert "PaymentStatus" in change["members"]
    assert change["target_key"] == booked(simulators)[key(changed)][0]["SalesOrderID"]
    assert writes(simulators) == before
    assert counts(house) == ledger
    shown = call("backfill", "orders", "--since", "2026-03-01", "--until", "2026-03-07", "--dry-run", exit_code=3)
    assert "7 records of orders; nothing was sent" in shown.stdout
    assert "Orchard" not in shown.stdout


def test_a_dry_run_finds_what_the_target_holds_without_our_knowing(house: House, simulators: Simulators, ask: Ask) -> None:
    simulators.channeladvisor.place([dated(1, 2)])
    with worker(house):
        ask("backfill", "orders", "--since", "2026-03-02", "--until", "2026-03-03")
    with write(house.engine) as connection:
        for table in (tables.delivery, tables.record, tables.crosswalk):
            connection.execute(table.delete())
    (record,) = ask("backfill", "orders", "--since", "2026-03-02", "--until", "2026-03-03", "--dry-run")["records"]
    assert (record["effect"], record["target_key"]) == ("unchanged", simulators.tims.state()["sales_orders"][0]["SalesOrderID"])


def test_wrong_words_are_one_sentence(house: House, call: Call) -> None:
    for words, said in {
        ("orders", "--since", "2026-03-05", "--until", "2026-03-02"): "must lie before --until",
        ("orders", "--since", "soon"): "`soon` is no moment; give a day such as 2026-03-02",
        ("orders", "--since", "2026-02-30"): "is no moment",
        ("orders", "--since", "99999w"): "is no moment",
        ("orders", "--since", "2026-03-02T10:00:00"): "is no moment",
        ("orderz", "--since", "7d"): "there is no entity or flow `orderz`; did you mean `orders`?",
        ("orders", "--since", "7d", "--flow", "x"): "there is no flow `x`",
        ("orders",): "--since",
    }.items():
        error = call("backfill", *words, exit_code=2).stderr
        assert said in error, error
        assert "Traceback" not in error
    with read(house.engine) as connection:
        assert connection.execute(select(func.count()).select_from(tables.run)).scalar_one() == 0


def writes(simulators: Simulators) -> dict[str, int]:
    """Requests that change anything, by operation."""
    sent = {**simulators.channeladvisor.stats()["requests"], **simulators.tims.stats()["requests"]}
    return {name: number for name, number in sent.items() if not name.startswith(("list", "get", "issueToken", "token"))}


def counts(house: House) -> dict[str, int]:
    """Rows of everything that a dry run must leave alone."""
    left_alone = (tables.run, tables.batch, tables.record, tables.crosswalk, tables.delivery, tables.dead_letter, tables.cursor)
    with read(house.engine) as connection:
        return {table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in left_alone}


def open_batches(house: House) -> list[Any]:
    with read(house.engine) as connection:
        return list(connection.execute(select(tables.batch).where(tables.batch.c.state == "open").order_by(tables.batch.c.id)).all())


def work_off(house: House) -> None:
    """Everything that is open, without a look for what is new."""
    while found := open_batches(house):
        for one in found:
            work_on(house, one.id, one.stage)
