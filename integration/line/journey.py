"""Everything that a flow's records meet on their way, put together once per process from settings, mappings and connectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine

from integration.budget import SharedBudget
from integration.errors import FieldError
from integration.heartbeat import Heartbeat
from integration.ledger.vault import Vault
from integration.ports import Body, Source, Target
from integration.settings.model import Flow, Settings

Canonical = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Writing:
    """How one canonical entity becomes a body of the target, and what the target's schema says of that body."""

    to_body: Callable[[Canonical], Body]
    faults: Callable[[Body], Sequence[FieldError]]


@dataclass(frozen=True, slots=True)
class Journey:
    """One flow, ready to travel. `read` makes a source record canonical and `canonical` checks one that comes back from the ledger, both
    raise Invalid with every fault; `named` is what of a source record can be read at all; `mapping` is the version of all mappings
    together; `items` are the target's codes for SKUs that it does not know itself. `email` finds the address of the person whom a source
    record is about; None where its schema knows of none."""

    flow: Flow
    source: Source
    target: Target
    target_budget: SharedBudget
    source_budget: SharedBudget
    read: Callable[[Body], Canonical]
    named: Callable[[Body], Body]
    canonical: Callable[[Canonical], Canonical]
    writing: Mapping[str, Writing]
    rules: Sequence[Callable[[Canonical], Sequence[FieldError]]]
    mapping: str
    email: Callable[[Body], str | None] | None = None
    items: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class House:
    """What all stages share in one process."""

    settings: Settings
    engine: Engine
    vault: Vault
    journey: Callable[[str], Journey]
    heartbeat: Heartbeat
