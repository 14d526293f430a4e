"""The two parts of an order add up to it, whatever it holds and however it is cut."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from integration.canonical.booking import deposit
from integration.line.parts import first_part, rest_part
from integration.rules import order_sums

CENTS = st.integers(0, 99_999).map(lambda cents: Decimal(cents) / 100)


@st.composite
def cut_orders(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, int]]:
    """An order whose sums are right, and units of a first part that has at least one."""
    lines = [
        {
            "source_line_key": str(number),
            "sku": f"SKU-{number % 2}",
            "quantity": draw(st.integers(1, 9)),
            "unit_price": draw(CENTS),
            "tax_amount": draw(CENTS),
            "discount_amount": Decimal("0.00"),
            "shipping_amount": draw(CENTS),
        }
        for number in range(draw(st.integers(1, 4)))
    ]
    for line in lines:
        line["discount_amount"] = draw(
            st.integers(0, int(line["quantity"] * line["unit_price"] * 100)).map(lambda cents: Decimal(cents) / 100)
        )
    shipping = sum((line["shipping_amount"] for line in lines), Decimal(0))
    goods = sum((line["quantity"] * line["unit_price"] + line["tax_amount"] - line["discount_amount"] for line in lines), Decimal(0))
    order = {"source_key": "5000", "order_number": "113-7", "shipping_amount": shipping, "total_amount": goods + shipping, "lines": lines}
    payments = draw(st.lists(st.tuples(CENTS, CENTS), max_size=2))
    order["payments"] = [{"amount": amount, "refunded_amount": min(back, amount)} for amount, back in payments]
    units = {line["source_line_key"]: draw(st.integers(0, line["quantity"])) for line in lines}
    units["0"] = max(units["0"], 1)
    return order, units


@given(cut_orders())
def test_units_and_money_of_both_parts_are_those_of_the_order(cut: tuple[dict[str, Any], dict[str, int]]) -> None:
    order, units = cut
    first, rest = first_part(order, units), rest_part(order, units)
    assert first["total_amount"] + rest["total_amount"] == order["total_amount"]
    assert first["shipping_amount"] + rest["shipping_amount"] == order["shipping_amount"]
    for name in ("amount", "refunded_amount"):
        paid = [sum((one[name] for one in part["payments"]), Decimal(0)) for part in (order, first, rest)]
        assert paid[0] == paid[1] + paid[2], name
    assert sum(one["amount"] for one in first["payments"]) <= max(first["total_amount"], 0)
    for line in order["lines"]:
        shares = [one for part in (first, rest) for one in part["lines"] if one["source_line_key"] == line["source_line_key"]]
        for name in ("quantity", "tax_amount", "discount_amount"):
            assert sum(share[name] for share in shares) == line[name], name
    assert (first["source_key"], rest["source_key"], rest["order_number"]) == ("5000", "5000/2", "113-7/2")


@given(cut_orders())
def test_a_source_that_tells_no_payments_says_only_whether_all_is_paid(cut: tuple[dict[str, Any], dict[str, int]]) -> None:
    order, units = cut
    paid = {**order, "payments": None, "payment_status": "paid"}
    first, rest = first_part(paid, units), rest_part(paid, units)
    assert (deposit(first), deposit(rest)) == (max(first["total_amount"], 0), max(rest["total_amount"], 0))


@given(cut_orders())
def test_each_part_passes_the_rule_of_sums(cut: tuple[dict[str, Any], dict[str, int]]) -> None:
    order, units = cut
    assert list(order_sums(order)) == []
    for part in (first_part(order, units), rest_part(order, units)):
        assert list(order_sums(part)) == []
        assert all(line["quantity"] > 0 for line in part["lines"])
