"""Shipments back to the channel: each is resolved to the order and the lines that were sold there, and told once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from integration import clock
from integration.delivery import Delivered, Failed, Outcome, Skipped
from integration.errors import Conflict, FieldError, Held, Invalid, Refused, SyncError
from integration.ledger import holds, shipped, tables
from integration.ledger.database import read
from integration.ledger.records import SKIPPED, Aside, Passed, Record
from integration.line.journey import Canonical, House, Journey
from integration.line.load import Job, Loader
from integration.line.origin import PASSING, Elsewhere, Origin, Origins, channel_status
from integration.line.unexpected import bug
from integration.ports import NOT_NOW, OVER, TOO_LATE, Body


def validate(house: House, journey: Journey, records: Sequence[Record]) -> list[Passed | Aside]:
    """May raise what passes (PASSING) while it asks the channel for an order: then the whole batch waits."""
    opened = [house.vault.open(record.canonical)["canonical"] if record.canonical else {} for record in records]
    orders = [{"order": one["order_key"], "reference": one.get("order_reference")} for one in opened]
    origins = Origins(house, journey, orders)
    return [_one(house, journey, origins, record, one) for record, one in zip(records, opened, strict=True)]


def _one(house: House, journey: Journey, origins: Origins, record: Record, opened: dict[str, Any]) -> Passed | Aside:
    try:
        canonical = journey.canonical(opened)
        origin = origins.of(canonical["order_key"], canonical.get("order_reference"), lines=True)
        _wait_for_tracking(house, journey, record, canonical)
        resolved = canonical | {"target_order_key": origin.order_key, "lines": _lines(canonical, origin)}
        _check_units(house, journey, resolved, origin)
        writing = journey.writing[journey.flow.entity]
        body = writing.to_body(resolved)
        if faults := writing.faults(body):
            raise Invalid("the shipment does not pass", tuple(faults))
    except Elsewhere as reason:
        return Passed(record, {"state": SKIPPED, "finished_at": clock.now(), "reason": str(reason)})
    except PASSING:
        raise
    except SyncError as error:
        return Aside(record, error)
    except Exception as error:  # noqa: BLE001 - one bad record never stops its batch
        return Aside(record, bug(error, "validate", record))
    parcel = {
        "body": body,
        "note": _untold(canonical, body, journey.flow.target),
        "order_key": origin.order_key,
        "shipped": [
            {"line_key": line["target_line_key"], "sku": line["target_sku"], "units": line["quantity"]} for line in resolved["lines"]
        ],
    }
    return Passed(record, {"parcel": house.vault.seal(parcel), "reference": origin.order_key})


def _lines(canonical: Canonical, origin: Origin) -> list[dict[str, Any]]:
    """One entry for each line of the channel's order, in the codes under which it was sold there."""
    merged: dict[str, dict[str, Any]] = {}
    for place, line in enumerate(canonical["lines"]):
        known = origin.lines.get(line["line_number"])
        if known is None:
            said = f"is {line['line_number']}, and the order {origin.order_key} has no such line on the channel"
            raise Invalid("the shipment names a line that was not sold", (FieldError(f"lines[{place}].line_number", said),))
        entry = merged.setdefault(
            known.line_key, {**line, "quantity": 0, "target_line_key": known.line_key, "target_sku": known.source_sku}
        )
        entry["quantity"] += line["quantity"]
    return list(merged.values())


def _check_units(house: House, journey: Journey, resolved: Canonical, origin: Origin) -> None:
    sold = origin.sold
    with read(house.engine) as connection:
        before = shipped.units(connection, journey.flow.target, origin.order_key, besides=resolved["source_key"])
    faults = [
        FieldError(f"lines[{place}].quantity", f"is {line['quantity']}, but of {sold[key]} sold {before.get(key, 0)} have shipped already")
        for place, line in enumerate(resolved["lines"])
        if (key := line["target_line_key"]) and line["quantity"] + before.get(key, 0) > sold[key]
    ]
    if faults:
        raise Conflict("more units have shipped than were sold; correct it where it shipped, then replay or dismiss this", tuple(faults))


def _untold(canonical: Canonical, body: Body, channel: str) -> str:
    """What to tell of tracking numbers for which the channel has no room; they are personal data and stay sealed."""
    told = " ".join(value for value in body.values() if isinstance(value, str))
    numbers = list(dict.fromkeys(number for one in canonical.get("packages") or () if (number := one.get("tracking_number"))))
    untold = [number for number in numbers if number not in told]
    if not untold:
        return ""
    return f"{channel} has room for {len(numbers) - len(untold)} of its {len(numbers)} tracking numbers; --payload shows all"


def _wait_for_tracking(house: House, journey: Journey, record: Record, canonical: Canonical) -> None:
    """A channel takes a shipment once, as it is: one without its tracking number waits a while for it."""
    if canonical.get("tracking_number"):
        return
    r = tables.record.c
    with read(house.engine) as connection:
        if holds.waived(connection, [record.id]):
            return
        first = connection.execute(
            select(func.min(r.extracted_at)).where(r.flow == record.flow, r.source_key == record.source_key)
        ).scalar_one()
    patience = timedelta(seconds=journey.flow.holds.tracking)
    if first is None or clock.now() < first + patience:
        raise Held(f"the shipment {record.source_key} has no tracking number yet", "tracking", record.source_key)


class ShipmentLoader(Loader):
    def judged(self, job: Job, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Delivered) and job.about.get("note"):
            return replace(outcome, note="; ".join(filter(None, (outcome.note, job.about["note"]))))
        if not isinstance(outcome, Failed) or not isinstance(outcome.error, Refused):
            return outcome
        meaning = self._journey.target.writable(self._flow.entity).meaning(outcome.error)
        order, channel = job.about["order_key"], self._flow.target
        if meaning == NOT_NOW and self._is_cancelled(order):
            meaning = OVER
        if meaning == NOT_NOW:
            return Failed(Held(f"the order {order} is on hold in {channel}; its shipment is told when it no longer is", "order", order))
        if meaning == TOO_LATE:
            said = f"{job.record.source_key} was told to {channel} with other contents, which it does not change"
            return Failed(Conflict(said, (FieldError("", f"{said}; correct it there by hand, then dismiss this"),)))
        if meaning == OVER:
            units = sum(line["units"] for line in job.about["shipped"])
            said = f"{job.record.source_key} shipped {units} units of the order {order}, which is cancelled in {channel}"
            if self._flow.conflicts["status"] == "target":
                return Skipped(f"{said}; the flow lets {channel} win")
            return Failed(Conflict(said, (FieldError("status", f"{said}; settle it with the customer, then dismiss this"),)))
        return outcome

    def _is_cancelled(self, order: str) -> bool:
        """Some channels refuse a shipment in the same words whether its order rests or has ended."""
        try:
            present = self._journey.target.get("order", order)
        except SyncError:
            return False
        return present is not None and channel_status(self._house, self._journey, present.body) == "cancelled"
