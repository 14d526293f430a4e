"""What became of each request, for logs and metrics: the operation's name and numbers, never an address, a body or a token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP request. `operation` is such as `order.create` or `token`; `status` is None where no answer came; `seconds` its duration."""

    connection: str
    operation: str
    method: str
    status: int | None
    seconds: float


observers: list[Callable[[Exchange], None]] = []
"""Called after each request, in the thread that made it; they must be quick and must not raise."""


def observe(exchange: Exchange) -> None:
    _log.debug(
        "http",
        connection=exchange.connection,
        operation=exchange.operation,
        method=exchange.method,
        status=exchange.status,
        ms=round(exchange.seconds * 1000, 1),
    )
    for observer in observers:
        observer(exchange)
