"""What $title answers and takes, as its contract says it."""

from __future__ import annotations

from collections.abc import Mapping

from marshmallow import Schema

from integration.schema import Email, Instant, MoneyText, Part, Parts, ReadSchema, Text, Whole

STATUSES = ("open", "shipped", "cancelled")
PAYMENTS = ("open", "paid", "refunded")


class Customer(ReadSchema):
    name = Text(100)
    email = Email()
    phone = Text(40)


class Address(ReadSchema):
    name = Text(100)
    line1 = Text(100, 1, required=True)
    line2 = Text(100)
    city = Text(60, 1, required=True)
    state = Text(30)
    postalCode = Text(20)
    country = Text(2, pattern="[A-Z]{2}", shape="a country code of two capital letters", required=True)


class Line(ReadSchema):
    id = Whole(1, 1_000_000, required=True)
    sku = Text(50, 1, required=True)
    title = Text(200)
    quantity = Whole(1, 100_000, required=True)
    price = MoneyText(required=True)
    tax = MoneyText(required=True)
    discount = MoneyText(required=True)


class Order(ReadSchema):
    number = Text(20, 1, required=True)
    status = Text(20, among=STATUSES, required=True)
    payment = Text(20, among=PAYMENTS)
    placedAt = Instant(required=True)
    updatedAt = Instant(required=True)
    currency = Text(3, pattern="[A-Z]{3}", shape="a currency code of three capital letters", required=True)
    shipping = MoneyText(required=True)
    total = MoneyText(required=True)
    customer = Part(Customer, required=True)
    address = Part(Address, required=True)
    lines = Parts(Line, 200, 1, required=True)


READ: Mapping[str, Schema] = {"order": Order()}
"""By entity, what is read."""

WRITE: Mapping[str, Schema] = {}
"""By entity, what is written."""
