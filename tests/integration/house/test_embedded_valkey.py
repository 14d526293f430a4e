"""The embedded Valkey: found again on its port, alone on loopback, and with its data after SIGKILL."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import redis

from commands import valkey
from commands.child import Child
from commands.supervisor import Supervisor
from integration.errors import Misconfigured
from tests.fixtures.processes import wait_for


@pytest.mark.kills
def test_it_comes_back_on_its_port_with_its_data_after_sigkill(tmp_path: Path) -> None:
    folder = tmp_path / "valkey"
    port = valkey.choose_port(folder)
    with Supervisor(tmp_path) as supervisor, redis.Redis.from_url(valkey.url(port)) as client:
        supervisor.start(Child("valkey", valkey.command(folder, port)))
        valkey.wait_until_ready(folder, port)
        client.set("kept", "yes")
        client.execute_command("WAITAOF", 1, 0, 5000)
        (state,) = supervisor.snapshot()
        assert state.pid
        assert {connection.laddr.ip for connection in psutil.Process(state.pid).net_connections() if connection.status == "LISTEN"} == {
            "127.0.0.1"
        }
        os.kill(state.pid, signal.SIGKILL)
        wait_for(lambda: supervisor.snapshot()[0].restarts == 1)
        valkey.wait_until_ready(folder, port)
        assert client.get("kept") == b"yes"
    assert valkey.remembered_port(folder) == port
    assert valkey.choose_port(folder) == port


def test_a_port_that_is_taken_is_given_up_for_another(tmp_path: Path) -> None:
    assert valkey.remembered_port(tmp_path) is None
    port = valkey.choose_port(tmp_path)
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        assert valkey.choose_port(tmp_path) != port


def test_a_strangers_server_is_not_taken_for_ours(tmp_path: Path, valkey_url: str) -> None:
    port = urlsplit(valkey_url).port
    assert port
    with pytest.raises(Misconfigured, match=f"Port {port} belongs to another"):
        valkey.wait_until_ready(tmp_path, port)


def test_a_server_that_never_answers_is_named(tmp_path: Path) -> None:
    port = valkey.choose_port(tmp_path)
    with pytest.raises(Misconfigured, match=f"did not answer on port {port} within 0.1 s"):
        valkey.wait_until_ready(tmp_path, port, 0.1)
