"""The canonical product: what is sold under one SKU, with its prices."""

from __future__ import annotations

from integration.canonical.price import Price
from integration.schema import Number, Parts, ReadSchema, Text

STATUSES = ("active", "inactive", "retired")
KINDS = ("goods", "charge", "comment")


class Attribute(ReadSchema):
    """A property that no other field is for."""

    name = Text(100, 1, required=True)
    """What the property is called."""
    value = Text(4000)
    """What it is."""


class Image(ReadSchema):
    """A picture of the product."""

    url = Text(1000, 1, required=True)
    """Where the picture can be fetched."""
    place = Text(50)
    """The slot that it fills in a listing."""
    description = Text(255)
    """What the picture shows, for those who cannot see it."""


class Product(Price):
    """What is sold under one SKU, with its prices. Only an `active` one is sold; one that is `retired` does not come back, one that is
    `inactive` may."""

    name = Text(500, 1, required=True)
    """What buyers know it as."""
    description = Text(20_000)
    """The longer text."""
    status = Text(20, among=STATUSES, required=True)
    """Whether it is sold."""
    kind = Text(20, among=KINDS)
    """What an ERP's code stands for: only goods are products of a shop."""
    brand = Text(150)
    """The brand."""
    manufacturer = Text(150)
    """Who makes it."""
    manufacturer_number = Text(100)
    """The maker's own number of it."""
    barcode = Text(20)
    """The digits of the bar code (UPC, EAN)."""
    unit = Text(10)
    """The unit that is sold, as in EACH."""
    weight = Number(6)
    """What a unit weighs, in pounds."""
    attributes = Parts(Attribute, 500)
    """Properties that no other field is for."""
    images = Parts(Image, 50)
    """Pictures, the first one first."""
