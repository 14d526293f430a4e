"""What follows from what an order says of its money: what the merchant has, and what goes into the books, in fields or as charge lines.

Orders come here as they were read, before any schema has looked at them: an amount that is missing counts as none, and validation tells it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

Members = dict[str, Any]

NONE = Decimal("0.00")
GIVEN = ("captured", "refunded")
"""States of a payment in which the merchant has, or had, the money."""
BOOKED_FIRST = ("captured", "authorized", "pending")
"""Of several payments an ERP knows one: the first in the first of these states that any has."""
OF_LINES = {"tax": "tax_amount", "discount": "discount_amount"}
"""Members of a line, by the charge that takes their place."""


def deposit(order: Members) -> Decimal:
    """What the merchant has of an order's money: captured less refunded. A source that tells no payments says only whether all is paid."""
    if order.get("payments") is not None:
        return max(_kept(order["payments"]), NONE)
    return order.get("total_amount") or NONE if order.get("payment_status") == "paid" else NONE


def as_booked(order: Members, charges: Mapping[str, str]) -> Members:
    """The order as it is written: with its `deposit_amount`, the `payment` that is booked, and on its first line what it remarks; and of
    `charges` (freight, tax, discount) each as a line under its item code instead of in its field. The total stays what it is, to the
    cent."""
    lines = _remarked(order)
    booked = {**order, "deposit_amount": deposit(order), "payment": _payment(order), "lines": lines}
    if not charges:
        return booked
    amounts = {
        "freight": order.get("shipping_amount") or NONE,
        "tax": _sum(line.get("tax_amount") for line in lines),
        "discount": -_sum(line.get("discount_amount") for line in lines),
    }
    elsewhere: Members = {OF_LINES[kind]: NONE for kind in charges if kind in OF_LINES}
    if "freight" in charges:
        booked["shipping_amount"] = elsewhere["shipping_amount"] = NONE
    charged = [_charge(kind, code, amounts[kind]) for kind, code in charges.items() if amounts[kind]]
    return {**booked, "lines": [*({**line, **elsewhere} for line in lines), *charged]}


def _remarked(order: Members) -> list[Members]:
    lines = order.get("lines") or []
    remarks = {f"order_{name}": order[name] for name in ("po_number", "notes") if order.get(name)}
    return [{**lines[0], **remarks}, *lines[1:]] if lines and remarks else lines


def _charge(kind: str, code: str, amount: Decimal) -> Members:
    return {
        "source_line_key": f"charge {kind}",
        "sku": code,
        "quantity": 1,
        "unit_price": amount,
        "tax_amount": NONE,
        "discount_amount": NONE,
    }


def _payment(order: Members) -> Members | None:
    payments = order.get("payments")
    if payments is None:
        return {"gateway": order["payment_method"]} if order.get("payment_method") else None
    first = next((one for state in BOOKED_FIRST for one in payments if one["state"] == state), None)
    return {"gateway": first["gateway"], "reference": first.get("reference")} if first else None


def _kept(payments: Iterable[Members]) -> Decimal:
    return _sum(_given(one) for one in payments if one["state"] in GIVEN)


def _given(payment: Members) -> Decimal:
    """Less what was given back; one that was refunded, and does not say how much, was refunded whole."""
    amount: Decimal = payment.get("amount") or NONE
    back: Decimal | None = payment.get("refunded_amount")
    if back is None:
        back = amount if payment["state"] == "refunded" else NONE
    return amount - back


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), NONE)
