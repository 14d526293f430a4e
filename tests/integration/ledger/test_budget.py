"""The API budget holds across processes and threads, whatever dies; judged by when requests really left."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.event import listen

from integration import clock
from integration.budget import SharedBudget, Work, work
from integration.errors import Limited, Waiting
from integration.ledger import budgets, lease
from integration.ledger.database import open_engine
from integration.ports import Limits

LIMITS = Limits(requests=30, per_seconds=1, concurrent=4)

CLIENT = """
import json, sys, threading, time
from integration.budget import SharedBudget
from integration.errors import Limited
from integration.ledger.database import open_engine
from integration.ports import Limits

url, seconds = sys.argv[1], float(sys.argv[2])
budget = SharedBudget(open_engine(url), "tims", Limits(30, 1, 4), 5.0)
end = time.monotonic() + seconds
lock = threading.Lock()

def client():
    while time.monotonic() < end:
        try:
            with budget.expecting(8), budget.request():
                begun = time.monotonic()
                time.sleep(0.02)
                with lock:
                    print(json.dumps([begun, time.monotonic()]), flush=True)
        except Limited as error:
            time.sleep(min(error.retry_after, 0.2))

threads = [threading.Thread(target=client) for _ in range(6)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def most_in_any(seconds: float, times: list[float]) -> int:
    times = sorted(times)
    return max(sum(1 for other in times if begun <= other < begun + seconds) for begun in times)


def most_at_once(spans: list[tuple[float, float]]) -> int:
    edges = sorted([(begun, 1) for begun, _ in spans] + [(ended, -1) for _, ended in spans])
    running = most = 0
    for _, step in edges:
        running += step
        most = max(most, running)
    return most


def test_no_window_sees_more_than_the_limit_though_a_process_is_killed(engine: Engine, database_url: str, tmp_path: Path) -> None:
    clients = []
    for number in range(3):
        with (tmp_path / f"{number}").open("w") as told:
            clients.append(subprocess.Popen([sys.executable, "-c", CLIENT, database_url, "7"], stdout=told, cwd=Path.cwd()))
    try:
        time.sleep(2.5)  # in the middle of the run, whatever the processes are doing
        clients[0].kill()
        for client in clients[1:]:
            assert client.wait(30) == 0
    finally:
        for client in clients:
            client.kill()
            client.wait()
    spans = [(begun, ended) for number in range(3) for begun, ended in map(json.loads, (tmp_path / f"{number}").read_text().splitlines())]
    by_process = [len((tmp_path / f"{number}").read_text().splitlines()) for number in (1, 2)]
    assert most_in_any(LIMITS.per_seconds, [begun for begun, _ in spans]) <= LIMITS.requests
    assert most_at_once(spans) <= LIMITS.concurrent
    assert min(by_process) > 0, "one process took everything"
    assert len(spans) >= LIMITS.requests * 2, "the budget was hardly used"


def test_a_pause_holds_for_everybody_and_never_gets_shorter(engine: Engine) -> None:
    one, other = (SharedBudget(engine, "tims", LIMITS, 5.0) for _ in range(2))
    with one.request():
        pass
    one.pause(30.0)
    one.pause(1.0)
    for budget in (one, other):
        with pytest.raises(Limited) as caught, budget.request():
            pass
        assert caught.value.retry_after > 25
    budgets.resume(engine, "tims")
    with other.request():
        pass


def test_a_backfill_leaves_room_for_what_is_live(engine: Engine) -> None:
    budget = SharedBudget(engine, "tims", Limits(20, 60, 8), 5.0)
    token = work.set(Work("backfill"))
    sent = 0
    try:
        with budget.expecting(20):
            for _ in range(20):
                with budget.request():
                    sent += 1
    except Limited:
        pass
    finally:
        work.reset(token)
    assert sent == 14
    with budget.request():  # the live lane still gets its turn at once
        pass


def test_slots_of_a_dead_process_come_back(engine: Engine, database_url: str) -> None:
    code = (
        "import os, sys; from integration.budget import SharedBudget; from integration.ledger.database import open_engine;"
        "from integration.ports import Limits; b = SharedBudget(open_engine(sys.argv[1]), 'tims', Limits(100, 60, 2), 60.0, 1.0);"
        "import time; turn = b.request(); turn.__enter__(); time.sleep(1.5); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, database_url], check=False, cwd=Path.cwd())
    assert budgets.use(engine, "tims", 60).slots == 1
    budget = SharedBudget(engine, "tims", Limits(100, 60, 2), 60.0, 1.0)
    begun = time.monotonic()
    while True:
        try:
            with budget.request():
                break
        except Limited:
            assert time.monotonic() - begun < 20
    assert time.monotonic() - begun > 0.9, "the request of the dead process may still be at work"


def test_no_request_leaves_after_its_claim_has_run_out(engine: Engine) -> None:
    budget = SharedBudget(engine, "tims", LIMITS, 5.0)
    token = work.set(Work("live", time.monotonic() - 1))
    try:
        with pytest.raises(Waiting), budget.request():
            pass
    finally:
        work.reset(token)


def test_the_count_survives_a_restart_of_everything(engine: Engine, database_url: str) -> None:
    budget = SharedBudget(engine, "tims", Limits(5, 60, 8), 5.0)
    for _ in range(5):
        with budget.request():
            pass
    engine.dispose()
    afterwards = open_engine(database_url)
    with pytest.raises(Limited) as caught, SharedBudget(afterwards, "tims", Limits(5, 60, 8), 5.0).request():
        pass
    afterwards.dispose()
    assert 50 < caught.value.retry_after < 63


def test_a_process_that_stands_still_leaves_others_a_slot(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integration.budget.PATIENCE_SECONDS", 0.3)
    frozen, other = (SharedBudget(engine, "tims", Limits(100, 60, 5), 30.0) for _ in range(2))
    with contextlib.ExitStack() as running, frozen.expecting(40):
        for _ in range(3):
            running.enter_context(frozen.request())
        with pytest.raises(Limited, match="no turn"):
            running.enter_context(frozen.request())
        for _ in range(5):
            with other.request():
                pass


def test_a_process_that_has_fewer_slots_than_threads_seldom_asks_for_more(engine: Engine) -> None:
    """Asking is a transaction: one for each request made an order three times as dear where two processes shared a system's slots."""
    limits = Limits(10_000, 1, 6)
    greedy, crowded = (SharedBudget(engine, "tims", limits, 30.0) for _ in range(2))
    asked: list[float] = []

    def send() -> None:
        for _ in range(50):
            with crowded.request():
                time.sleep(0.002)

    with contextlib.ExitStack() as running, greedy.expecting(4), crowded.expecting(200):
        for _ in range(4):
            running.enter_context(greedy.request())
        begun = time.monotonic()
        listen(engine, "begin", lambda _: asked.append(time.monotonic()))
        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        took = time.monotonic() - begun
    assert len(asked) < 10 + took / 0.05, f"{len(asked)} transactions in {took:.2f} s"


def test_threads_of_one_process_share_one_lot(engine: Engine) -> None:
    budget = SharedBudget(engine, "tims", Limits(1000, 60, 8), 5.0)
    at_once, most, lock = 0, 0, threading.Lock()

    def client() -> None:
        nonlocal at_once, most
        with budget.request():
            with lock:
                at_once += 1
                most = max(most, at_once)
            time.sleep(0.05)
            with lock:
                at_once -= 1

    with budget.expecting(40):
        threads = [threading.Thread(target=client) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert 3 <= most <= 6
    assert budgets.use(engine, "tims", 62).slots == 0, "idle slots are given back"


def test_a_request_that_was_given_up_on_keeps_its_slot_while_it_may_still_run(engine: Engine) -> None:
    one, other = (SharedBudget(engine, "tims", Limits(100, 60, 3), 5.0) for _ in range(2))
    with one.request():
        one.linger(1.0)
    assert budgets.use(engine, "tims", 60).slots == 1
    begun = time.monotonic()
    with other.request(), one.request():  # of the two slots one lingers, so the second of these waits for its end
        assert time.monotonic() - begun > 0.8
    assert budgets.use(engine, "tims", 60).slots == 0


def test_what_is_not_used_of_a_lot_goes_back(engine: Engine) -> None:
    budget = SharedBudget(engine, "tims", Limits(100, 60, 4), 5.0)
    with budget.expecting(10):
        for _ in range(3):
            with budget.request():
                assert budgets.use(engine, "tims", 62).requests == 10, "one lot for all that was announced"
    assert budgets.use(engine, "tims", 62).requests == 3


def test_an_older_lot_that_ran_out_goes_back_with_the_next(engine: Engine) -> None:
    limits = {"limit": 10, "window": 60.0, "slots": 1, "slot_limit": 4, "slot_seconds": 5.0, "settle_seconds": 0.0}
    first = budgets.take(engine, "tims", lease.new_owner(), requests=10, **limits)
    assert (first.requests, first.id is not None) == (10, True)
    second = budgets.take(engine, "tims", lease.new_owner(), requests=10, spare=budgets.Spare(first.id, 4), **limits)
    assert second.requests == 4
    assert budgets.use(engine, "tims", 60).requests == 10


@pytest.mark.parametrize("ahead", [120, -120])
def test_a_clock_that_is_set_frees_nothing_that_is_in_use(engine: Engine, monkeypatch: pytest.MonkeyPatch, ahead: int) -> None:
    true = clock.now
    monkeypatch.setattr("integration.budget.PATIENCE_SECONDS", 0.3)
    one, other = (SharedBudget(engine, "tims", Limits(5, 60, 2), 30.0) for _ in range(2))
    with one.request():
        monkeypatch.setattr("integration.clock.now", lambda: true() + timedelta(seconds=ahead))
        with pytest.raises(Limited, match="running"), other.request():
            pass
    for _ in range(4):
        with other.request():
            pass
    monkeypatch.setattr("integration.clock.now", true)
    with pytest.raises(Limited, match="limit of requests"), one.request():
        pass


def test_a_slot_that_another_took_over_meanwhile_is_asked_for_anew(engine: Engine) -> None:
    """The one that may write has given up on a request, and its slot has gone to the next."""
    limits = Limits(requests=100, per_seconds=1, concurrent=4, readers=2, writers=1)
    one, other = (SharedBudget(engine, "sage100", limits, 0.3) for _ in range(2))
    with one.request(writes=True):
        one.linger(0.5, writes=True)
    with other.request(writes=True):
        other.linger(0.0, writes=True)
    with one.request(writes=True):
        pass


@pytest.mark.parametrize("jump", [-3600, 3600])
def test_a_clock_that_is_set_makes_no_pause_longer_or_shorter(engine: Engine, jump: int, monkeypatch: pytest.MonkeyPatch) -> None:
    budget = SharedBudget(engine, "tims", LIMITS, 5.0)
    budget.pause(30.0)
    present = clock.now
    monkeypatch.setattr(clock, "now", lambda: present() + timedelta(seconds=jump))
    with pytest.raises(Limited) as caught, budget.request():
        pass
    assert 25 < caught.value.retry_after <= 30


def test_a_pause_of_before_the_host_restarted_is_over(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    budget = SharedBudget(engine, "tims", LIMITS, 5.0)
    budget.pause(30.0)
    monkeypatch.setattr(budgets, "moment_of", lambda _: datetime.fromtimestamp(7.0, UTC))
    with budget.request():
        pass
