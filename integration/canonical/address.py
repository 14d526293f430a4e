"""The canonical postal address: harmonized, and as long as the source gave it."""

from __future__ import annotations

from integration.schema import ReadSchema, Text


class Address(ReadSchema):
    """A postal address. `name` is the person. `state` is a two-letter code in the US and Canada and free text elsewhere; `country` is ISO
    3166-1 alpha-2."""

    name = Text(201)
    """The person."""
    company = Text(200)
    """The company."""
    line1 = Text(300)
    """Street and number."""
    line2 = Text(300)
    """The rest of it, as a flat or a floor."""
    line3 = Text(300)
    """What two lines do not hold."""
    city = Text(100)
    """The city."""
    state = Text(100)
    """The state or province: a two-letter code in the US and Canada."""
    postal_code = Text(20)
    """The postal code."""
    country = Text(2, pattern="[A-Z]{2}", shape="a country code of two capital letters")
    """The country, by ISO 3166-1 alpha-2."""
    phone = Text(40)
    """Whom the carrier may call."""
