"""Canonical records: what storage gives back is what was put in, and the customer that an order holds."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.canonical import CANONICAL, Line, customer_of
from integration.errors import Invalid
from integration.schema import checked

ADDRESS = {
    "name": "Luis Herrera",
    "company": "Herrera LLC",
    "line1": "77 Sunset Boulevard",
    "city": "Los Angeles",
    "country": "US",
    "phone": "555-0177",
}
BUYER = {"first_name": "Ana", "last_name": "Ruiz", "name": "Ana Ruiz", "email": "Ana@Buyer.example", "phone": "555-0100"}
LINE = {"source_line_key": "1", "sku": "A", "quantity": 1, "tax_amount": Decimal(0), "discount_amount": Decimal(0)}


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_money_survives_storage(amount: Decimal):
    stored = json.loads(json.dumps(LINE | {"unit_price": amount}, default=str))
    back = checked(Line(), stored, "the line")["unit_price"]
    assert back == amount
    assert isinstance(back, Decimal)


@pytest.mark.parametrize("wrong", [1.5, 1, True, "x", "NaN", Decimal("Infinity"), [], None])
def test_money_is_a_finite_decimal(wrong: Any):
    with pytest.raises(Invalid) as caught:
        checked(Line(), LINE | {"unit_price": wrong}, "the line")
    assert [fault.field for fault in caught.value.fields] == ["unit_price"]


def test_the_customer_of_an_order():
    order = {"customer": BUYER, "shipping_address": ADDRESS, "billing_address": ADDRESS | {"city": "Reno"}}
    customer = customer_of(order)
    assert customer == BUYER | {
        "addresses": [{"use": "shipping", "address": ADDRESS}, {"use": "billing", "address": ADDRESS | {"city": "Reno"}}],
    }
    assert checked(CANONICAL["customer"], customer, "the customer") == customer
    assert order["customer"] == BUYER, "the order itself stays as it is"


@pytest.mark.parametrize(("missing", "name"), [((), "Luis Herrera"), (("name",), "Herrera LLC"), (("name", "company"), None)])
def test_a_buyer_without_a_name_is_named_after_whom_the_parcel_goes_to(missing: tuple[str, ...], name: str | None):
    address = {member: None if member in missing else value for member, value in ADDRESS.items()}
    customer = customer_of({"customer": dict.fromkeys(BUYER), "shipping_address": address, "billing_address": None})
    assert (customer["name"], customer["phone"], len(customer["addresses"])) == (name, "555-0177", 1)
