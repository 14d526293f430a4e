"""What an order may have to wait for before it is booked: an item, stock, credit, or a person who looks at its address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import func, select

from integration.errors import FieldError, Held, Invalid, SyncError
from integration.ledger import crosswalk, holds, tables
from integration.ledger.crosswalk import ANY_SOURCE
from integration.ledger.database import read
from integration.ledger.records import Record
from integration.line.journey import Canonical, House, Journey
from integration.ports import Credit, Item

ADDRESSES = ("shippingaddress", "billingaddress")


def of_a_person(record: Record, error: SyncError) -> SyncError:
    """Where nothing but an address is at fault, somebody will correct it: the record waits for that."""
    if not isinstance(error, Invalid) or not error.fields:
        return error
    if not all(fault.field.replace("_", "").lower().startswith(ADDRESSES) for fault in error.fields):
        return error
    said = f"the address of the order {record.source_key} needs a person; correct it in the source, or release this with --set"
    return Held(said, "address", record.source_key, error.fields)


def unknown_items(canonical: Canonical, items: Mapping[str, Item | None]) -> Held | None:
    faults = []
    for place, line in enumerate(canonical["lines"]):
        item, field = items[line["sku"]], f"lines[{place}].sku"
        if item is None:
            faults.append((line["sku"], FieldError(field, f"{line['sku']} is no item of the target; add it there, or correct the SKU")))
        elif not item.active:
            faults.append((line["sku"], FieldError(field, f"{line['sku']} is not active in the target; activate it there")))
    if not faults:
        return None
    return Held("the order names what the target does not sell", "unknown_sku", faults[0][0], tuple(fault for _, fault in faults))


class Conditions:
    """Of one batch of orders. What is booked already, cancelled, or released by a person waits for nothing."""

    def __init__(self, house: House, journey: Journey, records: Sequence[Record]) -> None:
        self._house, self._journey = house, journey
        flow = journey.flow
        with read(house.engine) as connection:
            rows = crosswalk.look_up(connection, flow.source, flow.target, flow.entity, [record.source_key for record in records])
            self._waived = holds.waived(connection, [record.id for record in records])
        self._booked = {key for key, crossing in rows.items() if crossing.target_key is not None}
        self._available: dict[str, int] = {}
        self._taken: Counter[str] = Counter()
        self._credit: dict[str, Credit | None] = {}

    def of(self, record: Record, canonical: Canonical, customer: Mapping[str, object]) -> Held | None:
        """What the order waits for. Raises what the target raises when it is asked."""
        if record.source_key in self._booked or canonical["status"] == "cancelled":
            return None
        held = None if (record.id, "credit") in self._waived else self._over_credit(canonical, customer)
        if held is None and (record.id, "out_of_stock") not in self._waived:
            held = self._short(record, canonical)
        return held

    def _short(self, record: Record, canonical: Canonical) -> Held | None:
        """First come, first served: what orders that came before this one wait for is not there for it."""
        if self._journey.flow.out_of_stock != "hold":
            return None
        wanted: Counter[str] = Counter()
        for line in canonical["lines"]:
            wanted[line["sku"]] += line["quantity"]
        for sku, units in wanted.items():
            if sku not in self._available:
                self._available[sku] = self._journey.target.available(sku) or 0
            free = self._available[sku] - self._taken[sku] - self._promised(record, sku)
            if free < units:
                fields = (FieldError("lines", f"{units} of {sku} are wanted, {max(free, 0)} are free"),)
                return Held("stock does not cover the order yet", "out_of_stock", sku, fields)
        self._taken += wanted
        return None

    def _promised(self, record: Record, sku: str) -> int:
        """Units on orders that came earlier and that the target does not count yet."""
        c, r = tables.commitment.c, tables.record.c
        mine = select(func.min(r.extracted_at)).where(r.flow == record.flow, r.source_key == record.source_key).scalar_subquery()
        total = select(func.coalesce(func.sum(c.units), 0)).where(
            c.connection == self._journey.flow.source,
            c.sku == sku,
            c.order_key != record.source_key,
            c.accounted_at.is_(None),
            c.over_at.is_(None),
            c.seen_at < mine,
        )
        with read(self._house.engine) as connection:
            return int(connection.execute(total).scalar_one())

    def _over_credit(self, canonical: Canonical, customer: Mapping[str, object]) -> Held | None:
        if self._journey.flow.credit != "hold" or canonical["payment_status"] == "paid":
            return None
        key = self._customer(customer)
        if key is None:
            return None
        if key not in self._credit:
            self._credit[key] = self._journey.target.credit(key)
        credit = self._credit[key]
        if credit is None or (credit.active and (credit.limit is None or credit.balance + canonical["total_amount"] <= credit.limit)):
            return None
        why = "is over its credit limit with this order" if credit.active else "is on hold in the target"
        return Held(f"the customer {key} {why}", "credit", key, (FieldError("customer", f"{key} {why}; settle it there"),))

    def _customer(self, customer: Mapping[str, object]) -> str | None:
        if "target_key" in customer:
            return str(customer["target_key"])
        key = str(customer["key"])
        with read(self._house.engine) as connection:
            crossing = crosswalk.look_up(connection, ANY_SOURCE, self._journey.flow.target, "customer", [key]).get(key)
        return crossing.target_key if crossing else None
