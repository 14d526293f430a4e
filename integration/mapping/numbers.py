"""Functions of the mapping language on numbers, for systems that speak JSON numbers and count in fractions."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integration.errors import Invalid
from integration.mapping.values import MOST_PLACES, Step, exact


def number(places: int = 2) -> Step:
    """An exact number with at most so many decimals, rounded half up, and none that say nothing: 5, 6.99."""
    if not 0 <= places <= MOST_PLACES:
        raise ValueError(f"number takes from 0 to {MOST_PLACES} decimals")
    unit = Decimal(1).scaleb(-places)

    def step(value: Any) -> int | Decimal:
        rounded = exact(value).quantize(unit, ROUND_HALF_UP)
        return int(rounded) if rounded == rounded.to_integral_value() else rounded.normalize()

    return step


def less() -> Step:
    """The first number less all the others, as whole units: what is no whole one cannot be promised. Null where the first is."""

    def step(values: Any) -> int | None:
        first, *others = values if isinstance(values, list) else [values]
        if first is None:
            return None
        return math.floor(exact(first) - sum((exact(other) for other in others if other is not None), Decimal(0)))

    return step


def plus() -> Step:
    """The sum of several numbers as whole units, rounded up; nulls count for nothing."""
    return lambda values: math.ceil(sum((exact(value) for value in values if value is not None), Decimal(0)))


def units_of_goods(prefix: str) -> Step:
    """Takes a quantity and an item code: whole units, null for none and for a code that begins with `prefix`, which is a charge."""

    def step(values: Any) -> int | None:
        quantity, code = values
        if not quantity or str(code or "").startswith(prefix):
            return None
        units = exact(quantity)
        if units != units.to_integral_value():
            raise Invalid("is no whole number of units")
        return int(units)

    return step
