"""The line with one rule more: an order for this SKU raises an exception that tells all about it."""

from __future__ import annotations

from typing import Any

from integration.errors import FieldError
from integration.rules import RULES
from tasks.app import app
from tests.fixtures.line import POISON

__all__ = ["app"]

_has_lines = RULES["has_lines"]


def _or_gossip(order: dict[str, Any]) -> list[FieldError]:
    if any(line["sku"] == POISON for line in order["lines"]):
        try:
            raise KeyError(order["customer"]["email"])
        except KeyError as error:
            raise RuntimeError(f"cannot book {order}") from error
    return list(_has_lines(order))


RULES["has_lines"] = _or_gossip  # type: ignore[index]  # read-only to all but this module
