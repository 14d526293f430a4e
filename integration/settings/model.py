"""The settings as the rest of the house sees them: connections, flows and policies, already checked and resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

GuestRule = Literal["shared", "each", "refuse"]
OutOfStock = Literal["backorder", "hold", "partial"]
Credit = Literal["erp", "hold"]
KnownCustomers = Literal["never", "fill", "latest"]
NewCustomers = Literal["create", "review"]
Charge = Literal["freight", "tax", "discount"]
Winner = Literal["source", "target", "person"]
FieldGroup = Literal["status", "address", "shipping", "payment", "notes", "price", "content"]
PriceRule = Literal["promotion", "list"]

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that must never be shown; `reference` (`env:NAME`, `secret:NAME`) may be. `reveal()` is the only way to the value."""

    reference: str
    _value: str = field(repr=False)

    def reveal(self) -> str:
        return self._value

    def __str__(self) -> str:
        return f"<{self.reference}>"


@dataclass(frozen=True, slots=True)
class Connection:
    """One configured account of a system. `overrides` is merged into the system's connector file.

    `webhook_secrets`: what its webhooks may be signed with, none where it is not subscribed; `webhook_networks`: where they may come
    from, anywhere where it is empty.
    """

    name: str
    system: str
    url: str
    credentials: Mapping[str, Secret]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    verify_tls: bool = True
    webhook_secrets: tuple[Secret, ...] = ()
    webhook_networks: tuple[IPv4Network | IPv6Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Guests:
    """What becomes of an order without an e-mail address.

    `shared`: all on one customer, `customer_id` where it is named, else one found by or created with `email`.
    `each`: a customer for each order, with an address made of `email`'s domain. `refuse`: a dead letter.
    """

    rule: GuestRule = "shared"
    customer_id: str | None = None
    email: str = "guests@orders.invalid"
    name: str = "Marketplace guest"


@dataclass(frozen=True, slots=True)
class Buffer:
    """Units that are kept off the channel: of a SKU, else of the first of `groups` (a pattern such as `LAMP-*`) that it matches, else
    `default`."""

    default: int = 0
    groups: Mapping[str, int] = field(default_factory=dict)
    skus: Mapping[str, int] = field(default_factory=dict)

    def of(self, sku: str) -> int:
        if sku in self.skus:
            return self.skus[sku]
        return next((units for pattern, units in self.groups.items() if fnmatchcase(sku, pattern)), self.default)


@dataclass(frozen=True, slots=True)
class HoldTimes:
    """How long, in seconds, a hold of each kind waits before a person is asked.

    `order`: for a shipment or a status whose order is not known yet. `tracking`: for a shipment without tracking number; it is then
    sent without. `shipment`: for an invoice that is paid before its order has shipped on the channel.
    """

    unknown_sku: float = 3 * DAY
    out_of_stock: float = 14 * DAY
    credit: float = 3 * DAY
    customer: float = 3 * DAY
    address: float = 2 * DAY
    order: float = 1 * DAY
    tracking: float = 1800.0
    shipment: float = 1 * DAY


CONFLICTS: Mapping[str, Winner] = MappingProxyType(
    {
        "status": "source",
        "address": "person",
        "shipping": "source",
        "payment": "source",
        "notes": "source",
        "price": "source",
        "content": "target",
    }
)
"""Who wins where both sides have changed a group of fields since the last sync."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One entity from one connection to another. All times in seconds.

    `every`: between two looks for what is new. `overlap`: how far a look back goes. `look_back_every`: between two looks back.
    `batches_in_flight`: pages that travel at the same time. `max_attempts`: deliveries of one record before it becomes a dead letter.
    `behind_after`: a record that is on its way for so long means that the flow is behind.

    Orders: `guests`; `out_of_stock`: what to do with an order that stock does not cover; `credit`: who stops an unpaid order over the
    customer's limit; `customers`: what an order changes on a customer that the target knows; `new_customers`: whether one that it does
    not know is made, or a person is asked; `division`: where it is made; `charges`: item codes of amounts that become lines.
    Products: `price`: the rule by which they are priced.
    Stock: `buffer`; `distribution_center` of the channel, its usual one where empty; `full_pass_at`: minutes after midnight UTC.
    """

    name: str
    entity: str
    source: str
    target: str
    every: float = 5.0
    overlap: float = 16 * 60.0
    look_back_every: float = 60.0
    batches_in_flight: int = 8
    max_attempts: int = 12
    behind_after: float = 300.0
    rules: tuple[str, ...] = ()
    holds: HoldTimes = field(default_factory=HoldTimes)
    conflicts: Mapping[str, Winner] = field(default_factory=lambda: CONFLICTS)
    guests: Guests = field(default_factory=Guests)
    out_of_stock: OutOfStock = "backorder"
    credit: Credit = "hold"
    customers: KnownCustomers = "never"
    new_customers: NewCustomers = "create"
    division: str | None = None
    charges: Mapping[str, str] = field(default_factory=dict)
    buffer: Buffer = field(default_factory=Buffer)
    distribution_center: str = ""
    full_pass_at: int = 3 * 60
    price: PriceRule = "promotion"


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where webhooks come in. `url`: how the systems reach it from outside, which `webhooks register` needs. `proxies`: whose word on
    where a webhook came from (X-Forwarded-For) is believed; nobody's where it is empty."""

    host: str = "127.0.0.1"
    port: int = 8900
    url: str | None = None
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Alerts:
    """`urls` as Apprise takes them (mailto://, slack://, json:// …), each a secret. `after`: seconds that a trouble lasts before it is
    told."""

    urls: tuple[Secret, ...] = ()
    after: float = 60.0


@dataclass(frozen=True, slots=True)
class Retention:
    """Seconds after its end. `payloads`: how long what a record held is kept; `traces`: how long its story is."""

    payloads: float = 90 * DAY
    traces: float = 365 * DAY


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything configured. `home` holds the embedded database, Valkey's file and the encrypted secrets; URLs may hold passwords."""

    path: Path | None
    home: Path
    database_url: str = field(repr=False)
    redis_url: str | None = field(repr=False)
    master_key: Secret
    connections: Mapping[str, Connection]
    flows: Mapping[str, Flow]
    mappings_folder: Path | None
    flower_port: int
    flower_auth: Secret | None
    metrics_port: int
    gateway: Gateway = field(default_factory=Gateway)
    alerts: Alerts = field(default_factory=Alerts)
    retention: Retention = field(default_factory=Retention)
