"""Invoices back to the channel: of an order that is paid on account the channel learns how far its invoices are, and when all are paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from integration import clock
from integration.delivery import Delivered, Failed, Outcome, Parcel, Skipped, Unanswered, differences, kept_members
from integration.errors import Held, Invalid, NoAnswer, Refused, SyncError, Transient, VersionConflict
from integration.ledger import billed
from integration.ledger.billed import Bill
from integration.ledger.crosswalk import Crossing
from integration.ledger.database import read, write
from integration.ledger.records import SKIPPED, Aside, Passed, Record
from integration.ledger.vault import fingerprint
from integration.line.journey import Canonical, House, Journey
from integration.line.load import Answer, Job, Loader
from integration.line.origin import PASSING, Elsewhere, Origins, order_of
from integration.line.pump import Pump
from integration.line.unexpected import bug
from integration.ports import TOO_LATE

TELLING = ("invoice", "debit_memo", "credit_memo", "deleted")
"""Kinds of documents that change what an order owes."""

PAID, PART, OPEN = "paid", "partially_paid", "open"

PAID_BY_ITSELF = ("paid", "refunded")
"""Payment states of an order whose channel has its money: nothing that the books say of it is news there."""


def validate(house: House, journey: Journey, records: Sequence[Record]) -> list[Passed | Aside]:
    """May raise what passes (PASSING) while it asks the channel for an order: then the whole batch waits."""
    results: dict[int, Passed | Aside] = {}
    read_well: list[tuple[Record, Canonical]] = []
    for record in records:
        try:
            assert record.canonical is not None
            read_well.append((record, journey.canonical(house.vault.open(record.canonical)["canonical"])))
        except SyncError as error:
            results[record.id] = Aside(record, error)
    of = journey.flow.source
    with write(house.engine) as connection:
        billed.keep(connection, of, [(record.version, invoice) for record, invoice in read_well])
        credited = {invoice["applies_to"] for _, invoice in read_well if not invoice.get("order_key") and invoice.get("applies_to")}
        orders = billed.orders_of(connection, of, credited)
    for _, invoice in read_well:
        invoice["order_key"] = invoice.get("order_key") or orders.get(invoice.get("applies_to", ""))
    known = [{"order": one["order_key"], "reference": one.get("order_reference")} for _, one in read_well if one["order_key"]]
    origins = Origins(house, journey, known)
    results |= {record.id: _one(house, origins, record, invoice) for record, invoice in read_well}
    return [results[record.id] for record in records]


def _one(house: House, origins: Origins, record: Record, invoice: Canonical) -> Passed | Aside:
    try:
        if invoice["kind"] not in TELLING:
            raise Elsewhere(f"{record.source_key} changes nothing that an order owes")
        if not invoice["order_key"]:
            raise Elsewhere(f"{record.source_key} bills no order")
        origin = origins.of(invoice["order_key"], invoice.get("order_reference"), lines=False)
    except Elsewhere as reason:
        return Passed(record, {"state": SKIPPED, "finished_at": clock.now(), "reason": str(reason)})
    except PASSING:
        raise
    except SyncError as error:
        return Aside(record, error)
    except Exception as error:  # noqa: BLE001 - one bad record never stops its batch
        return Aside(record, bug(error, "validate", record))
    orders = [invoice["order_key"], *(other for other in origin.others if other is not None)]
    parcel = {"body": {}, "order_key": origin.order_key, "orders": orders, "invoice": invoice}
    return Passed(record, {"parcel": house.vault.seal(parcel), "reference": origin.order_key})


class InvoiceLoader(Loader):
    """Tells an order what all of its invoices say now, whichever of them has changed: the newest word is the same for each."""

    def prepare(self, pump: Pump, jobs: Sequence[Job]) -> None:
        last: dict[str, Job] = {}
        with read(self._house.engine) as connection:
            for job in jobs:
                bills = billed.bills(connection, self._flow.source, job.about["orders"])
                job.about["bills"] = bills
                job.body = self._body({**job.about["invoice"], "settlement": settlement(bills), "remark": remark(bills)})
                job.hash = fingerprint(job.body)
                last[job.about["order_key"]] = job
        for job in jobs:
            job.about["told_with"] = last[job.about["order_key"]]

    def _body(self, invoice: Canonical) -> dict[str, Any]:
        body = self._journey.writing[self._flow.entity].to_body(invoice)
        return {name: value for name, value in body.items() if value is not None}

    def crossing(self, job: Job, crossing: Crossing) -> Crossing:
        return replace(crossing, target_key=job.about["order_key"])

    def parcel(self, job: Job) -> Parcel:
        return Parcel(self._flow.entity, job.about["order_key"], job.body)

    def _still_to_send(self, job: Job, crossing: Crossing) -> bool:
        if job.about["told_with"] is not job:
            self._writer.unchanged(job.record, crossing, job.hash)
            return False
        return super()._still_to_send(job, crossing)

    def _send_job(self, job: Job) -> Answer:
        sent_at = clock.now()
        try:
            outcome = self._tell(job)
        except NoAnswer as error:  # the same word twice is the same as once
            outcome = Unanswered(error, clock.now(), sent=True)
        except VersionConflict:  # somebody saves the order now, or it was read as it was before
            outcome = Failed(Transient(f"the order {job.about['order_key']} has another version than it was read in; it is tried again"))
        except SyncError as error:
            outcome = Failed(error)
        except Exception as error:  # noqa: BLE001 - put aside alone
            outcome = Failed(bug(error, "load", job.record))
        if isinstance(outcome, Failed):
            self._notice(outcome.error)
        else:
            self.got_through = True
        return Answer(job, outcome, sent_at)

    def _tell(self, job: Job) -> Outcome:
        target, parcel, key = self._journey.target, self.parcel(job), str(job.about["order_key"])
        faults = self._journey.writing[self._flow.entity].faults(job.body)
        if faults:
            raise Invalid("what the invoices say does not pass", tuple(faults))
        present = target.get(parcel.entity, key)
        if present is None:
            raise Refused(f"the order {key} is no longer in {self._flow.target}; dismiss this")
        order = order_of(self._house, self._journey, present.body)
        if order["payment_status"] in PAID_BY_ITSELF:
            return Skipped(f"the order {key} is {order['payment_status']} in {self._flow.target} itself, which has its money")
        closing = target.writable(parcel.entity).groups["status"]
        if order["status"] != "shipped":
            if self._paid_for_all(job, order):
                said = f"every invoice of the order {key} is paid, but {self._flow.target} has not shipped it yet"
                raise Held(said, "shipment", key)
            parcel = replace(parcel, settled=closing)
        changes = differences(target, parcel, {**(job.before or {}), **{name: present.body.get(name) for name in closing}})
        note = remark(job.about["bills"])
        try:
            if changes:
                present = target.update(parcel.entity, key, changes, present.version)
        except Refused as error:
            if target.writable(parcel.entity).meaning(error) != TOO_LATE:
                raise
            note = f"{note}; the order {key} takes no more changes in {self._flow.target}"
        members = {name: value for name, value in kept_members(target, parcel).items() if name not in parcel.settled}
        return Delivered("updated" if changes else "found", present, members, note)

    def _paid_for_all(self, job: Job, order: Canonical) -> bool:
        """Whether all that the order is worth is billed, and paid. A cancelled one is not waited for."""
        bills: list[Bill] = job.about["bills"]
        whole = sum((bill.total for bill in bills), Decimal(0)) >= order["total_amount"]
        return whole and settlement(bills) == PAID and order["status"] != "cancelled"


def settlement(bills: Sequence[Bill]) -> str:
    """How far an order's invoices are settled: `paid`, `partially_paid` or `open`."""
    if not bills or any(bill.balance > 0 for bill in bills):
        return PART if any(bill.balance < bill.total for bill in bills) else OPEN
    return PAID


def remark(bills: Sequence[Bill]) -> str:
    """What is told to the store's staff."""
    return "; ".join(map(_said, bills)) or "No invoice is open."


def _said(bill: Bill) -> str:
    name, total = f"Invoice {bill.number}", f"{bill.total:.2f}"
    credited = f", {bill.credited:.2f} of it credited" if bill.credited else ""
    if bill.balance <= 0:
        return f"{name} of {total} is settled{credited}"
    if bill.balance < bill.total:
        return f"{name} of {total}: {bill.balance:.2f} open{credited}"
    return f"{name} of {total} is open"
