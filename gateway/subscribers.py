"""The connections whose webhooks are believed, as they are configured now: `webhooks register` and `rotate` take effect at once."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import structlog

from connectors.configured import load_settings
from integration.errors import Misconfigured
from integration.settings import Settings
from integration.settings.environment import SECRETS_FILE
from integration.settings.model import Connection

log = structlog.get_logger()

LOOK_SECONDS = 1.0


class Subscribers:
    """Reads the settings anew when the secrets file has changed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = settings.home / SECRETS_FILE
        self._seen = _stamp(self._file)
        self._look_at = time.monotonic() + LOOK_SECONDS
        self._lock = threading.Lock()

    def get(self, name: str) -> Connection | None:
        """None where there is no such connection, or it is not subscribed."""
        self._refresh()
        found = self._settings.connections.get(name)
        return found if found is not None and found.webhook_secrets else None

    def _refresh(self) -> None:
        with self._lock:
            if time.monotonic() < self._look_at:
                return
            self._look_at = time.monotonic() + LOOK_SECONDS
            stamp = _stamp(self._file)
            if stamp == self._seen:
                return
            try:
                self._settings, self._seen = load_settings(self._settings.path), stamp
            except Misconfigured as error:
                log.warning("the configuration cannot be read anew; the old one goes on", reason=str(error))


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
