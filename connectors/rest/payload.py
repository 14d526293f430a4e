"""JSON as the systems speak it: UTF-8, fractions as Decimal in both directions, and a whole number as one however it is written."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from integration.errors import Invalid


def encode(body: dict[str, Any]) -> bytes:
    """Raises Invalid for a Decimal that no JSON reader would read back as itself."""
    return json.dumps(body, default=_number, allow_nan=False, separators=(",", ":")).encode("ascii")


def decode(content: bytes) -> Any:
    """None where it is empty; ValueError where it is no JSON.

    What JSON can escape but neither UTF-8 nor a database can hold (NUL, half a surrogate pair) is read as U+FFFD: one such
    character in one record must not stop the page. 2.0 and 2e0 are the whole number 2, as JSON Schema has it.
    """
    if not content:
        return None
    try:
        body = json.loads(content.decode("utf-8"), parse_float=_plainest, parse_constant=_refuse_constant)
        return _mended(body) if _may_be_unstorable(content) else body
    except RecursionError:
        raise ValueError("nested too deeply") from None


_may_be_unstorable = re.compile(rb"\\u(0000|[dD][89a-fA-F])").search
_unstorable = re.compile(r"[\x00\ud800-\udfff]")


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return _unstorable.sub("\ufffd", value)
    if isinstance(value, list):
        return [_mended(one) for one in value]
    if isinstance(value, dict):
        return {_mended(name): _mended(one) for name, one in value.items()}
    return value


LONGEST_WHOLE = 20
"""Digits: 1e400 is no number of anything, and need not be written out."""


def _plainest(text: str) -> int | Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent of more digits than anybody counts to; no schema takes it
        return Decimal("Infinity")
    return int(number) if number.adjusted() < LONGEST_WHOLE and number == number.to_integral_value() else number


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
