"""Validate: the canonical rules, every SKU, and the target's own schema; what passes becomes the parcel that load delivers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from integration.errors import Held, Invalid, Limited, SyncError, Transient, Unauthorized, Waiting
from integration.ledger.records import Aside, Passed, Record
from integration.line.conditions import Conditions, lies_in_addresses, of_a_person, unknown_items
from integration.line.customer import customer_part
from integration.line.items import known_items
from integration.line.journey import Canonical, House, Journey
from integration.line.parts import Parts, first_part
from integration.line.unexpected import bug
from integration.ports import Item


def validate(house: House, journey: Journey, records: Sequence[Record]) -> list[Passed | Aside]:
    """May raise Transient, Limited or Unauthorized while it asks the target for SKUs: then the whole batch waits."""
    opened = [house.vault.open(record.canonical) if record.canonical else {} for record in records]
    wanted = {line["sku"] for one in opened for line in one.get("canonical", {}).get("lines", ())}
    items = known_items(house, journey, wanted)
    conditions = Conditions(house, journey, records)
    parts = Parts(house, journey, [record.source_key for record in records])
    return [_one(house, journey, record, one, items, conditions, parts) for record, one in zip(records, opened, strict=True)]


def ready(house: House, journey: Journey, held: Sequence[Record]) -> set[int]:
    """Ids of those held orders, given in order of arrival, that nothing keeps any more. Where the target does not answer, it ends with
    those that were looked at."""
    opened = [house.vault.open(record.canonical)["canonical"] if record.canonical else {} for record in held]
    items = known_items(house, journey, {line["sku"] for one in opened for line in one.get("lines", ())})
    conditions = Conditions(house, journey, held)
    parts = Parts(house, journey, [record.source_key for record in held])
    found = set()
    for record, one in zip(held, opened, strict=True):
        try:
            canonical = journey.canonical(one)
            _use_target_skus(canonical, items)
            canonical = parts.cut(record.source_key, canonical)
            waits = conditions.of(record, canonical, customer_part(house, journey, canonical))
            divisible = waits is not None and _divisible(journey, parts, canonical, waits)
            if divisible and any(conditions.covered(record, canonical).values()):
                waits = None  # validate books what there is of it
        except (Limited, Transient, Unauthorized, Waiting):
            break
        except SyncError:
            waits = None  # validate tells a person
        if waits is None:
            found.add(record.id)
    return found


def _one(
    house: House,
    journey: Journey,
    record: Record,
    opened: dict[str, Any],
    items: Mapping[str, Item | None],
    conditions: Conditions,
    parts: Parts,
) -> Passed | Aside:
    try:
        canonical = journey.canonical(opened["canonical"])
        sold = {line["source_line_key"]: line["sku"] for line in canonical["lines"]}
        faults = [fault for rule in journey.rules for fault in rule(canonical)]
        needs_items = canonical["status"] != "cancelled" and not conditions.is_booked(record)
        unknown = unknown_items(canonical, items) if needs_items else None
        writing = journey.writing[journey.flow.entity]
        own_skus = _use_target_skus(canonical, items)
        whole, canonical = canonical, parts.cut(record.source_key, canonical)
        body = writing.to_body(canonical) if own_skus or canonical is not whole else opened["body"]
        faults += writing.faults(body)
        if faults and not (canonical["status"] == "cancelled" and lies_in_addresses(faults)):
            raise Invalid("the record does not pass", (*faults, *(unknown.fields if unknown else ())))
        if unknown is not None:
            raise unknown
        customer = customer_part(house, journey, canonical, addresses=not faults)
        held = conditions.of(record, canonical, customer)
        if held is not None and _divisible(journey, parts, canonical, held):
            units = conditions.covered(record, canonical)
            first = first_part(canonical, units)
            if first["lines"] and (held := conditions.of(record, first, customer)) is None:
                parts.divide(record, sold, units)
                canonical = parts.cut(record.source_key, whole)
                body = writing.to_body(canonical)
        if held is not None:
            raise held
        parts.bring_along(record)
        parcel = {
            "body": body,
            "status": canonical["status"],
            "exported": bool(canonical.get("exported")),
            "customer": customer,
            "skus": sorted(set(sold.values())),
            "lines": [
                {
                    "line_key": line["source_line_key"],
                    "source_sku": sold[line["source_line_key"]],
                    "sku": line["sku"],
                    "units": line["quantity"],
                }
                for line in canonical["lines"]
            ],
        }
    except (Limited, Transient, Unauthorized, Waiting):
        raise
    except SyncError as error:
        return Aside(record, of_a_person(record, error))
    except Exception as error:  # noqa: BLE001 - one bad record never stops its batch
        return Aside(record, bug(error, "validate", record))
    return Passed(record, {"parcel": house.vault.seal(parcel)})


def _divisible(journey: Journey, parts: Parts, canonical: Canonical, held: Held) -> bool:
    """Whether what stock covers of an order may be booked without the rest."""
    return journey.flow.out_of_stock == "partial" and held.hold == "out_of_stock" and not parts.is_divided(canonical)


def _use_target_skus(canonical: Canonical, items: Mapping[str, Item | None]) -> bool:
    """Order by the code of the item where the channel sells it under another; says whether any line changed."""
    changed = False
    for line in canonical["lines"]:
        item = items[line["sku"]]
        if item is not None and item.sku != line["sku"]:
            line["sku"] = item.sku
            changed = True
    return changed
