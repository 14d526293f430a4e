"""What an order may have to wait for before it is booked: an item, stock, credit, or a person who looks at its address."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from integration import clock
from integration.canonical.booking import deposit
from integration.delivery import look_up
from integration.errors import FieldError, Held, Invalid, SyncError
from integration.ledger import crosswalk, holds, tables
from integration.ledger.crosswalk import ANY_SOURCE
from integration.ledger.database import read
from integration.ledger.records import EXTRACTED, HELD, TRANSFORMED, VALIDATED, Record
from integration.line.customer import customer_parcel
from integration.line.journey import Canonical, House, Journey
from integration.line.parts import Parts
from integration.ports import Credit, Item

Place = tuple[datetime, int]
"""In the queue of those who wait."""

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
UNDER_WAY = (EXTRACTED, TRANSFORMED, VALIDATED)

ALLOCATED_WITHIN = timedelta(seconds=10)
"""So long a target takes to set units apart for an order that it has booked."""

READ_WITHIN = timedelta(minutes=1)
"""A reading of the flow of stock that no newer one has replaced for so long still holds: nothing has changed."""

ADDRESSES = ("shippingaddress", "billingaddress", "shipto", "billto")


def of_a_person(record: Record, error: SyncError) -> SyncError:
    """Where nothing but an address is at fault, somebody will correct it: the record waits for that."""
    if not isinstance(error, Invalid) or not lies_in_addresses(error.fields):
        return error
    said = f"the address of the order {record.source_key} needs a person; correct it in the source, or release this with --set"
    return Held(said, "address", record.source_key, error.fields)


def lies_in_addresses(faults: Sequence[FieldError]) -> bool:
    """Whether there are faults, and all of them in addresses."""
    return bool(faults) and all(fault.field.replace("_", "").lower().startswith(ADDRESSES) for fault in faults)


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


@dataclass(frozen=True, slots=True)
class Claim:
    """Units by item that an order wants. `place`: when it began to wait, and a number where two began at once."""

    place: Place
    source_key: str
    units: Counter[str]


class Conditions:
    """Of one batch of orders. What is booked already, cancelled, or released by a person waits for nothing."""

    def __init__(self, house: House, journey: Journey, records: Sequence[Record]) -> None:
        self._house, self._journey = house, journey
        flow = journey.flow
        keys = [record.source_key for record in records]
        with read(house.engine) as connection:
            rows = crosswalk.look_up(connection, flow.source, flow.target, flow.entity, keys)
            self._waived = holds.waived(connection, [record.id for record in records])
            standing = holds.standing(connection, flow.name, keys if flow.out_of_stock == "backorder" else None)
        self._booked = {key for key, crossing in rows.items() if crossing.target_key is not None}
        self._standing = {hold.source_key: hold for hold in standing}
        self._stock = Stock(house, journey)
        self._claims = {} if flow.out_of_stock == "backorder" else self._claimed()
        self._customers: dict[str, str | None] = {}
        self._credit: dict[str, Credit | None] = {}
        self._owed: defaultdict[str, Decimal] = defaultdict(Decimal)

    def is_booked(self, record: Record) -> bool:
        return record.source_key in self._booked

    def of(self, record: Record, canonical: Canonical, customer: Mapping[str, Any]) -> Held | None:
        """What the order waits for; of several that want the same, those that came first must be asked for first. Raises what the
        target raises when it is asked."""
        if self.is_booked(record) or canonical["status"] == "cancelled":
            return None
        held = None if (record.id, "customer") in self._waived else self._unknown(customer)
        if held is None and (record.id, "credit") not in self._waived:
            held = self._over_credit(record, canonical, customer)
        return self._short(record, canonical) or held

    # stock ------------------------------------------------------------------------------------------------------------------------

    def _short(self, record: Record, canonical: Canonical) -> Held | None:
        """First come, first served: what orders before this one want is not there for it, though they wait for something else."""
        if self._journey.flow.out_of_stock == "backorder":
            return None
        wanted: Counter[str] = Counter()
        for line in canonical["lines"]:
            wanted[line["sku"]] += line["quantity"]
        hold = self._standing.get(record.source_key)
        claim = Claim((hold.since, hold.id) if hold else (LAST, record.id), record.source_key, wanted)
        self._claims[record.source_key] = claim
        if (record.id, "out_of_stock") in self._waived:
            return None
        for sku, units in wanted.items():
            free = self._free(sku, claim)
            if free < units:
                fault = FieldError("lines", f"{units} of {sku} are wanted, and {free} are free for this order")
                return Held("stock does not cover the order yet", "out_of_stock", sku, (fault,))
        return None

    def covered(self, record: Record, canonical: Canonical) -> dict[str, int]:
        """Units by line that stock covers, of an order that was found short."""
        claim = self._claims[record.source_key]
        free = {sku: self._free(sku, claim) for sku in claim.units}
        units = {}
        for line in canonical["lines"]:
            units[line["source_line_key"]] = min(line["quantity"], free[line["sku"]])
            free[line["sku"]] -= units[line["source_line_key"]]
        return units

    def _free(self, sku: str, claim: Claim) -> int:
        before = sum(one.units[sku] for one in self._claims.values() if one.place < claim.place)
        return max(self._stock.available(sku) - before, 0)

    def _claimed(self) -> dict[str, Claim]:
        """What other orders want of which the target knows nothing yet: those on hold, and those about to be booked."""
        r = tables.record.c
        flow = self._journey.flow
        wanted = select(r.id, r.source_key, r.state, r.canonical).where(
            r.flow == flow.name, r.finished_at.is_(None), r.canonical.is_not(None), r.state.in_((HELD, *UNDER_WAY))
        )
        with read(self._house.engine) as connection:
            rows = connection.execute(wanted.order_by(r.version)).all()
            crossings = crosswalk.look_up(connection, flow.source, flow.target, flow.entity, [row.source_key for row in rows])
        parts = Parts(self._house, self._journey, [row.source_key for row in rows])
        claims = {}
        for row in rows:
            crossing, hold = crossings.get(row.source_key), self._standing.get(row.source_key)
            if (crossing is not None and crossing.target_key is not None) or (hold is None and row.state != VALIDATED):
                continue
            canonical = self._journey.canonical(self._house.vault.open(row.canonical)["canonical"])
            if canonical["status"] != "cancelled":
                place = (hold.since, hold.id) if hold is not None else (FIRST, row.id)
                claims[row.source_key] = Claim(place, row.source_key, Counter())
                for line in parts.cut(row.source_key, canonical)["lines"]:
                    claims[row.source_key].units[self._stock.item(line["sku"])] += int(line["quantity"])
        return claims

    # credit -----------------------------------------------------------------------------------------------------------------------

    def _over_credit(self, record: Record, canonical: Canonical, customer: Mapping[str, Any]) -> Held | None:
        """What is paid owes nothing; only where the target has refused it before, it is asked whether it still would."""
        owes = self._journey.flow.credit == "hold" and canonical["payment_status"] != "paid"
        hold = self._standing.get(record.source_key)
        if not owes and (hold is None or hold.kind != "credit"):
            return None
        key = self._customer(customer)
        if key is None:
            return None
        if key not in self._credit:
            self._credit[key] = self._journey.target.credit(key)
        credit, total = self._credit[key], canonical["total_amount"] - deposit(canonical) if owes else Decimal(0)
        if credit is None:
            return None
        if credit.active and (not owes or credit.limit is None or credit.balance + self._owed[key] + total <= credit.limit):
            self._owed[key] += total
            return None
        why = "is over its credit limit with this order" if credit.active else "is on hold in the target"
        return Held(f"the customer {key} {why}", "credit", key, (FieldError("customer", f"{key} {why}; settle it there"),))

    # customers --------------------------------------------------------------------------------------------------------------------

    def _unknown(self, customer: Mapping[str, Any]) -> Held | None:
        """Where a flow lets nobody be made, a person does it, or says which one it is."""
        if self._journey.flow.new_customers == "create" or customer.get("guest") or self._customer(customer) is not None:
            return None
        target = self._journey.flow.target
        said = f"{target} knows no customer by the number, the e-mail address or the name of this order"
        advice = "make one there, or release this with --customer and the number of one that is there, or without to have one made"
        return Held(said, "customer", str(customer["key"]), (FieldError("customer", advice),))

    def _customer(self, customer: Mapping[str, Any]) -> str | None:
        """The customer's key in the target, which is asked where the ledger does not know it."""
        if "target_key" in customer:
            return str(customer["target_key"])
        key = str(customer["key"])
        if key not in self._customers:
            with read(self._house.engine) as connection:
                crossing = crosswalk.look_up(connection, ANY_SOURCE, self._journey.flow.target, "customer", [key]).get(key)
            known = crossing.target_key if crossing else None
            if known is None:
                guest = bool(customer.get("guest"))
                found = look_up(self._journey.target, customer_parcel(str(customer["find"]), customer["body"], guest=guest))
                known = found.remote.key if found else None
            self._customers[key] = known
        return self._customers[key]


