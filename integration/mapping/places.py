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


def country_alpha3() -> Step:
    """The three-letter code of a country, from its code or name."""
    return of_text(addresses.country_alpha3)


def state_code() -> Step:
    """A state or province where it has a code, in the US and Canada; null elsewhere. Takes it and the country."""
    return lambda values: values[0] if values[1] in addresses.CODED else None


def city_and_region() -> Step:
    """The city, and behind it the region where that has no code, outside the US and Canada. Takes city, region and country."""

    def step(values: Any) -> str | None:
        city, region, country = values
        named = [city] if country in addresses.CODED else [city, region]
        return ", ".join(part for part in named if part and is_text(part)) or None

    return step


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
    return wrapped(width, 2, 1)


def second_line(width: int) -> Step:
    """The second of two address lines, when both are made to fit the width; takes both."""
    return wrapped(width, 2, 2)


def wrapped(width: int, most: int, number: int) -> Step:
    """One of `most` address lines, when all that are given are made to fit the width; takes them all."""
    if not 1 <= number <= most:
        raise ValueError(f"there is no line {number} of {most}")

    def step(given: Any) -> str | None:
        lines = [line if line is None or is_text(line) else None for line in given]
        try:
            return addresses.fit_lines(lines, width, most)[number - 1]
        except Invalid:
            if number == 1:
                raise
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
