"""The canonical price: what one SKU costs, and for how long."""

from __future__ import annotations

from integration.canonical.money import Money
from integration.schema import Instant, Part, ReadSchema, Text


class PriceWindow(ReadSchema):
    """A price that holds from one instant to another. One that names no begin holds already, one that names no end holds until it is
    taken away."""

    price = Money(required=True)
    """The unit price while the promotion runs."""
    starts_at = Instant()
    """The first instant of the promotion."""
    ends_at = Instant()
    """The first instant after it."""


class Price(ReadSchema):
    """The prices of one SKU, each for one unit and before tax."""

    source_key = Text(100, 1, required=True)
    """The record's key in the system that it was read from."""
    sku = Text(100, 1, required=True)
    """The code of the item."""
    currency = Text(3, pattern="[A-Z]{3}", shape="a currency code of three capital letters", required=True)
    """The currency of every amount, by ISO 4217."""
    list_price = Money(required=True)
    """What is asked while no promotion runs."""
    promotion = Part(PriceWindow)
    """What is asked for a while instead."""
    price = Money()
    """What is asked now, by the price rule of the flow. Written only."""
    retail_price = Money()
    """What is shown as the usual price elsewhere."""
    lowest_price = Money()
    """A marketplace must not ask less."""
    highest_price = Money()
    """A marketplace must not ask more."""
    cost = Money()
    """What a unit costs the merchant."""
    as_of = Instant()
    """The moment at which the price was decided. Written only."""
    updated_at = Instant()
    """The last change in the system that it was read from."""
