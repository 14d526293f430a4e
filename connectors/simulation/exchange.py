"""One HTTP exchange on the wire: reading the request, and answering, dribbling or breaking the connection as told."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import socket
import struct
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from connectors.simulation.answers import Answer

_TRANSPORT = "connectors.simulation.transport"
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER with no time to linger: closing sends RST


class Protocol(HttpToolsProtocol):
    """uvicorn's own, which also hands over the transport, so that a fault can break the connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        scope: Any = self.scope
        scope[_TRANSPORT] = self.transport


class Gone(Exception):
    """The client left before its request was read."""


class Exchange:
    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["raw_path"].decode("ascii")
        self.query: str = scope["query_string"].decode("latin-1")
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.client: str = scope["client"][0] if scope["client"] else ""
        self._transport: asyncio.Transport = scope[_TRANSPORT]
        self._receive = receive
        self._send = send

    @property
    def base_url(self) -> str:
        return f"http://{self.headers.get(b'host', b'localhost').decode('latin-1')}"

    @property
    def bearer(self) -> str:
        """The access token sent; empty where there is none."""
        scheme, _, token = self.headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    @property
    def basic(self) -> tuple[str, str] | None:
        """User name and password sent."""
        scheme, _, coded = self.headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return user, password

    def content_type_is(self, wanted: str) -> bool:
        return self.headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower() == wanted

    async def body(self) -> bytes:
        parts = []
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Gone
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                return b"".join(parts)

    async def answer(
        self, answer: Answer, release: Callable[[], None], dribble: float | None = None, write: Callable[[Any], bytes] | None = None
    ) -> None:
        """Send an answer; `release` is called before its last bytes go out. `dribble` spreads the body over that many seconds,
        `write` is another way to write its JSON."""
        content = b""
        headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
        if answer.body is not None:
            html = isinstance(answer.body, str)
            content = answer.body.encode() if html else (write or to_json)(answer.body)
            headers += [
                (b"content-type", b"text/html; charset=utf-8" if html else answer.media.encode()),
                (b"content-length", b"%d" % len(content)),
            ]
        if dribble is None:
            release()
        await self._send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if dribble is not None and len(content) > 1:
            steps = min(20, len(content) - 1)
            cut = [1 + (len(content) - 1) * step // steps for step in range(steps + 1)]
            for start, end in zip([0, *cut], cut[:-1], strict=False):
                await self._send({"type": "http.response.body", "body": content[start:end], "more_body": True})
                await asyncio.sleep(dribble / steps)
            content = content[cut[-2] :]
        if dribble is not None:
            release()
        await self._send({"type": "http.response.body", "body": content})

    async def close(self, reset: bool) -> None:
        """End the connection without an answer."""
        if reset:
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()
        while (await self._receive())["type"] != "http.disconnect":
            pass


def to_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def from_json(content: bytes) -> Any:
    """ValueError where it is not JSON. A whole number written with a fraction is an integer, as in JSON Schema."""
    value = json.loads(content.decode("utf-8"), parse_float=_number, parse_constant=_refuse)
    if b"\\u" in content:
        to_json(value)  # half of a surrogate pair is no text; UnicodeEncodeError is a ValueError
    return value


def from_form(content: bytes) -> dict[str, str] | None:
    """None where it is no form, or has a field twice."""
    try:
        pairs = parse_qsl(content.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        return None
    return dict(pairs) if len(dict(pairs)) == len(pairs) else None


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")
