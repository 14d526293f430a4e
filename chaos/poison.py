"""The line with one rule more: an order for this SKU kills the process that looks at it."""

from __future__ import annotations

import os
import signal
from typing import Any

from integration.errors import FieldError
from integration.rules import RULES
from tasks.app import app

__all__ = ["app"]

POISON = "POISON-001"

_has_lines = RULES["has_lines"]


def _or_die(order: dict[str, Any]) -> list[FieldError]:
    if any(line["sku"] == POISON for line in order["lines"]):
        os.kill(os.getpid(), signal.SIGKILL)
    return list(_has_lines(order))


RULES["has_lines"] = _or_die  # type: ignore[index]  # read-only to all but this module
