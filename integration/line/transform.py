"""Transform: source → canonical → target by the compiled mappings; a record that does not pass is put aside alone."""

from __future__ import annotations

from collections.abc import Sequence

from integration.errors import Invalid, SyncError
from integration.ledger.records import Aside, Passed, Record
from integration.line.conditions import lies_in_addresses, of_a_person
from integration.line.journey import Canonical, House, Journey
from integration.line.unexpected import bug
from integration.ports import Body


def transform(house: House, journey: Journey, records: Sequence[Record]) -> list[Passed | Aside]:
    return [_one(house, journey, record) for record in records]


def _one(house: House, journey: Journey, record: Record) -> Passed | Aside:
    try:
        assert record.raw is not None
        canonical = _read(journey, house.vault.open(record.raw))
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


def _read(journey: Journey, raw: Body) -> Canonical:
    try:
        return journey.read(raw)
    except Invalid as error:
        # Nothing is sent to the address of an order that is cancelled, so its faults do not keep the cancellation back.
        if error.readable is not None and error.readable.get("status") == "cancelled" and lies_in_addresses(error.fields):
            return error.readable
        raise
