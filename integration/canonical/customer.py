"""The canonical customer, and how it is split out of an order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.canonical.address import Address
from integration.schema import Email, Part, Parts, ReadSchema, Text


class Buyer(ReadSchema):
    """Who placed an order, as the order tells it; any member may be missing. `number_in_target`: under which the system that books
    knows them, as the channel was told."""

    first_name = Text(100)
    """The given name."""
    last_name = Text(100)
    """The family name."""
    name = Text(201)
    """The whole name."""
    email = Email()
    """The e-mail address as it was typed; compared without letter case."""
    phone = Text(40)
    """The telephone number."""
    company = Text(200)
    """The company that they buy for."""
    number_in_target = Text(64)
    """The customer's number where orders are booked, as the channel knows it."""


class CustomerAddress(ReadSchema):
    """An address of a customer, and what it is for."""

    use = Text(10, among=("shipping", "billing"), required=True)
    """What the address is for."""
    address = Part(Address, required=True)
    """The address."""


class Customer(Buyer):
    """A buyer with the addresses that the order names. `email` keeps its letter case; compare it without. `division`: where a new customer
    belongs in a target that has divisions; written only."""

    division = Text(20)
    """The division in which a new customer is made, in a system that has divisions. Written only."""
    addresses = Parts(CustomerAddress, 50)
    """The addresses that are known of the customer."""


def customer_of(order: Mapping[str, Any]) -> dict[str, Any]:
    """The canonical customer of a canonical order.

    A buyer without a name or a phone takes those of the shipping address (its company where no person is named), since every
    system wants a customer to have a name.
    """
    buyer, shipping, billing = order["customer"], order["shipping_address"], order.get("billing_address")
    addresses = [{"use": "shipping", "address": shipping}]
    if billing is not None:
        addresses.append({"use": "billing", "address": billing})
    return {
        **buyer,
        "name": buyer.get("name") or shipping.get("name") or shipping.get("company"),
        "phone": buyer.get("phone") or shipping.get("phone"),
        "addresses": addresses,
    }
