"""Functions of the mapping language on the parts of an address; see `integration.addresses` for the forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from integration import addresses
from integration.errors import Invalid
from integration.mapping.values import Step, is_text, of_text


def country() -> Step:
    """The two-letter code of a country, from its code or name."""
    return of_text(addresses.country_code)


def street() -> Step:
    """An address line in its one form; takes the line and the country."""
    return _in_country(addresses.street)


def state() -> Step:
    """A state or province in its one form; takes it and the country."""
    return _in_country(addresses.state)


def postal_code() -> Step:
    """A postal code in its one form; takes it and the country."""
    return _in_country(addresses.postal_code)


def first_line(width: int) -> Step:
    """The first of two address lines, when both are made to fit the width; takes both."""
    return lambda lines: _fitted(lines, width)[0]


def second_line(width: int) -> Step:
    """The second of two address lines, when both are made to fit the width; takes both."""

    def step(lines: Any) -> str | None:
        try:
            return _fitted(lines, width)[1]
        except Invalid:
            return None  # the first line tells it

    return step


def _in_country(harmonize: Callable[[str, str], str | None]) -> Step:
    def step(values: Any) -> str | None:
        value, given = values
        if value is None or not is_text(value):
            return None
        try:
            code = addresses.country_code(given) if type(given) is str else None
        except Invalid:
            code = None  # the line that maps the country tells it
        return harmonize(value, code or "")

    return step


def _fitted(lines: list[Any], width: int) -> tuple[str | None, str | None]:
    first, second = (line if line is None or is_text(line) else None for line in lines)
    return addresses.fit_lines(first, second, width)
