"""Fills a ledger with orders that went through long ago, as the line would have left them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from benchmarks.installation import FLOW
from benchmarks.orders import order
from connectors.wiring import compiled
from integration import clock
from integration.canonical import customer_of
from integration.ledger import batches, crosswalk, lease, records, tables
from integration.ledger.crosswalk import ANY_SOURCE
from integration.ledger.database import write
from integration.ledger.records import DONE, EXTRACTED
from integration.ledger.vault import fingerprint
from integration.line.journey import House
from integration.ports import SourceRecord

PAGE = 100
FIRST_KEY = 1_000_000_001
"""Below those that the simulated channel gives."""


def fill(count: int, house: House) -> None:
    """Book `count` orders, each of a customer of its own, through the ledger's own functions."""
    for first in range(0, count, PAGE):
        _page(house, range(first, min(first + PAGE, count)))


def _page(house: House, numbers: range) -> None:
    flow, vault, moment, owner = house.settings.flows[FLOW], house.vault, clock.now(), lease.new_owner()
    page = [_source_record(number) for number in numbers]
    canonical = compiled("channeladvisor", "order", None).read(page[0].body)
    body = compiled("tims", "order", None).write(canonical)
    customer = compiled("tims", "customer", None).write(customer_of(canonical))
    # One sealed text for all: its size is what matters here, and sealing a fresh one for each would take minutes.
    parcel = {"body": body, "status": "pending", "exported": False, "customer": {"key": "0" * 40, "body": customer}, "skus": ["LAMP-001"]}
    sealed = {"canonical": vault.seal({"canonical": canonical, "body": body}), "parcel": vault.seal(parcel)}
    stamps = dict.fromkeys(("transformed_at", "validated_at", "booked_at", "finished_at"), moment)
    held = {"delivered_version": page[0].version, "delivered_hash": fingerprint(body), "delivered": vault.seal(body)}
    orders = {one.key: {"target_key": f"SO-{one.key}", "target_version": 1, "acknowledged_at": moment, **held} for one in page}
    customers = {vault.index(f"filled.{number}@buyer.example"): {"target_key": f"C-{number}", "target_version": 1} for number in numbers}
    with write(house.engine) as connection:
        run_id, batch_id = batches.start_run(connection, FLOW, "tick", "live", {"only_new": False}, size=len(page))
        records.store_page(connection, vault, FLOW, batch_id, page, dict, clock.now())
        stored = records.of_batch(connection, batch_id, [EXTRACTED])
        records.change(connection, [{"id": one.id, "state": DONE, "mapping": "0" * 12, **sealed, **stamps} for one in stored])
        for entity, source, rows in (("customer", ANY_SOURCE, customers), ("order", flow.source, orders)):
            claims = crosswalk.claim(connection, owner, 60, source, flow.target, entity, rows)
            crosswalk.record_changes(connection, owner, [{"id": claims[key].id, **row} for key, row in rows.items()])
            crosswalk.log(connection, [_delivery(claims[key].id, entity, row, moment) for key, row in rows.items()])
        crosswalk.release(connection, owner)
        connection.execute(update(tables.batch).where(tables.batch.c.id == batch_id).values(state="done", stage="load", finished_at=moment))
        batches.close_run_if_done(connection, run_id)


def _source_record(number: int) -> SourceRecord:
    key, moment = FIRST_KEY + number, clock.now()
    own = {"ChannelAdvisorOrderID": key, "OrderStatus": "New", "FulfillmentStatus": "Unshipped", "Exported": False}
    placed = order(number, f"filled.{number}")
    items = [{**line, "OrderItemID": place, "QuantityShipped": 0} for place, line in enumerate(placed["Items"], 1)]
    dates = {"CreatedDate": clock.text(moment), "UpdatedDate": clock.text(moment)}
    return SourceRecord(str(key), clock.text(moment), moment, {**placed, **own, **dates, "Items": items})


def _delivery(crosswalk_id: int, entity: str, row: dict[str, Any], moment: Any) -> dict[str, Any]:
    return {
        "crosswalk_id": crosswalk_id,
        "record_id": None,
        "operation": f"{entity} created",
        "sent_at": moment,
        "answered_at": moment,
        "outcome": "ok",
        "target_key": row["target_key"],
        "message": None,
    }
