"""The settings as the rest of the house sees them: connections, flows and policies, already checked and resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

GuestRule = Literal["shared", "each", "refuse"]


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
    """One configured account of a system. `overrides` is merged into the system's connector file."""

    name: str
    system: str
    url: str
    credentials: Mapping[str, Secret]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    verify_tls: bool = True


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
class Flow:
    """One entity from one connection to another. All times in seconds.

    `every`: between two looks for what is new. `overlap`: how far a look back goes. `look_back_every`: between two looks back.
    `batches_in_flight`: pages that travel at the same time. `max_attempts`: deliveries of one record before it becomes a dead letter.
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
    rules: tuple[str, ...] = ()
    guests: Guests = field(default_factory=Guests)


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
