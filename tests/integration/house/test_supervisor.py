"""The supervisor with real processes: what ends comes back, what is stopped is gone, and nothing outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from commands import child as child_module
from commands.child import Child
from commands.supervisor import Event, Supervisor, read_snapshot
from integration.errors import Misconfigured
from tests.fixtures.processes import wait_for

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]
FAMILY = [sys.executable, "-c", "import subprocess; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True); p.wait()"]
SUPERVISED = """
import sys
from pathlib import Path
from commands.child import Child
from commands.supervisor import Supervisor
with Supervisor(Path(sys.argv[1])) as supervisor:
    supervisor.start(Child("stubborn", [sys.executable, "-c", sys.argv[3]], grace=60))
    supervisor.start(Child("family", [sys.executable, "-c", sys.argv[2]]))
    print("ready", flush=True)
    supervisor.wait()
"""


def gone(pid: int) -> bool:
    """A zombie has ended too; only its parent has not looked yet."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def log(home: Path, name: str) -> str:
    return (home / "logs" / f"{name}.log").read_text()


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A supervisor in a process of its own on `tmp_path`, with two children that have started."""
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISED, tmp_path, FAMILY[2], STUBBORN[2]], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    wait_for(lambda: log(tmp_path, "family") and log(tmp_path, "stubborn"))
    yield process
    if process.poll() is None:
        stop(process, tmp_path, signal.SIGTERM)
    process.communicate()


def stop(process: subprocess.Popen[str], home: Path, number: signal.Signals) -> None:
    """A first signal, which ends the family, and a second, which is not for waiting out the minute of the stubborn one."""
    family = int(log(home, "family"))
    process.send_signal(number)
    wait_for(lambda: gone(family))
    process.send_signal(number)
    process.wait(10)


def pids_of(home: Path) -> list[int]:
    states = read_snapshot(home)
    assert states is not None
    return [*(state.pid for state in states if state.pid), int(log(home, "family"))]


def test_a_killed_child_is_started_again_and_its_own_children_end_with_it(tmp_path: Path) -> None:
    events: list[Event] = []
    with Supervisor(tmp_path, events.append) as supervisor:
        supervisor.start(Child("family", FAMILY))
        first = supervisor.snapshot()[0]
        grandchild = int(wait_for(lambda: log(tmp_path, "family")))
        assert first.pid
        os.kill(first.pid, signal.SIGKILL)
        again = wait_for(lambda: next((state for state in supervisor.snapshot() if state.restarts == 1), None))
        assert again.pid != first.pid
        assert again.last_exit == -signal.SIGKILL
        assert wait_for(lambda: gone(grandchild))
    assert [(event.what, event.again_in) for event in events] == [("started", None), ("exited", 0.5), ("started", None), ("stopped", None)]
    assert again.pid
    assert gone(again.pid)


def test_what_keeps_ending_is_started_less_and_less_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "FIRST_BACKOFF", 0.01)
    monkeypatch.setattr(child_module, "LONGEST_BACKOFF", 0.04)
    events: list[Event] = []
    with Supervisor(tmp_path, events.append) as supervisor:
        supervisor.start(Child("fails", [sys.executable, "-c", "raise SystemExit(3)"]))
        wait_for(lambda: len([event for event in events if event.what == "exited"]) >= 4)
    exits = [event for event in events if event.what == "exited"]
    assert [event.again_in for event in exits[:4]] == [0.01, 0.02, 0.04, 0.04]
    assert {event.child.last_exit for event in exits} == {3}


def test_children_stop_in_the_reverse_order_and_the_stubborn_are_killed_after_their_grace(tmp_path: Path) -> None:
    events: list[Event] = []
    with Supervisor(tmp_path, events.append) as supervisor:
        supervisor.start(Child("server", SLEEPER))
        supervisor.start(Child("worker", STUBBORN, grace=0.3))
        wait_for(lambda: log(tmp_path, "server") and log(tmp_path, "worker"))
        began = time.monotonic()
    assert 0.3 <= time.monotonic() - began < 5
    stopped = [(event.child.name, event.child.last_exit) for event in events if event.what == "stopped"]
    assert stopped == [("worker", -signal.SIGKILL), ("server", -signal.SIGTERM)]


def test_a_child_gets_our_environment_and_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "one")
    with Supervisor(tmp_path) as supervisor:
        show = "import os, time; print(os.environ['OURS'], os.environ['ITS'], flush=True); time.sleep(600)"
        supervisor.start(Child("child", [sys.executable, "-c", show], env={"ITS": "two"}))
        assert wait_for(lambda: log(tmp_path, "child")) == "one two\n"


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor, pytest.raises(Misconfigured, match="nothing cannot be started: /no/such/program: No such"):
        supervisor.start(Child("nothing", ["/no/such/program"]))


def test_a_second_supervisor_on_the_same_home_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with Supervisor(tmp_path), pytest.raises(Misconfigured, match=f"Process {os.getpid()} already runs everything in {tmp_path}"):
        Supervisor(tmp_path).__enter__()
    with Supervisor(tmp_path):
        pass


def test_a_long_log_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "LOG_BYTES", 100)
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(Child("talker", [sys.executable, "-c", "import time\nprint('x' * 200, flush=True)\ntime.sleep(600)"]))
        wait_for((tmp_path / "logs" / "talker.log.1").exists)
        assert wait_for(lambda: log(tmp_path, "talker") == "")
    assert (tmp_path / "logs" / "talker.log.1").read_text() == "x" * 200 + "\n"


def test_the_state_can_be_read_by_another_process_while_it_runs(tmp_path: Path, supervised: subprocess.Popen[str]) -> None:
    states = read_snapshot(tmp_path)
    assert states is not None
    assert [(state.name, state.restarts, state.last_exit) for state in states] == [("stubborn", 0, None), ("family", 0, None)]
    assert all(state.pid and psutil.pid_exists(state.pid) and state.since and state.since.tzinfo for state in states)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_all_and_a_second_one_waits_for_nobody(
    tmp_path: Path, supervised: subprocess.Popen[str], number: signal.Signals
) -> None:
    pids = pids_of(tmp_path)
    stop(supervised, tmp_path, number)
    assert supervised.returncode == 0
    assert all(gone(pid) for pid in pids)
    assert read_snapshot(tmp_path) is None


@pytest.mark.kills
def test_nothing_outlives_a_killed_supervisor_and_the_next_one_waits_for_that(tmp_path: Path, supervised: subprocess.Popen[str]) -> None:
    pids = pids_of(tmp_path)
    supervised.kill()
    supervised.wait()
    with Supervisor(tmp_path):
        assert all(gone(pid) for pid in pids)


@pytest.mark.kills
def test_a_killed_guardian_is_replaced(tmp_path: Path, supervised: subprocess.Popen[str]) -> None:
    pids = pids_of(tmp_path)

    def guardians() -> list[int]:
        children = [process for process in psutil.process_iter(["ppid", "cmdline"]) if process.info["ppid"] == supervised.pid]
        return [process.pid for process in children if "guardian.py" in " ".join(process.info["cmdline"] or [])]

    (first,) = guardians()
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: set(guardians()) - {first})
    supervised.kill()
    supervised.wait()
    assert wait_for(lambda: all(gone(pid) for pid in pids))
