"""JSON as the systems speak it: UTF-8, fractions as Decimal in both directions."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from integration.errors import Invalid


def encode(body: dict[str, Any]) -> bytes:
    """Raises Invalid for a Decimal that no JSON reader would read back as itself."""
    return json.dumps(body, default=_number, allow_nan=False, separators=(",", ":")).encode("ascii")


def decode(content: bytes) -> Any:
    """None where it is empty; ValueError where it is no JSON."""
    if not content:
        return None
    try:
        return json.loads(content.decode("utf-8"), parse_float=Decimal, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _number(value: object) -> float:
    # json writes a float as the shortest text that reads back as it, so the digits sent are those of the Decimal, or it is refused.
    if not isinstance(value, Decimal):
        raise TypeError(f"a payload holds a {type(value).__name__}")
    number = float(value)
    if not value.is_finite() or Decimal(repr(number)) != value:
        raise Invalid("a number has more digits than JSON readers keep; send it with fewer decimals or as a text")
    return number


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")
