"""The connections whose webhooks are believed, as they are configured now: `webhooks register` and `rotate` take effect at once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import structlog

from connectors.configured import load_settings
from connectors.registry import definition
from connectors.rest.definition import Webhooks
from integration.errors import Misconfigured
from integration.settings import Settings
from integration.settings.environment import SECRETS_FILE
from integration.settings.model import Connection

log = structlog.get_logger()

TRY_AGAIN_SECONDS = 1.0
"""Between two readings of settings that are wrong at the moment: somebody is editing them."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A connection that is subscribed, and what its events are hints for."""

    connection: Connection
    declared: Webhooks


class Subscribers:
    """Reads the settings anew when the secrets file has changed."""

    def __init__(self, settings: Settings) -> None:
        self._path, self._file = settings.path, settings.home / SECRETS_FILE
        self._stamp = _stamp(self._file)
        self._not_before = 0.0
        self._found = _subscribed(settings)

    def get(self, name: str) -> Subscriber | None:
        """None where there is no such connection, or it is not subscribed."""
        stamp = _stamp(self._file)
        if stamp != self._stamp and time.monotonic() >= self._not_before:
            try:
                self._found, self._stamp = _subscribed(load_settings(self._path)), stamp
            except Misconfigured as error:
                self._not_before = time.monotonic() + TRY_AGAIN_SECONDS
                log.warning("the configuration cannot be read anew; the old one goes on", reason=str(error))
        return self._found.get(name)


def _subscribed(settings: Settings) -> dict[str, Subscriber]:
    found = {}
    for name, connection in settings.connections.items():
        declared = definition(connection).webhooks if connection.webhook_secrets else None
        if declared is not None:
            found[name] = Subscriber(connection, declared)
    return found


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
