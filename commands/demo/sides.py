"""The two sides of a demo as ports: what it must know of a shop and of an ERP, and what each holds, told in one form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from commands.demo.sale import Address, Sale, Site, Status
from connectors.simulation.remote import RemoteSimulator

State = Mapping[str, Any]
Raw = dict[str, Any]
Units = tuple[tuple[str, int], ...]


class Stored(NamedTuple):
    """An order as its shop has taken it: its key there, the number by which others know it, and when that was."""

    key: str
    number: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order as its shop has it. `told`: it knows of its booking. `awaited`: units that it has sold and not shipped."""

    key: str
    number: str
    told: bool
    cancelled: bool
    awaited: Units


@dataclass(frozen=True, slots=True)
class Parcel:
    """A shipment, by its key in the ERP; `order` as the system that tells it knows it."""

    key: str
    order: str
    tracking: str | None
    units: int


@dataclass(frozen=True, slots=True)
class Storefront:
    """What a shop holds; `shown` are the units it offers by SKU."""

    orders: Sequence[Ordered]
    parcels: Sequence[Parcel]
    shown: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Booking:
    """An order as its ERP has it. `reference`: the shop's key or number of it. `customer`: each way in which the ERP tells people apart.
    `apart`: its units are no longer among those that are available."""

    key: str
    reference: str
    total: Decimal
    lines: Units
    status: str
    customer: frozenset[str]
    street: str
    postal_code: str
    apart: bool


@dataclass(frozen=True, slots=True)
class Books:
    """What an ERP holds; `available` by SKU, `codes` the SKU of each code that it understands, `emails` those of all customers."""

    bookings: Sequence[Booking]
    parcels: Sequence[Parcel]
    available: Mapping[str, int]
    codes: Mapping[str, str]
    emails: Sequence[str]


class Shop(Protocol):
    """`every`: seconds between two looks for orders. `late`: seconds after which an order is surely listed. `most`: orders a second that
    its limit has room for. `sites`, `shipping` (method and price) and `paid` (words of what is paid): what buyers choose from. `guests`:
    whether somebody may buy without an e-mail address."""

    system: str
    credentials: Mapping[str, str]
    every: float
    late: float
    most: float
    sites: Sequence[Site]
    shipping: Sequence[tuple[str | None, Decimal]]
    paid: Sequence[str]
    guests: bool

    def order(self, sale: Sale) -> Raw:
        """The sale as the shop's simulator takes it."""
        ...

    def change(self, later: Status | Address) -> Raw:
        """What changes in an order that gets this status or goes to this address."""
        ...

    def placed(self, stored: State) -> Stored: ...

    def storefront(self, state: State) -> Storefront: ...


class Erp(Protocol):
    """`every`: seconds between two looks for each thing that goes back. `steady` and `brisk`: orders a second that its limit has room for,
    in a demo without an end and in one that has one. `new_buyers`: the share of orders by somebody whom it does not know. `items`: goods
    that the simulators start with. `fields`: what a hold or a dead letter calls a fault, where it is not the canonical name. `owing`: a
    buyer whose orders on account it does not take. `wraps`: a street that is too long goes on in its next line."""

    system: str
    credentials: Mapping[str, str]
    every: float
    steady: float
    brisk: float
    new_buyers: float
    items: int
    fields: Mapping[str, str]
    owing: str | None
    wraps: bool

    def open(self, simulator: RemoteSimulator) -> None:
        """What must be so before the first order."""
        ...

    def count(self, simulator: RemoteSimulator, sku: str, units: int) -> None:
        """The warehouse counts an item anew."""
        ...

    def ship(self, simulator: RemoteSimulator, booking: str, first: int | None = None) -> None:
        """An order leaves, or so many units of its first line. Raises Misconfigured where it cannot."""
        ...

    def books(self, state: State) -> Books: ...
