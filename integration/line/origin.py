"""Where an order came from: what comes back from the system that fulfils it goes to the channel that sold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from integration.errors import Held, Limited, Misconfigured, Refused, SyncError, Transient, Unauthorized, Waiting
from integration.ledger import crosswalk, order_lines, parts, records, tables
from integration.ledger.database import read
from integration.ledger.order_lines import OrderLine
from integration.ledger.records import DEAD, SKIPPED
from integration.line.journey import Canonical, House, Journey

PASSING = (Limited, Transient, Unauthorized, Waiting, Misconfigured)
"""What keeps the channel from answering for now: no fault of the record that we ask for."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The order at its channel, and its lines by the fulfilling system's line number. `sold`: units by the channel's line. `others`:
    the other parts of an order that is booked in parts, by their keys where it is fulfilled, None for one that is not booked."""

    order_key: str
    agreed: str | None
    lines: Mapping[int, OrderLine]
    sold: Mapping[str, int]
    others: Sequence[str | None] = ()


class Elsewhere(Exception):
    """The order is none of this channel's; the text says so to a person."""


class Origins:
    """Of the orders that a page of shipments or statuses speaks of. `journey` leads from the fulfilling system to the channel. What a
    fulfilling system knows of an order's origin is its key there, or its number."""

    def __init__(self, house: House, journey: Journey, orders: Sequence[Canonical]) -> None:
        """`orders` holds (canonical member) `order` and `reference`: the key where it is fulfilled, and the number of its origin."""
        self._house, self._journey = house, journey
        flow, order_flow = journey.flow, _order_flow(house, journey).flow.name
        with read(house.engine) as connection:
            self._lines = order_lines.of_orders(connection, flow.target, flow.source, [one["order"] for one in orders])
            self._booked = crosswalk.of_targets(connection, flow.source, "order", [one["order"] for one in orders])
            names = [one["reference"] for one in orders if one["reference"]]
            self._named = records.named(connection, order_flow, names) if names else {}
            references = [self._named.get(name, name) for name in names]
            rows = crosswalk.look_up(connection, flow.target, flow.source, "order", references) if references else {}
            keys = [key for source, key in self._booked.values() if source == flow.target]
            self._orders = parts.orders_of(connection, flow.target, flow.source, [*keys, *references])
            divided = parts.of_orders(connection, flow.target, flow.source, [*keys, *self._orders.values()])
            keys += [key for order in divided for key in (order, parts.rest_key(order))]
            rows |= crosswalk.look_up(connection, flow.target, flow.source, "order", keys) if keys else {}
            self._sold = order_lines.sold(connection, flow.target, flow.source, [parts.rest_key(order) for order in divided] + [*divided])
        self._rows, self._divided = rows, divided

    def of(self, order: str, reference: str | None, *, lines: bool) -> Origin:
        """Raises Held where the order is on its way, Elsewhere where it is none of the channel's. `lines`: they are needed."""
        flow = self._journey.flow
        source, key = self._booked.get(order, (None, None))
        if source is not None and source != flow.target:
            raise Elsewhere(f"{order} is an order of {source}")
        if key is None:
            key = self._by_reference(order, reference)
        known = {number: line for (target_key, number), line in self._lines.items() if target_key == order}
        if lines and not known:
            known = self._from_channel(order, key)
        key = self._orders.get(key, key)
        row = self._rows.get(key)
        agreed = row.agreed if row else None
        if key not in self._divided:
            return Origin(key, agreed, known, {line.line_key: line.units for line in known.values()})
        ours = [self._rows.get(one) for one in (key, parts.rest_key(key))]
        others = [one.target_key if one else None for one in ours if one is None or one.target_key != order]
        return Origin(key, agreed, known, self._sold.get(key, {}), others)

    def _by_reference(self, order: str, reference: str | None) -> str:
        flow = self._journey.flow
        if not reference:
            raise Elsewhere(f"{order} has no number of another system")
        reference = self._named.get(reference, reference)
        row = self._rows.get(reference)
        if row is not None and row.target_key is not None:
            raise Elsewhere(f"{reference} is booked as {row.target_key}, and {order} is another order with its number")
        if on_its_way(self._house, self._journey, reference):
            raise Held(f"the order {reference} of {flow.target} is not booked yet", "order", reference)
        there = self._channel_order(reference)
        if there is None:
            raise Elsewhere(f"{order} is no order of {flow.target}")
        return str(there["source_key"])

    def _channel_order(self, name: str) -> Canonical | None:
        """By its key, else by its number where the channel can be asked for that."""
        target = self._journey.target
        try:
            remote = target.get("order", name)
        except Refused:  # what cannot be one of the channel's keys
            remote = None
        if remote is None and target.finds("order"):
            remote = next(iter(target.find("order", name)), None)
        return _order_flow(self._house, self._journey).read(remote.body) if remote else None

    def _from_channel(self, order: str, key: str) -> dict[int, OrderLine]:
        """Of an order that was booked before this ledger knew lines: they were sent in the channel's order."""
        canonical = self._channel_order(key)
        if canonical is None:
            raise Elsewhere(f"{order} is no order of {self._journey.flow.target}")
        return {
            number: OrderLine(key, line["source_line_key"], number, line["sku"], line["sku"], line["quantity"])
            for number, line in enumerate(canonical["lines"], start=1)
        }


def on_its_way(house: House, journey: Journey, key: str) -> bool:
    """Whether our order flow has it and may yet book it. What it left to others, or a person took out of it, was booked by others."""
    r, d = tables.record.c, tables.dead_letter.c
    flow = _order_flow(house, journey).flow.name
    newest = select(r.id, r.state).where(r.flow == flow, r.source_key == key).order_by(r.version.desc()).limit(1)
    with read(house.engine) as connection:
        record = connection.execute(newest).one_or_none()
        if record is None or record.state == SKIPPED:
            return False
        waits = select(d.id).where(d.record_id == record.id, d.state == "open").limit(1)
        return record.state != DEAD or connection.execute(waits).first() is not None


def _order_flow(house: House, journey: Journey) -> Journey:
    """The flow that brings the channel's orders to where they are fulfilled; the settings see to it that there is one."""
    flow = journey.flow
    name = next(
        one.name for one in house.settings.flows.values() if (one.entity, one.source, one.target) == ("order", flow.target, flow.source)
    )
    return house.journey(name)


def channel_status(house: House, journey: Journey, body: dict[str, object]) -> str | None:
    """The canonical status of an order as the channel answered it; None where it cannot be read."""
    try:
        return str(_order_flow(house, journey).read(body)["status"])
    except SyncError:
        return None


def order_of(house: House, journey: Journey, body: dict[str, object]) -> Canonical:
    """An order as the channel answered it, in canonical form. Raises Invalid where it cannot be read."""
    return _order_flow(house, journey).read(body)


def resting(house: House, journey: Journey, order_key: str) -> bool:
    """Whether the channel holds the order, and so takes no shipment of it. Raises what the channel raises."""
    present = journey.target.get("order", order_key)
    return present is not None and channel_status(house, journey, present.body) == "on_hold"


def over(house: House, journey: Journey, order_key: str) -> bool:
    """Whether the channel has the order no more on its way to the customer. Raises what the channel raises."""
    present = journey.target.get("order", order_key)
    return present is None or channel_status(house, journey, present.body) in ("shipped", "cancelled")
