"""What somebody buys, in words that are no system's: each shop of the demo takes it in a form of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

Status = Literal["pending", "on_hold", "shipped", "cancelled"]


@dataclass(frozen=True, slots=True)
class Site:
    """Where and how somebody buys: `payment` is the word that the shop has for it, `number` the pattern of the numbers given there."""

    name: str
    payment: str
    number: str


@dataclass(frozen=True, slots=True)
class Person:
    """As typed this time; a guest leaves no e-mail address."""

    first_name: str
    last_name: str
    email: str | None
    phone: str | None


@dataclass(frozen=True, slots=True)
class Address:
    """As typed this time."""

    first_name: str
    last_name: str
    line1: str
    line2: str | None
    city: str
    region: str
    postal_code: str | None
    country: str = "US"


@dataclass(frozen=True, slots=True)
class Line:
    """Tax and discount are of the whole line."""

    sku: str
    title: str
    quantity: int
    unit_price: Decimal
    tax: Decimal = Decimal("0.00")
    discount: Decimal = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Sale:
    """No `status`: the usual one of a new order. No `paid`: on account. `surplus`: what the total says too much."""

    number: int
    site: Site
    ordered_at: datetime
    buyer: Person
    ship_to: Address
    bill_to: Address | None
    lines: tuple[Line, ...]
    shipping: Decimal
    method: str | None
    promotion: str | None
    paid: str | None
    currency: str = "USD"
    status: Status | None = None
    surplus: Decimal = Decimal("0.00")

    @property
    def total(self) -> Decimal:
        goods = sum((line.quantity * line.unit_price + line.tax - line.discount for line in self.lines), self.shipping)
        return goods + self.surplus

    def with_first(self, **members: Any) -> Sale:
        """The same with another first line."""
        return replace(self, lines=(replace(self.lines[0], **members), *self.lines[1:]))

    def sent_to(self, **members: Any) -> Sale:
        """The same to another address."""
        return replace(self, ship_to=replace(self.ship_to, **members))
