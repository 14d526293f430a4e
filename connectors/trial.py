"""One raw record taken through the mappings by hand: source → canonical → target, with the origin of each field and every problem."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.mappings import mapping_of
from connectors.registry import SYSTEMS
from connectors.rest.definition import Definition
from connectors.wiring import MAPPINGS
from integration.canonical import CANONICAL, customer_of
from integration.canonical.booking import as_booked
from integration.errors import FieldError, Invalid
from integration.mapping import load_flow_rules
from integration.mapping.origin import Filled, filled, made_of, without_consequences
from integration.rules import RULES
from integration.schema import faults, sound
from integration.settings.model import Flow

Body = dict[str, Any]

ADDED_ON_THE_WAY: Mapping[str, tuple[str, ...]] = {
    "customer": ("division",),
    "shipment": ("target_order_key", "lines[].target_line_key", "lines[].target_sku"),
    "stock": ("sellable", "distribution_center", "as_of"),
}
"""Canonical fields that no source fills: the line does, from the flow and the ledger, before it writes."""


@dataclass(frozen=True, slots=True)
class Way:
    """The flow whose settings count, and its connections as they are declared."""

    flow: Flow
    source: Definition
    target: Definition


@dataclass(frozen=True, slots=True)
class Problem:
    """`stage`: what says so: source, canonical, rules, target or target customer. `field` is a path in the record of that stage."""

    stage: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Part:
    """A record that came out. `awaited` are those of its fields that the line fills when it delivers."""

    title: str
    mapping: str
    version: str
    fields: Sequence[Filled]
    awaited: frozenset[str]


@dataclass(frozen=True, slots=True)
class Trial:
    """`rules_left_out` were not asked: they take only what passes before them."""

    parts: Sequence[Part]
    problems: Sequence[Problem]
    rules_left_out: Sequence[str] = ()


def try_mapping(name: str, raw: Mapping[str, Any], target: str | None, overrides: Path | None, way: Way | None = None) -> Trial:
    """Take `raw`, a record of `name` (`system/entity`), to its canonical form, and on to a target system; along this way, or along one on
    which nothing is set. What does not pass counts as missing from there on, so that all that is wrong with a record is told at once,
    each thing where it begins.

    Raises Misconfigured where a mapping lacks the side that is needed.
    """
    system, _, entity = name.partition("/")
    reading = mapping_of(name, overrides, way.source if way else None)
    passed, wrong = sound(SYSTEMS[system].reads[entity], raw)
    canonical, unreadable = _run(reading.read, passed)
    parts = [Part(f"canonical {entity}", name, reading.version, filled(canonical, reading.fields, "read"), frozenset())]
    checked, refused = sound(CANONICAL[entity], canonical)

    missing = made_of(_fields(wrong), reading.fields, "read")
    unmapped = without_consequences(unreadable, missing)
    amiss = without_consequences(refused, missing | _fields(unmapped))
    problems = [*_told("source", wrong), *_told("canonical", unmapped), *_told("canonical", amiss)]
    if target is None:
        return Trial(parts, problems)
    rules = (way.flow.rules if way else ()) or load_flow_rules(MAPPINGS / "flows.yaml").get((system, target, entity), ())
    left_out = rules if problems else ()
    if not problems:
        problems += _told("rules", [fault for rule in rules for fault in RULES[rule](checked)])
    missing |= _fields(unmapped) | _fields(amiss)
    for written, record in _to_write(entity, canonical, way):
        part, faulty = _write(f"{target}/{written}", record, missing if written == entity else frozenset(), overrides, way)
        parts.append(part)
        problems += _told("target" if written == entity else f"target {written}", faulty)
    return Trial(parts, problems, left_out)


def _write(name: str, canonical: Body, missing: frozenset[str], overrides: Path | None, way: Way | None) -> tuple[Part, list[FieldError]]:
    """The target's record of a canonical one, and what is wrong with it and was not wrong before."""
    system, _, entity = name.partition("/")
    writing = mapping_of(name, overrides, way.target if way else None)
    schema = SYSTEMS[system].writes_as(way.target.profile if way else None)[entity]
    body, unwritable = _run(writing.write, canonical)
    awaited = made_of([one for one in ADDED_ON_THE_WAY.get(entity, ()) if one not in canonical], writing.fields, "write")
    known = made_of(missing, writing.fields, "write") | awaited
    unmapped = without_consequences(unwritable, known)
    refused = without_consequences(faults(schema, body), known | _fields(unmapped))
    return Part(f"{system} {entity}", name, writing.version, filled(body, writing.fields, "write"), awaited), [*unmapped, *refused]


def _to_write(entity: str, canonical: Body, way: Way | None) -> Iterator[tuple[str, Body]]:
    """What a target is given of a canonical record, by entity: with an order its customer, who must be there first."""
    if entity != "order":
        yield entity, canonical
        return
    yield entity, as_booked(canonical, way.flow.charges if way else {})
    if isinstance(canonical.get("customer"), dict) and isinstance(canonical.get("shipping_address"), dict):
        yield "customer", customer_of(canonical) | ({"division": way.flow.division} if way else {})


def _run(side: Callable[[Body], Body], record: Body) -> tuple[Body, Sequence[FieldError]]:
    """What came out all the same, and what did not."""
    try:
        return side(record), ()
    except Invalid as error:
        return error.readable or {}, error.fields


def _told(stage: str, found: Iterable[FieldError]) -> list[Problem]:
    return [Problem(stage, fault.field, fault.message) for fault in found]


def _fields(found: Iterable[FieldError]) -> frozenset[str]:
    return frozenset(fault.field for fault in found)
