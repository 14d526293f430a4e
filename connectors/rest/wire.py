"""One connection's socket: each phase bounded as a whole, a request sent in one piece, an answer's head read without detours.

urllib3 connects, verifies, pools and decompresses. How the standard library puts a request together, and reads headers with its e-mail
parser, is replaced: it costs more than all the rest of a request.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Mapping
from typing import Any, cast

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

IDLE_SECONDS = 15.0
"""A connection that idled longer is not used again: servers and firewalls close such silently, and a write on one would have no answer."""
MAX_LINE = 65536
MAX_HEADERS = 100
"""Bytes of a line and lines of an answer's head; the standard library's own limits."""
LONGEST_LENGTH = 18
"""Digits of a Content-Length."""


class _Reader(io.RawIOBase):
    """Reads a socket up to one moment, however slowly the bytes dribble; a plain socket timeout begins anew with each of them."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock, self._raw = sock, raw
        self._until = time.monotonic() + (sock.gettimeout() or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(left)
        return cast("int | None", self._raw.readinto(buffer))

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """The standard library reads the body, in chunks or by length; the head is read here."""

    def __init__(self, sock: socket.socket, method: str) -> None:
        super().__init__(sock, method=method)
        self.fp = io.BufferedReader(_Reader(sock, self.fp.detach()))

    def begin(self) -> None:
        while True:
            version, status, self.reason = _status(self._line())
            headers = self._headers()
            if status >= 200:  # what comes before only says that the server is at work
                break
        self.version = 10 if version == "HTTP/1.0" else 11
        self.code = self.status = status
        self.headers = self.msg = cast("Any", headers)
        self.chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.length = None if self.chunked else 0 if status in {204, 304} else _length(headers)
        connection = headers.get("Connection", "").lower()
        kept = "close" not in connection if self.version == 11 else "keep-alive" in connection
        self.will_close = not kept or (self.length is None and not self.chunked)

    def _line(self) -> str:
        line = self.fp.readline(MAX_LINE + 1)
        if len(line) > MAX_LINE:
            raise http.client.LineTooLong("head")
        if not line.endswith(b"\n"):
            raise http.client.RemoteDisconnected("the answer ended within its head")
        return line.rstrip(b"\r\n").decode("latin-1")

    def _headers(self) -> urllib3.HTTPHeaderDict:
        found: list[tuple[str, str]] = []
        for _ in range(MAX_HEADERS):
            line = self._line()
            if not line:
                return urllib3.HTTPHeaderDict(found)
            name, colon, value = line.partition(":")
            if line[0] in " \t" and found:  # a value that goes on in the next line, as RFC 9112 wants it still understood
                name, begun = found.pop()
                value = f"{begun} {line.strip()}"
            elif not colon:
                raise http.client.HTTPException("a header without a colon")
            found.append((name, value.strip()))
        raise http.client.HTTPException(f"more than {MAX_HEADERS} headers")


def _status(line: str) -> tuple[str, int, str]:
    version, _, rest = line.partition(" ")
    status, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or not (len(status) == 3 and status.isdecimal()):
        raise http.client.BadStatusLine(line)
    return version, int(status), reason.strip()


def _length(headers: urllib3.HTTPHeaderDict) -> int | None:
    told = headers.get("Content-Length")
    if told is None:
        return None
    length, *others = {one.strip() for one in told.split(",")}
    if others or not length.isdecimal() or len(length) > LONGEST_LENGTH:
        raise http.client.HTTPException("no Content-Length that can be read")
    return int(length)


class Wire(HTTPConnection):
    """A connection whose phases are bounded each as a whole, and whose failure to connect always says that nothing was sent."""

    _idle_since = 0.0
    _asked = ("", "")

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
        self._asked = method, url
        if self.sock is None:
            self.connect()
        else:
            self.sock.settimeout(self.timeout)
        self.sock.sendall(message)

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as urllib3's own
        self._idle_since = time.monotonic()
        method, url = self._asked
        self.sock.settimeout(self.timeout)  # what is left of the total time, from which the reader reckons
        answer = _Response(self.sock, method)
        try:
            answer.begin()
        except BaseException:
            answer.close()
            raise
        if answer.will_close:
            self.close()  # the answer keeps the socket open until it is read
        return urllib3.HTTPResponse(
            body=cast("Any", answer),
            headers=cast("Any", answer.headers),
            status=answer.status,
            version=answer.version,
            reason=answer.reason,
            preload_content=False,
            original_response=answer,
            request_method=method,
            request_url=url,
        )


class WireTls(Wire, HTTPSConnection):
    """The same under TLS."""
