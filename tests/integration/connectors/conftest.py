"""A server that misbehaves below HTTP: each request is answered by the next act of a script."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

Act = Callable[[socket.socket], None]
"""Answers one request on its connection; closes it where that is part of the act."""


def reply(body: bytes, head: bytes = b"200 OK", *headers: bytes, length: int | None = None) -> Act:
    size = b"Content-Length: %d" % (len(body) if length is None else length)
    return send(b"\r\n".join([b"HTTP/1.1 " + head, b"Content-Type: application/json", size, *headers]) + b"\r\n\r\n" + body)


def send(message: bytes) -> Act:
    return lambda client: client.sendall(message)


def both(first: Act, second: Act) -> Act:
    def act(client: socket.socket) -> None:
        first(client)
        second(client)

    return act


def dribble(message: bytes, pause: float = 0.05) -> Act:
    """A byte now and then: no wait for a single one is ever long."""

    def act(client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            for byte in message:
                client.sendall(bytes([byte]))
                time.sleep(pause)

    return act


def drop(client: socket.socket) -> None:
    client.close()


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


TOKEN = reply(b'{"access_token": "token-1", "token_type": "Bearer", "expires_in": 1800}')


class RawServer:
    """`requests` are the request lines that came, without those of token calls, which are always granted; `connections` were accepted."""

    def __init__(self, listener: socket.socket) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.requests: list[str] = []
        self.connections = 0
        self.script: list[Act] = []
        self._listener = listener
        self._clients: list[socket.socket] = []
        self.wrap: Callable[[socket.socket], socket.socket] = lambda client: client

    def plays(self, *acts: Act) -> None:
        """The next acts; the last one is repeated."""
        self.script = list(acts)

    def serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._clients.append(client)
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def hang_up(self) -> None:
        """Ends `serve`; nobody is accepted after that."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for closing in (self._listener, *self._clients):
            closing.close()

    def _talk(self, client: socket.socket) -> None:
        received = b""
        with contextlib.suppress(OSError):
            client = self.wrap(client)
            self._clients.append(client)
            while client.fileno() >= 0:
                chunk = client.recv(65536)
                if not chunk:
                    return
                received += chunk
                head, separator, body = received.partition(b"\r\n\r\n")
                lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                if separator and len(body) >= (int(lengths[0]) if lengths else 0):
                    received = b""
                    self._answer(client, head.split(b"\r\n")[0].decode())

    def _answer(self, client: socket.socket, line: str) -> None:
        if "/oauth2/token" in line:
            TOKEN(client)
            return
        self.requests.append(line)
        act = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        act(client)


@pytest.fixture
def raw_server() -> Iterator[RawServer]:
    server = RawServer(socket.create_server(("127.0.0.1", 0)))
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield server
    server.hang_up()
    thread.join(5)
    server.close()
