"""One connection's socket: each phase bounded as a whole, a request sent in one piece, an answer parsed by httptools.

urllib3 connects, verifies and pools. How the standard library puts a request together, and reads an answer with its e-mail parser and
a file on the socket, is replaced: it costs more than all the rest of a request.
"""

from __future__ import annotations

import http.client
import io
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import urllib3
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

IDLE_SECONDS = 15.0
"""A connection that idled longer is not used again: servers and firewalls close such silently, and a write on one would have no answer."""
MAX_HEAD = 65536
MAX_HEADERS = 100
"""Bytes and lines of an answer's head."""
MAX_BODY = 20 * 1024 * 1024
"""Bytes of an answer; the largest page of a contract is below 5 MB."""
PIECE = 65536
"""Bytes that are taken from the socket at once."""


@dataclass(slots=True)
class Received:
    """A whole answer. `headers` by name in lower case; `content` as it came, compressed where they say so. The rest is for
    urllib3."""

    status: int
    headers: dict[str, str]
    content: bytes
    retries: Any = None
    version_string: str = "HTTP/1.1"
    length_remaining: int = 0
    _connection: Any = None
    _pool: Any = None

    def read(self, most: int, *, decode_content: bool) -> bytes:
        """The body, without its compression if so wanted. Raises urllib3's HTTPError where that cannot be taken off."""
        if not decode_content or "content-encoding" not in self.headers:
            return self.content
        packed = urllib3.HTTPResponse(io.BytesIO(self.content), self.headers, preload_content=False, enforce_content_length=False)
        return packed.read(most, decode_content=True)


class _Parsed:
    """What the parser tells of an answer, and how far it has come."""

    def __init__(self, most: int) -> None:
        """No more than about `most` bytes of the body are kept."""
        self._parser = HttpResponseParser(self)
        # A server's harmless habits: lines that end in LF alone, values that go on in the next line (RFC 9112).
        self._parser.set_dangerous_leniencies(lenient_headers=True, lenient_optional_cr_before_lf=True)
        self._most = most
        self._head = 0
        self._pieces: list[bytes] = []
        self._size = 0
        self._lines = 0
        self._in_body = False
        self.headers: dict[str, str] = {}
        self.whole = False
        self.kept = False

    def on_message_begin(self) -> None:
        self.kept = False  # after a whole answer: more than was asked for

    def on_header(self, name: bytes, value: bytes) -> None:
        self._lines += 1
        word, text = name.decode("latin-1").lower(), value.decode("latin-1").replace("\t", " ").strip()
        self.headers[word] = f"{self.headers[word]}, {text}" if word in self.headers else text

    def on_headers_complete(self) -> None:
        self._in_body = True

    def on_body(self, piece: bytes) -> None:
        if self._size <= self._most:
            self._pieces.append(piece)
            self._size += len(piece)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < 200:  # what comes before only says that the server is at work
            self.headers, self._in_body = {}, False
            return
        self.whole, self.kept = True, self._parser.should_keep_alive()

    def take(self, piece: bytes) -> None:
        """Raises HTTPException for what is no answer that can be read."""
        if not piece:
            # Where nothing says how long it is, an answer ends with its connection.
            if not self._in_body or {"content-length", "transfer-encoding"} & self.headers.keys():
                raise http.client.RemoteDisconnected("the answer ended early")
            self.whole = True
            return
        if not self._in_body:
            self._head += len(piece)
        try:
            self._parser.feed_data(piece)
        except (HttpParserError, HttpParserUpgrade) as fault:
            self.kept = False
            if not self.whole:
                raise http.client.HTTPException("the answer is no HTTP") from fault
        # The parser tells of a line when the next one begins.
        if self._lines > MAX_HEADERS or (not self._in_body and (self._lines == MAX_HEADERS or self._head > MAX_HEAD)):
            raise http.client.HTTPException("the answer's head is too long")
        if self._size > self._most:
            self.whole, self.kept = True, False

    def received(self) -> Received:
        return Received(self._parser.get_status_code(), self.headers, b"".join(self._pieces))


class Wire(HTTPConnection):
    """A connection whose phases are bounded each as a whole, and whose failure to connect always says that nothing was sent."""

    _idle_since = 0.0

    @property
    def is_connected(self) -> bool:
        return time.monotonic() - self._idle_since < IDLE_SECONDS and super().is_connected

    def connect(self) -> None:
        started, limit = time.monotonic(), cast("float", self.timeout)
        try:
            super().connect()
        except OSError as fault:  # of the TLS handshake; urllib3 has already named the others
            self.close()
            if isinstance(fault, TimeoutError):
                raise ConnectTimeoutError(self, "TLS handshake timed out") from fault
            raise NewConnectionError(self, f"TLS handshake failed ({type(fault).__name__})") from fault
        # Name resolution and several addresses are not under the socket's timeout, and nothing may be sent long after it was decided.
        if time.monotonic() - started > limit:
            self.close()
            raise ConnectTimeoutError(self, "connecting took too long")

    def request(  # type: ignore[override]  # as urllib3's own
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, **_: Any
    ) -> None:
        """Head and body as they are given, Host and Content-Length among them. ValueError for what would not stay in its line."""
        lines = [f"{method} {url} HTTP/1.1", *(f"{name}: {value}" for name, value in (headers or {}).items())]
        if not all(map(str.isprintable, lines)):
            raise ValueError("a header holds a control character")
        message = "\r\n".join([*lines, "", ""]).encode("ascii") + (body or b"")
        if self.sock is None:
            self.connect()
        else:
            self.sock.settimeout(self.timeout)
        self.sock.sendall(message)

    def getresponse(self) -> Received:  # type: ignore[override]  # as much of urllib3's own as its pool looks at
        """The whole answer within `timeout`, however slowly its bytes dribble; a plain socket timeout begins anew with each of them."""
        until = time.monotonic() + cast("float", self.timeout)
        parsed = _Parsed(MAX_BODY)
        while not parsed.whole:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer took too long")
            self.sock.settimeout(left)
            parsed.take(self.sock.recv(PIECE))
        if not parsed.kept:
            self.close()
        self._idle_since = time.monotonic()
        return parsed.received()


class WireTls(Wire, HTTPSConnection):
    """The same under TLS."""
