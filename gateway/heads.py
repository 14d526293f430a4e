"""A request's head in bounded time and size: the HTTP parser itself would wait for ever, and keep whatever comes."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
"""From the connection, or the first byte of a later request, to the end of its headers."""

LARGEST_HEAD = 32 * 1024
"""Bytes of request line and headers; a delivery has less than one thousand."""


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's own protocol, but who dribbles or floods headers is hung up on: 500 idle strangers must not keep deliveries out."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head = 0
        self._in_head = True
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        # What came with the head's end was its body or the next request, and is bounded elsewhere.
        if self._in_head and self._head > LARGEST_HEAD:
            self._hang_up()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if not self._in_head:
            self._head, self._in_head = 0, True
            self._wait_for_head()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._rest()
        super().on_headers_complete()

    def _wait_for_head(self) -> None:
        self._rest()
        self._patience = self.loop.call_later(HEAD_SECONDS, self._hang_up)

    def _rest(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _hang_up(self) -> None:
        self.transport.abort()
