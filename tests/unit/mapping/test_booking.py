"""What follows from an order's money: the deposit, the payment that is booked, and charges as fields or as lines, to the cent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.canonical.booking import as_booked, deposit
from integration.rules import order_sums

CHARGES = {"freight": "/FREIGHT", "tax": "/TAX", "discount": "/DISCOUNT"}
CENTS = st.integers(0, 99_999).map(lambda cents: Decimal(cents).scaleb(-2))


def payment(state: str, amount: str, refunded: str | None = None, gateway: str = "Stripe") -> dict[str, Any]:
    back = Decimal(refunded) if refunded is not None else None
    return {
        "source_key": "1",
        "gateway": gateway,
        "reference": f"pi_{state}",
        "state": state,
        "amount": Decimal(amount),
        "refunded_amount": back,
    }


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    lines = [
        {
            "source_line_key": str(number),
            "sku": "LAMP-001",
            "quantity": draw(st.integers(1, 9)),
            "unit_price": draw(CENTS),
            "tax_amount": draw(CENTS),
            "discount_amount": draw(CENTS),
            "shipping_amount": None,
        }
        for number in range(draw(st.integers(1, 4)))
    ]
    shipping = draw(CENTS)
    total = sum((one["quantity"] * one["unit_price"] + one["tax_amount"] - one["discount_amount"] for one in lines), shipping)
    return {"lines": lines, "shipping_amount": shipping, "total_amount": total, "payment_status": "unpaid", "payments": []}


@given(orders(), st.sets(st.sampled_from(sorted(CHARGES))))
def test_the_sums_hold_whatever_becomes_a_line(order: dict[str, Any], chosen: set[str]):
    booked = as_booked(order, {kind: CHARGES[kind] for kind in CHARGES if kind in chosen})
    assert order_sums(order) == order_sums(booked) == []
    lines = booked["lines"]
    charged = {line["sku"]: line["unit_price"] for line in lines[len(order["lines"]) :]}
    assert [line["sku"] for line in lines[: len(order["lines"])]] == [line["sku"] for line in order["lines"]], "goods keep their places"
    tax, discount = (sum(line[name] for line in order["lines"]) for name in ("tax_amount", "discount_amount"))
    amounts = {"freight": order["shipping_amount"], "tax": tax, "discount": -discount}
    assert charged == {CHARGES[kind]: amounts[kind] for kind in chosen if amounts[kind]}
    assert booked["shipping_amount"] == (0 if "freight" in chosen else order["shipping_amount"])


@pytest.mark.parametrize(("payments", "has", "booked"), [
    ([], "0", None),
    ([payment("captured", "96.91")], "96.91", "pi_captured"),
    ([payment("captured", "96.91", "10.00")], "86.91", "pi_captured"),
    ([payment("refunded", "96.91")], "0", None),
    ([payment("refunded", "96.91", "96.91"), payment("pending", "96.91", gateway="Invoice")], "0", "pi_pending"),
    ([payment("failed", "96.91"), payment("authorized", "50.00"), payment("captured", "46.91")], "46.91", "pi_captured"),
])  # fmt: skip
def test_the_deposit_is_what_was_captured_less_what_was_given_back(payments: list[dict[str, Any]], has: str, booked: str | None):
    order = {"lines": [], "total_amount": Decimal("96.91"), "payments": payments, "payment_status": "unpaid"}
    assert deposit(order) == Decimal(has)
    assert (as_booked(order, {})["payment"] or {}).get("reference") == booked


@pytest.mark.parametrize(("status", "has"), [("paid", "96.91"), ("unpaid", "0"), ("refunded", "0")])
def test_a_channel_that_tells_no_payments_says_whether_all_is_paid(status: str, has: str):
    order = {"lines": [], "total_amount": Decimal("96.91"), "payment_status": status, "payment_method": "Amazon"}
    assert deposit(order) == Decimal(has)
    assert as_booked(order, {})["payment"] == {"gateway": "Amazon"}


@given(orders())
def test_what_the_order_remarks_goes_with_its_first_line_alone(order: dict[str, Any]) -> None:
    told = as_booked({**order, "notes": "Ring twice", "po_number": None}, CHARGES)["lines"]
    assert [line.get("order_notes") for line in told] == ["Ring twice", *[None] * (len(told) - 1)]
    assert "order_po_number" not in told[0]
    assert [{**line, "order_notes": None} for line in told] == [
        {**line, "order_notes": None} for line in as_booked({**order, "notes": ""}, CHARGES)["lines"]
    ]