class Stock:
    """Units of the target's items that may be promised: as the flow of stock read them last, else as the target says now."""

    def __init__(self, house: House, journey: Journey) -> None:
        self._house, self._journey = house, journey
        flow = journey.flow
        flows = house.settings.flows.values()
        self._flows = [one.name for one in flows if (one.entity, one.source, one.target) == ("stock", flow.target, flow.source)]
        self._available: dict[str, int] = {}
        self._items: dict[str, str] = {}

    def available(self, sku: str) -> int:
        if sku not in self._available:
            units, as_of = self._reading(sku)
            if units is None:
                units = self._journey.target.available(sku) or 0
            self._available[sku] = units - self._booked_since(sku, as_of - ALLOCATED_WITHIN)
        return self._available[sku]

    def item(self, sku: str) -> str:
        """The item that a SKU of the channel is ordered by, as far as is known."""
        if sku not in self._items:
            i = tables.item.c
            wanted = select(i.target_sku).where(i.connection == self._journey.flow.target, i.sku == sku)
            with read(self._house.engine) as connection:
                self._items[sku] = connection.execute(wanted).scalar_one_or_none() or sku
        return self._items[sku]

    def _reading(self, sku: str) -> tuple[int | None, datetime]:
        """Units, and an instant at which they were true; None for units that the flow of stock has not read."""
        s = tables.stock.c
        moment = clock.now()
        with read(self._house.engine) as connection:
            row = connection.execute(
                select(s.available, s.as_of).where(s.flow.in_(self._flows), s.item == sku).order_by(s.as_of.desc()).limit(1)
            ).one_or_none()
        return (row.available, max(row.as_of, moment - READ_WITHIN)) if row is not None else (None, moment)

    def _booked_since(self, sku: str, since: datetime) -> int:
        """Units on orders of ours that the reading cannot have counted yet."""
        o, r = tables.order_line.c, tables.record.c
        flow = self._journey.flow
        orders = select(r.source_key).where(r.flow == flow.name, r.booked_at > since)
        units = select(func.coalesce(func.sum(o.units), 0)).where(
            o.source == flow.source, o.target == flow.target, o.sku == sku, o.order_key.in_(orders)
        )
        with read(self._house.engine) as connection:
            return int(connection.execute(units).scalar_one())
