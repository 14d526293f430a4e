"""The line with two weaknesses more: an order for one SKU kills the process that looks at it, and the clock of the house may jump.

The clock is the one of integration/clock.py, which all stages, leases and budgets go by. (libfaketime would move Celery's too; the
version that Debian packages makes every sleep fail where it leaves the monotonic clock alone, as a clock that is set does.)
"""

from __future__ import annotations

import os
import signal
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from chaos.weakness import CLOCK, POISON
from integration import clock
from integration.errors import FieldError
from integration.rules import RULES
from tasks.app import app

__all__ = ["app"]

LOOK_SECONDS = 0.5

_has_lines = RULES["has_lines"]
_true_now = clock.now


def _or_die(order: dict[str, Any]) -> list[FieldError]:
    if any(line["sku"] == POISON for line in order["lines"]):
        os.kill(os.getpid(), signal.SIGKILL)
    return list(_has_lines(order))


class _Clock:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._ahead = timedelta()
        self._look_at = 0.0

    def now(self) -> datetime:
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            self._ahead = timedelta(seconds=int(self._file.read_text()))
        return _true_now() + self._ahead


RULES["has_lines"] = _or_die  # type: ignore[index]  # read-only to all but this module
if file := os.environ.get(CLOCK):
    clock.now = _Clock(Path(file)).now
