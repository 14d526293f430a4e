"""Transform: source → canonical → target by the compiled mappings; a record that does not pass is put aside alone."""

from __future__ import annotations

from collections.abc import Sequence

from integration.errors import SyncError
from integration.ledger.records import Aside, Passed, Record
from integration.line.conditions import of_a_person
from integration.line.journey import House, Journey
from integration.line.unexpected import bug


def transform(house: House, journey: Journey, records: Sequence[Record]) -> list[Passed | Aside]:
    return [_one(house, journey, record) for record in records]


def _one(house: House, journey: Journey, record: Record) -> Passed | Aside:
    try:
        assert record.raw is not None
        canonical = journey.read(house.vault.open(record.raw))
        body = journey.writing[journey.flow.entity].to_body(canonical)
    except SyncError as error:
        return Aside(record, of_a_person(record, error))
    except Exception as error:  # noqa: BLE001 - one bad record never stops its batch
        return Aside(record, bug(error, "transform", record))
    values = {
        "canonical": house.vault.seal({"canonical": canonical, "body": body}),
        "reference": canonical.get("order_number") or canonical.get("order_reference"),
        "mapping": journey.mapping,
    }
    if journey.email is not None:  # an edit, or a mapping of the customer's own, may name another person than the page did
        values["subject"] = house.vault.subject((canonical.get("customer") or {}).get("email"))
    return Passed(record, values)
