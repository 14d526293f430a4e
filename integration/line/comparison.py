"""What a changed mapping would make of the payloads that the ledger has: each goes through both journeys, and nothing is kept or sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from integration.canonical import customer_of
from integration.errors import FieldError, Invalid
from integration.ledger import tables
from integration.ledger.database import read
from integration.line.journey import House, Journey
from integration.mapping.origin import leaves
from integration.ports import Body

AT_ONCE = 200
"""Records that are read from the ledger together."""


@dataclass(frozen=True, slots=True)
class Change:
    """A field that would be another. `record` is `canonical`, or the entity that is written; `field` its path with places in lists."""

    record: str
    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Compared:
    """One version of a source object. `appeared` are faults that the change would bring, `vanished` those that it would end."""

    source_key: str
    changes: Sequence[Change]
    appeared: frozenset[FieldError]
    vanished: frozenset[FieldError]

    @property
    def differs(self) -> bool:
        return bool(self.changes or self.appeared or self.vanished)


@dataclass(frozen=True, slots=True)
class _Made:
    records: Mapping[str, Body]
    faults: frozenset[FieldError]


def recorded(house: House, flow: str) -> tuple[int, int]:
    """How many records of a flow have their payload, and of how many retention has deleted it."""
    r = tables.record.c
    with read(house.engine) as connection:
        everything, kept = connection.execute(select(func.count(), func.count(r.raw)).where(r.flow == flow)).one()
    return kept, everything - kept


def compare(house: House, now: Journey, then: Journey) -> Iterator[Compared]:
    """Every record of the flow whose payload is there, in the order in which they came."""
    r = tables.record.c
    last = 0
    while True:
        with read(house.engine) as connection:
            wanted = select(r.id, r.source_key, r.raw).where(r.flow == now.flow.name, r.raw.is_not(None), r.id > last)
            rows = connection.execute(wanted.order_by(r.id).limit(AT_ONCE)).all()
        if not rows:
            return
        last = rows[-1].id
        for row in rows:
            raw = house.vault.open(row.raw)
            before, after = _made(now, raw), _made(then, raw)
            yield Compared(row.source_key, list(_changes(before, after)), after.faults - before.faults, before.faults - after.faults)


def _changes(before: _Made, after: _Made) -> Iterator[Change]:
    for record in {**before.records, **after.records}:
        was, will = (dict(leaves(one.records.get(record, {}))) for one in (before, after))
        for path in {**was, **will}:
            if was.get(path) != will.get(path):
                yield Change(record, path, was.get(path), will.get(path))


def _made(journey: Journey, raw: Body) -> _Made:
    faults: set[FieldError] = set()
    entity = journey.flow.entity

    def out_of(made: Invalid) -> Body:
        faults.update(made.fields)
        return dict(made.readable or {})

    try:
        canonical = journey.read(raw)
    except Invalid as error:  # what does not pass is not written either
        return _Made({"canonical": out_of(error)}, frozenset(faults))
    records = {"canonical": canonical}
    for written, writing in journey.writing.items():
        try:
            records[written] = writing.to_body(canonical if written == entity else customer_of(canonical))
        except Invalid as error:
            records[written] = out_of(error)
        faults.update(writing.faults(records[written]))
    return _Made(records, frozenset(faults))
