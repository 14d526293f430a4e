"""A person's requests: everything that the ledger holds of them, or its deletion, across all flows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from integration import clock
from integration.errors import Misconfigured
from integration.ledger import audit, people, story, tables
from integration.ledger.database import empty_journal, read, write
from integration.ledger.people import OnItsWay, Order
from integration.line.journey import House
from integration.settings.model import Flow

ELSEWHERE = "the systems themselves hold this person's orders too: what is to be done there must be done there"


@dataclass(frozen=True, slots=True)
class Found:
    """`subject` is what the audit trail names the person by: the keyed hash of an address, or the order asked for."""

    subject: str
    orders: Sequence[Order]


def personal(house: House, flow: Flow) -> Collection[str]:
    """Members that are personal data, of what a flow writes."""
    return () if flow.entity == "stock" else house.journey(flow.name).target.writable(flow.entity).personal


def emails(house: House) -> dict[str, Callable[[Any], str | None]]:
    """By flow, how the address of the person is found whom a record is about."""
    found = {flow.name: house.journey(flow.name).email for flow in house.settings.flows.values()}
    return {name: email for name, email in found.items() if email is not None}


def find(house: House, asked: str) -> Found:
    """The orders of an e-mail address, or the one that an id means: that is how a guest without an address is found."""
    with read(house.engine) as connection:
        if "@" in asked:
            subject = house.vault.subject(asked)
            keys = people.keys_of(connection, subject)
        else:
            keys = [(one.flow, one.source_key, None) for one in story.identities(connection, asked)]
            subject = f"order {keys[0][1]}" if keys else ""
    flows = house.settings.flows
    if gone := sorted({flow for flow, _, _ in keys} - set(flows)):
        raise Misconfigured(f"the flow {gone[0]} brought orders of that person, and is not configured any more; configure it for this")
    orders = [_order(house, flows[flow], key, number) for flow, key, number in keys if flows[flow].entity == "order"]
    return Found(subject, orders)


def _order(house: House, flow: Flow, key: str, number: str | None) -> Order:
    reverse = (one for one in house.settings.flows.values() if (one.source, one.target) == (flow.target, flow.source))
    return Order(flow, key, number, tuple(one for one in reverse if one.entity != "stock"))


# what is held -----------------------------------------------------------------------------------------------------------------------


def export(house: House, found: Found) -> Iterator[dict[str, Any]]:
    """Each order with all that is known of it."""
    for order in found.orders:
        with read(house.engine) as connection:
            yield _exported(house, connection, order)


def export_customers(house: House, found: Found) -> list[dict[str, Any]]:
    with read(house.engine) as connection:
        return [
            {"connection": row.target, "key": row.target_key, "known_since": row.created_at, "sent": _sent(connection, row.id)}
            for row in people.customers(connection, found.subject)
        ]


def _exported(house: House, connection: Connection, order: Order) -> dict[str, Any]:
    crossing = people.crossing(connection, order)
    versions = people.versions(connection, order)
    ids = [row.id for row in versions]
    return {
        "order": order.key,
        "number": next((row.reference for row in versions if row.reference), order.number),
        "from": order.flow.source,
        "to": order.flow.target,
        "booked_as": crossing.target_key if crossing else None,
        "read": [_version(house, row) for row in versions],
        "holds_now": house.vault.open(crossing.delivered) if crossing and crossing.delivered else None,
        "sent": _sent(connection, crossing.id) if crossing else [],
        "put_aside": _rows(connection, tables.dead_letter, ids, ("created_at", "stage", "reason", "state", "closed_at", "closed_note")),
        "held": _rows(connection, tables.hold, ids, ("since", "kind", "reason", "state", "closed_at", "closed_note")),
        "returned": [{"flow": row.flow, "key": row.source_key, **_version(house, row)} for row in people.returned(connection, order)],
    }


def _version(house: House, row: Row[Any]) -> dict[str, Any]:
    written = house.vault.open(row.parcel) if row.parcel else {}
    customer = written.get("customer") or {}
    return {
        "version": row.version,
        "read_at": row.extracted_at,
        "state": row.state,
        "ended_at": row.finished_at,
        "as_read": house.vault.open(row.raw) if row.raw else "deleted",
        "as_written": written.get("body"),
        "customer_as_written": customer.get("body"),
    }


def _sent(connection: Connection, crosswalk_id: int) -> list[dict[str, Any]]:
    d = tables.delivery.c
    columns = (d.sent_at, d.answered_at, d.operation, d.outcome, d.target_key, d.message)
    rows = connection.execute(select(*columns).where(d.crosswalk_id == crosswalk_id).order_by(d.id))
    return [dict(row) for row in rows.mappings()]


def _rows(connection: Connection, table: Any, record_ids: Sequence[int], names: Sequence[str]) -> list[dict[str, Any]]:
    wanted = select(*(table.c[name] for name in names)).where(table.c.record_id.in_(record_ids)).order_by(table.c.id)
    return [dict(row) for row in connection.execute(wanted).mappings()]


# erasing ----------------------------------------------------------------------------------------------------------------------------


def on_their_way(house: House, found: Found) -> list[OnItsWay]:
    with read(house.engine) as connection:
        return [reason for order in found.orders if (reason := people.on_its_way(connection, order)) is not None]


def erase(house: House, found: Found) -> Iterator[bool]:
    """Delete what each order says of the person; gives whether that is done, or marked to be done when the order is at its end."""
    for order in found.orders:
        with write(house.engine) as connection:
            done = people.on_its_way(connection, order) is None
            if done:
                people.erase(connection, house.vault, order, lambda flow: personal(house, flow))
            else:
                people.mark(connection, order, found.subject)
            audit.record(connection, "erase person", found.subject, orders=int(done), later=int(not done))
        yield done
    empty_journal(house.engine)


def erase_marked(house: House) -> int:
    """Erase what a person has asked for and what has come to its end since; gives how many orders."""
    done = 0
    with read(house.engine) as connection:
        marks = people.marked(connection)
    for row in marks:
        flow = house.settings.flows.get(row.flow)
        if flow is None:
            continue
        order = _order(house, flow, row.source_key, None)
        with write(house.engine) as connection:
            if people.on_its_way(connection, order) is None:
                people.erase(connection, house.vault, order, lambda one: personal(house, one))
                audit.record(connection, "erase person", row.subject, orders=1, asked_at=clock.text(row.asked_at))
                done += 1
    if done:
        empty_journal(house.engine)
    return done
