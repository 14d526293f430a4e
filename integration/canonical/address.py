"""The canonical postal address: harmonized, and as long as the source gave it."""

from __future__ import annotations

from integration.schema import ReadSchema, Text


class Address(ReadSchema):
    """`name` is the person. `state` is a two-letter code in the US and Canada and free text elsewhere; `country` is ISO 3166-1 alpha-2."""

    name = Text(201)
    company = Text(200)
    line1 = Text(300)
    line2 = Text(300)
    line3 = Text(300)
    city = Text(100)
    state = Text(100)
    postal_code = Text(20)
    country = Text(2, pattern="[A-Z]{2}", shape="a country code of two capital letters")
    phone = Text(40)
