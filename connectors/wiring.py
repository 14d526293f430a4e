"""Puts a process together: ledger, vault, budgets, connections and mappings, from the settings; each made once, when first needed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from marshmallow import Schema
from sqlalchemy import Engine

from connectors.mappings import MappingFiles
from connectors.registry import SYSTEMS, connect, definition
from connectors.rest import RestConnection
from integration.budget import SharedBudget
from integration.canonical import CANONICAL
from integration.canonical.booking import as_booked
from integration.heartbeat import Heartbeat
from integration.ledger.database import open_engine
from integration.ledger.upgrade import upgrade
from integration.ledger.vault import Vault
from integration.line.journey import House, Journey, Writing
from integration.mapping import CompiledMapping, load_flow_rules, load_mapping
from integration.rules import RULES
from integration.schema import checked, email, faults, knows_email, named
from integration.settings.model import Flow, Settings

MAPPINGS = Path(__file__).parent.parent / "mappings"
DEPENDS_ON = {"order": ("customer",)}
"""What a canonical entity needs to be in the target before it."""
ITEMS = "item"
"""The word list of an order's mapping with codes for SKUs of which the target knows neither the item nor an alias."""


def open_house(settings: Settings) -> House:
    """Open the ledger (brought to its present shape) and make ready what stages share. Raises Misconfigured."""
    engine = open_engine(settings.database_url)
    try:
        upgrade(engine)
        vault = Vault(engine, settings.master_key)
        vault.prepare()
    except BaseException:
        engine.dispose()
        raise
    wiring = Wiring(settings, engine)
    return House(settings, engine, vault, wiring.journey, Heartbeat(engine))


@dataclass
class Wiring:
    """The connections and journeys of one process. `changed`: files by (system, entity) that take the place of those in use."""

    settings: Settings
    engine: Engine
    changed: Mapping[tuple[str, str], MappingFiles] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _connections: dict[str, tuple[RestConnection, SharedBudget]] = field(default_factory=dict)
    _journeys: dict[str, Journey] = field(default_factory=dict)

    def journey(self, name: str) -> Journey:
        with self._lock:
            if name not in self._journeys:
                self._journeys[name] = self._make(self.settings.flows[name])
            return self._journeys[name]

    def connection(self, name: str) -> tuple[RestConnection, SharedBudget]:
        with self._lock:
            if name not in self._connections:
                configured = self.settings.connections[name]
                declared = definition(configured)
                budget = SharedBudget(self.engine, name, declared.limits, declared.times.total, declared.times.settle)
                self._connections[name] = (connect(configured, budget), budget)
            return self._connections[name]

    def _make(self, flow: Flow) -> Journey:
        source, source_budget = self.connection(flow.source)
        target, target_budget = self.connection(flow.target)
        source_system = self.settings.connections[flow.source].system
        target_system = self.settings.connections[flow.target].system
        reading = self._mapping(flow.source, flow.entity)
        writings = {entity: self._mapping(flow.target, entity) for entity in (flow.entity, *DEPENDS_ON.get(flow.entity, ()))}
        schemas = SYSTEMS[target_system].writes_as(definition(self.settings.connections[flow.target]).profile)
        source_schema = SYSTEMS[source_system].reads[flow.entity]
        canonical_schema = CANONICAL[flow.entity]
        rules = flow.rules or load_flow_rules(MAPPINGS / "flows.yaml").get((source_system, target_system, flow.entity), ())

        def read(raw: dict[str, Any]) -> dict[str, Any]:
            return reading.read(checked(source_schema, raw, f"the {flow.entity}"))

        return Journey(
            flow=flow,
            source=source,
            target=target,
            source_budget=source_budget,
            target_budget=target_budget,
            read=read,
            named=lambda raw: named(source_schema, raw),
            canonical=lambda stored: checked(canonical_schema, stored, f"the {flow.entity}"),
            writing={entity: _writing(mapping, schemas[entity], flow) for entity, mapping in writings.items()},
            rules=[RULES[name] for name in rules],
            mapping="+".join([reading.version, *(mapping.version for mapping in writings.values())]),
            email=partial(email, source_schema) if knows_email(source_schema) else None,
            items={sku: word.theirs[0] for sku, word in writings[flow.entity].words.get(ITEMS, {}).items()},
        )

    def _mapping(self, connection: str, entity: str) -> CompiledMapping:
        configured = self.settings.connections[connection]
        declared = definition(configured)
        if files := self.changed.get((configured.system, entity)):
            return files.load(declared)
        return compiled(configured.system, entity, self.settings.mappings_folder, declared.profile, declared.zone)


@cache
def compiled(system: str, entity: str, overrides: Path | None, profile: str | None = None, zone: str | None = None) -> CompiledMapping:
    """The mapping file of an entity of a system, compiled with the customer's overrides. Raises Misconfigured with file and line."""
    return load_mapping(MAPPINGS / system / f"{entity}.yaml", overrides, SYSTEMS[system].known_paths(entity), profile, zone)


def _writing(mapping: CompiledMapping, schema: Schema, flow: Flow) -> Writing:

    def write(canonical: dict[str, Any]) -> dict[str, Any]:
        return mapping.write(as_booked(canonical, flow.charges) if mapping.entity == "order" else canonical)

    return Writing(write, lambda body: faults(schema, body))
