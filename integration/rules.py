"""Named rules on canonical orders: what no single field can tell. Pure; each gives the faults that it finds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

import pycountry

from integration.errors import FieldError

Order = dict[str, Any]
Rule = Callable[[Order], list[FieldError]]

CENT = Decimal("0.01")
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""No order of a marketplace is older; a date before it is a clock or a field that went wrong."""
CLOCK_SKEW = timedelta(days=1)
"""How far the clocks of a marketplace and a channel may be apart before one date cannot come before another."""


NO_ZIP = "11111"
"""What people type who know none."""

_zip = re.compile(r"\d{5}(-\d{4})?", re.ASCII).fullmatch


def has_lines(order: Order) -> list[FieldError]:
    """An order has at least one line."""
    return [] if order["lines"] else [FieldError("lines", "there is none")]


def required_fields(order: Order) -> list[FieldError]:
    """An address names a street, a city and a country."""
    return [
        FieldError(f"{place}.{name}", "is missing")
        for place in ("shipping_address", "billing_address")
        if (address := order.get(place)) is not None
        for name in ("line1", "city", "country")
        if not address.get(name)
    ]


def positive_quantities(order: Order) -> list[FieldError]:
    """Every line orders at least one unit."""
    return [
        FieldError(f"lines[{place}].quantity", f"is {line['quantity']}, it must be above zero")
        for place, line in enumerate(order["lines"])
        if line["quantity"] <= 0
    ]


def unique_lines(order: Order) -> list[FieldError]:
    """No line comes twice."""
    seen: dict[str, int] = {}
    faults = []
    for place, line in enumerate(order["lines"]):
        first = seen.setdefault(line["source_line_key"], place)
        if first != place:
            faults.append(FieldError(f"lines[{place}].source_line_key", f"{line['source_line_key']} is that of lines[{first}] too"))
    return faults


def order_sums(order: Order) -> list[FieldError]:
    """The total is, to the cent, what the lines and the shipping add up to: round2(quantity x price) + tax - discount, half up."""
    lines, shipping, total = order["lines"], order["shipping_amount"], order["total_amount"]
    faults = []
    by_line = [line["shipping_amount"] for line in lines if line.get("shipping_amount") is not None]
    if by_line and sum(by_line) != shipping:
        faults.append(FieldError("shipping_amount", f"says {shipping}, the lines add up to {sum(by_line)}"))
    added = sum((_line_amount(line) for line in lines), shipping)
    if added != total:
        faults.append(FieldError("total_amount", f"says {total}, the lines add up to {added}"))
    return faults


def known_currency(order: Order) -> list[FieldError]:
    """The currency is one of ISO 4217."""
    return [] if order["currency"] in _currencies() else [FieldError("currency", f"{order['currency']} is not a currency of ISO 4217")]


def us_dollars(order: Order) -> list[FieldError]:
    """The amounts are US dollars, for a target whose orders name no currency."""
    said = f"is {order['currency']}, and the target keeps its books in USD"
    return [] if order["currency"] == "USD" else [FieldError("currency", said)]


def sensible_dates(order: Order) -> list[FieldError]:
    """Ordered, received, changed: in this order, give or take a clock, and not in another century."""
    faults = []
    before: tuple[str, datetime] = ("2000", EARLIEST)
    for name in ("ordered_at", "created_at", "updated_at"):
        if order.get(name) is None:
            continue
        moment = datetime.fromisoformat(order[name])
        if moment < before[1] - CLOCK_SKEW:
            faults.append(FieldError(name, f"is {order[name]}, which is before {before[0]}"))
        before = (name, max(moment, before[1]))
    return faults


def us_postal_codes(order: Order) -> list[FieldError]:
    """A US address has a ZIP code that exists: five digits from 00501 to 99950, with or without four more. Elsewhere nothing is asked."""
    return [
        FieldError(f"{place}.postal_code", "is no ZIP code: five digits from 00501 to 99950, or nine")
        for place in ("shipping_address", "billing_address")
        if (address := order.get(place)) is not None and address.get("country") == "US" and not _is_zip(address.get("postal_code"))
    ]


def _is_zip(code: str | None) -> bool:
    return bool(code and _zip(code)) and "00501" <= str(code)[:5] <= "99950" and str(code)[:5] != NO_ZIP


RULES: Mapping[str, Rule] = {
    "has_lines": has_lines,
    "required_fields": required_fields,
    "positive_quantities": positive_quantities,
    "unique_lines": unique_lines,
    "order_sums": order_sums,
    "known_currency": known_currency,
    "us_dollars": us_dollars,
    "sensible_dates": sensible_dates,
    "us_postal_codes": us_postal_codes,
}


def broken(names: Iterable[str], order: Order) -> tuple[FieldError, ...]:
    """The faults that the named rules find in a canonical order that its schema has passed."""
    return tuple(fault for name in names for fault in RULES[name](order))


def _line_amount(line: dict[str, Any]) -> Decimal:
    goods: Decimal = (line["quantity"] * line["unit_price"]).quantize(CENT, ROUND_HALF_UP)
    amount: Decimal = goods + line["tax_amount"] - line["discount_amount"]
    return amount


@cache
def _currencies() -> frozenset[str]:
    return frozenset(currency.alpha_3 for currency in pycountry.currencies)
