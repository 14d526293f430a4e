"""The simulator as a process: it says where it listens, ends quickly and cleanly, and explains what it cannot do."""

from __future__ import annotations

import re
import signal
import socket
import statistics
import subprocess
import sys
import time

import pytest
import requests

from tests.fixtures.processes import running, wait_for

COMMAND = [sys.executable, "-m", "connectors.simulation"]


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_listens_and_ends_at_once(tmp_path, stop):
    log = tmp_path / "log"
    with running([*COMMAND, "channeladvisor"], log) as process:
        url = wait_for(lambda: re.search(r"^listening on (http://127\.0\.0\.1:\d+)\n", log.read_text()))[1]
        with requests.Session() as session:
            assert session.get(f"{url}/_sim/stats", timeout=10).ok
            process.send_signal(stop)
            assert process.wait(20) == 0
    assert log.read_text().count("\n") == 1


def test_a_hanging_request_does_not_keep_it(tmp_path):
    log = tmp_path / "log"
    with running([*COMMAND, "tims", "--items", "0"], log) as process:
        url = wait_for(lambda: re.search(r"listening on (http://\S+)", log.read_text()))[1]
        requests.post(f"{url}/_sim/latency", json={"ms": 30_000}, timeout=10)
        with pytest.raises(requests.Timeout):
            requests.post(f"{url}/oauth2/token", timeout=0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_small_answers_are_not_held_back(simulators):
    """Without TCP_NODELAY the body of every answer would wait some 40 ms for the client's acknowledgement."""
    with requests.Session() as session:
        session.trust_env = False

        def seconds() -> float:
            begin = time.monotonic()
            session.get(f"{simulators.tims.url}/_sim/stats", timeout=10)
            return time.monotonic() - begin

        assert statistics.median(seconds() for _ in range(21)) < 0.03


def test_a_port_in_use_is_explained():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = subprocess.run([*COMMAND, "tims", "--port", port], capture_output=True, text=True, timeout=20, check=False)
    assert result.returncode == 1
    assert re.fullmatch(rf"Error: Cannot listen on 127\.0\.0\.1:{port}: .*Choose another --port\.\n", result.stderr)


def test_an_unknown_system_is_explained():
    result = subprocess.run([*COMMAND, "nonsense"], capture_output=True, text=True, timeout=20, check=False)
    assert result.returncode == 2
    assert "'channeladvisor', 'clarity', 'sage100', 'tims'" in result.stderr
