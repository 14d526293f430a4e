"""Orders to place on the simulated channel, good ones of one to three lines."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

SKUS = ("LAMP-001", "LAMP-002", "LAMP-003", "DESK-001", "DESK-002", "DESK-003")
PEOPLE = ("Ana Ruiz", "John O'Brien", "Mei Chen", "Lukas Novak", "Priya Raman")
TOWNS = (("Austin", "TX", "78701"), ("Portland", "OR", "97201"), ("Boston", "MA", "02108"), ("Denver", "CO", "80202"))


def orders(first: int, count: int, new_customers: float = 1.0, known: int = 100) -> list[dict[str, Any]]:
    """`count` orders numbered from `first` on; a `new_customers` part of them has a buyer of its own, the others one of `known` buyers."""
    every = round(1 / new_customers) if new_customers else 0
    return [
        order(number, f"new.{number}" if every and number % every == 0 else f"known.{number % known}")
        for number in range(first, first + count)
    ]


def order(number: int, buyer: str) -> dict[str, Any]:
    """One order as the channel's control plane takes it; `buyer` is the local part of the e-mail address."""
    given, family = PEOPLE[number % len(PEOPLE)].split(" ")
    city, state, postal_code = TOWNS[number % len(TOWNS)]
    lines = [line(SKUS[(number + place) % len(SKUS)], 1 + (number + place) % 3) for place in range(1 + number % 3)]
    return {
        "SiteName": "Amazon Seller Central - US",
        "OrderID": f"113-{number:07d}-1234567",
        "OrderDate": "2026-03-02T14:01:55Z",
        "Currency": "USD",
        "PaymentStatus": "Cleared",
        "CustomerInfo": {"FirstName": given, "LastName": family, "Email": f"{buyer}@buyer.example", "Phone": "512-555-0100"},
        "TotalAmount": str(sum(map(amount, lines))),
        "ShippingMethod": "Standard",
        "PaymentMethod": "Amazon",
        "ShippingAddress": {
            "FirstName": given,
            "LastName": family,
            "AddressLine1": f"{number % 900 + 1} orchard ln apt 4",
            "City": city,
            "StateOrProvince": state,
            "PostalCode": postal_code,
            "Country": "US",
        },
        "Items": lines,
    }


def line(sku: str, quantity: int) -> dict[str, Any]:
    amounts = {"UnitPrice": "24.00", "TaxAmount": "1.98", "DiscountAmount": "0.00", "ShippingAmount": "6.99"}
    return {"SKU": sku, "Title": "Goods for the house", "Quantity": quantity, **amounts}


def amount(one: dict[str, Any]) -> Decimal:
    """What a line comes to."""
    goods: Decimal = one["Quantity"] * Decimal(one["UnitPrice"])
    return goods + Decimal(one["TaxAmount"]) + Decimal(one["ShippingAmount"]) - Decimal(one["DiscountAmount"])
