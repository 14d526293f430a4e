"""Cuts an order that is booked in parts: each part is an order of its own, and their money adds up to the cent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integration.ledger import commitments, parts
from integration.ledger.database import read, write
from integration.ledger.parts import Units, rest_key
from integration.ledger.records import Record
from integration.line.journey import Canonical, House, Journey

CENT = Decimal("0.01")
SHARED = ("tax_amount", "discount_amount")
"""Amounts of a whole line, of which each part bears its share."""


class Parts:
    """The orders of one batch, as they are to be booked."""

    def __init__(self, house: House, journey: Journey, keys: Iterable[str]) -> None:
        """`keys`: the records' own."""
        self._house, self._flow = house, journey.flow
        orders = {order for key in keys for order in (key, parts.whole_key(key))}
        with read(house.engine) as connection:
            self._first = dict(parts.of_orders(connection, self._flow.source, self._flow.target, orders))

    def cut(self, key: str, canonical: Canonical) -> Canonical:
        """The part of an order that a record of this key is about: the whole, where it is not booked in parts."""
        units = self._first.get(canonical["source_key"])
        if units is None:
            return canonical
        return rest_part(canonical, units) if key != canonical["source_key"] else first_part(canonical, units)

    def is_divided(self, canonical: Canonical) -> bool:
        """Also of a part: a rest is not divided once more."""
        return parts.whole_key(canonical["source_key"]) in self._first

    def divide(self, record: Record, sold: Mapping[str, str], units: Units) -> None:
        """From now on the order is booked in parts. `sold`: the channel's SKU of each line, `units`: those of the first part."""
        lines = [(line, sku, units[line]) for line, sku in sold.items() if units[line]]
        with write(self._house.engine) as connection:
            self._first[record.source_key] = parts.fix(connection, self._flow, record.source_key, lines)
            commitments.divide(connection, self._flow.source, record.source_key)

    def bring_along(self, record: Record) -> None:
        """See to it that the rest follows each version of its order."""
        if record.source_key in self._first:
            with write(self._house.engine) as connection:
                parts.branch(connection, record)


def first_part(order: Canonical, units: Units) -> Canonical:
    """What is booked at once. It bears the shipping, which the buyer pays once, and the order's number."""
    lines = [_share(line, units.get(line["source_line_key"], 0), first=True) for line in order["lines"]]
    part = _part(order, lines, shipping=order["shipping_amount"])
    return {**part, **_paid(order, part["total_amount"])}


def rest_part(order: Canonical, units: Units) -> Canonical:
    """What waits for stock: whatever the first part leaves of the order's units and money."""
    lines = [_share(line, units.get(line["source_line_key"], 0), first=False) for line in order["lines"]]
    first = first_part(order, units)
    part = _part(order, lines, shipping=Decimal("0.00"))
    return {
        **part,
        "source_key": rest_key(order["source_key"]),
        "order_number": rest_key(order["order_number"]),
        "total_amount": order["total_amount"] - first["total_amount"],
        **_left(order, first),
        "promotions": [],
        "exported": False,  # the mark says that the first part was taken over
    }


def _part(order: Canonical, shares: Sequence[dict[str, Any]], *, shipping: Decimal) -> Canonical:
    lines = [line for line in shares if line["quantity"]]
    goods = sum(
        (_cents(line["quantity"] * line["unit_price"]) + line["tax_amount"] - line["discount_amount"] for line in lines), Decimal(0)
    )
    return {**order, "lines": lines, "shipping_amount": shipping, "total_amount": goods + shipping}


def _share(line: dict[str, Any], taken: int, *, first: bool) -> dict[str, Any]:
    """A line with the units of one part. The first part's amounts are rounded, and the rest gets what is left of them."""
    whole, shipped = line["quantity"], line.get("quantity_shipped") or 0
    of_first = {name: _cents(line[name] * taken / whole) for name in SHARED}
    if first:
        share = {**of_first, "quantity": taken, "quantity_shipped": min(shipped, taken)}
    else:
        left = {name: line[name] - of_first[name] for name in SHARED}
        share = {**left, "quantity": whole - taken, "quantity_shipped": max(shipped - taken, 0)}
    return {**line, **share, "shipping_amount": None}  # it is in the whole order's, which the first part bears


def _paid(order: Canonical, total: Decimal) -> Canonical:
    """What of the payments, where the source tells any, the first part is worth; none of it was given back."""
    if order.get("payments") is None:
        return {}
    payments = []
    for payment in order["payments"]:
        share = max(min(payment["amount"] - (payment.get("refunded_amount") or 0), total), Decimal(0))
        total -= share
        payments.append({**payment, "amount": share, "refunded_amount": Decimal(0)})
    return {"payments": payments}


def _left(order: Canonical, first: Canonical) -> Canonical:
    if order.get("payments") is None:
        return {}
    pairs = zip(order["payments"], first["payments"], strict=True)
    return {"payments": [{**payment, "amount": payment["amount"] - share["amount"]} for payment, share in pairs]}


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
