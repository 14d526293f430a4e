"""Functions of the mapping language on plain values: text, money, instants.

Each takes its constant arguments and gives the step that turns one value into another. A step is called with a value that is
there; it raises Invalid with a sentence that repeats no name, address or other personal value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from integration import addresses
from integration.errors import Invalid

Step = Callable[[Any], Any]

MOST_DIGITS, MOST_PLACES = 15, 10
"""No amount is longer before and after its point; Decimal's 28 digits hold that exactly."""
LONGEST_FRACTION = 40
"""What is written as `1E-999999999` is a few letters, and as digits a gigabyte."""


def text() -> Step:
    """A number or text as text."""

    def step(value: Any) -> str:
        if type(value) not in (str, int, Decimal):
            raise Invalid("is neither text nor a number")
        return str(value)

    return step


def whole() -> Step:
    """Digits as a whole number."""

    def step(value: Any) -> int:
        if type(value) is int:
            return value
        if not (type(value) is str and value.isascii() and value.isdecimal() and len(value) <= 18):
            raise Invalid("is no whole number")
        return int(value)

    return step


def given() -> Step:
    """Whether there is a value: true or false."""
    return lambda value: value not in (None, "")


def tidy() -> Step:
    """Single spaces, none at the ends; null for nothing but spaces."""
    return of_text(addresses.tidy)


def upper() -> Step:
    """In capitals."""
    return of_text(str.upper)


def lower() -> Step:
    """In small letters."""
    return of_text(str.lower)


def cut(most: int) -> Step:
    """At most so many characters; what is cut ends in …"""
    return of_text(lambda value: value if len(value) <= most else value[: most - 1] + "…")


def start(most: int) -> Step:
    """The first so many characters; for what has a place of its own for the whole, see `beyond`."""
    return of_text(lambda value: value[:most])


def beyond(most: int) -> Step:
    """The whole text where it is longer than so many characters, else null."""
    return of_text(lambda value: value if len(value) > most else None)


def first_of() -> Step:
    """The first of several texts that is there and not empty."""
    return lambda values: next((value for value in values if value and is_text(value)), None)


def marked(sign: str) -> Step:
    """A word, with the sign behind it where the second value is there and not empty; takes both."""

    def step(values: Any) -> str | None:
        word, flag = values
        return f"{word}{sign}" if flag and word else word

    return step


def joined(separator: str = " ") -> Step:
    """Several texts, or a list of them, as one; empty ones left out."""

    def step(values: Any) -> str | None:
        return separator.join(value for value in _list(values) if value and is_text(value)) or None

    return step


def listed(most: int) -> Step:
    """As many different ones of several texts, or lists of them, as have room whole in so many characters, with commas between; the
    first in any case."""

    def step(values: Any) -> str | None:
        texts = [text for value in _list(values) for text in (value if isinstance(value, list) else [value])]
        line = ""
        for text in dict.fromkeys(text for text in texts if text and is_text(text)):
            longer = f"{line}, {text}" if line else text
            line = longer if len(longer) <= most or not line else line
        return line or None

    return step


def labelled(*labels: str) -> Step:
    """A sentence of several values, each after its label, empty ones left out; a list is joined by commas. As many labels as paths."""

    def said(label: str, value: Any) -> str:
        if isinstance(value, list):
            value = ", ".join(element for element in value if element and is_text(element))
        return f"{label} {value}" if value and is_text(value) else ""

    def step(values: Any) -> str | None:
        given = values if len(labels) > 1 else [values]
        return "; ".join(filter(None, map(said, labels, given))) or None

    return step


def default(value: Any) -> Step:
    """This constant where the value is null or empty."""
    return lambda given: value if given is None or given == "" else given


def decimal() -> Step:
    """Money or a number, exactly, as a Decimal."""
    return exact


def total() -> Step:
    """The sum of several amounts, or of a list of them, nulls left out."""
    return lambda values: sum((exact(value) for value in _list(values) if value is not None), Decimal("0.00"))


def money(places: int = 2) -> Step:
    """Text with exactly so many decimals, rounded half up."""
    if not 0 <= places <= MOST_PLACES:
        raise ValueError(f"money takes from 0 to {MOST_PLACES} decimals")
    unit = Decimal(1).scaleb(-places)
    return lambda value: format(exact(value).quantize(unit, ROUND_HALF_UP) + 0, "f")


def instant() -> Step:
    """An ISO 8601 instant with its zone, as UTC with milliseconds: 2026-03-02T14:05:09.120Z."""

    def step(value: Any) -> str:
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise Invalid("is not an instant such as 2026-03-02T14:05:09.120Z") from None
        if moment.tzinfo is None:
            raise Invalid("says no time zone")
        try:
            return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
        except OverflowError:
            raise Invalid("is no date in UTC") from None

    return step


def date() -> Step:
    """The UTC calendar day of an instant: 2026-03-02."""
    to_instant = instant()
    return lambda value: to_instant(value)[:10]


def proper_case() -> Step:
    """A name or city in capitals or in small letters alone gets capital initials."""
    return of_text(addresses.proper_case)


def phone(most: int) -> Step:
    """As it is; without spaces and punctuation where it is longer than so many characters."""
    return of_text(lambda value: value if len(value) <= most else re.sub(r"[\s().\-/]+", "", value))


def is_text(value: Any) -> bool:
    """True; raises Invalid for anything but text."""
    if type(value) is not str:
        raise Invalid("is not text")
    return True


def of_text(act: Callable[[str], Any]) -> Step:
    return lambda value: act(value) if is_text(value) else None


def _list(values: Any) -> list[Any]:
    if not isinstance(values, list):
        raise Invalid("is not a list")
    return values


def exact(value: Any) -> Decimal:
    """An amount as it was written. Raises Invalid for what is none."""
    if type(value) is not Decimal and type(value) is not str and type(value) is not int:
        raise Invalid("is not an exact amount")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise Invalid("is not an amount") from None
    if not number.is_finite() or number.adjusted() > MOST_DIGITS or int(number.as_tuple().exponent) < -LONGEST_FRACTION:
        raise Invalid("is not an amount")
    return number
