"""Judges a demo: what the simulated systems hold at the end against what must have become of each order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from commands.demo.orders import Placing

State = Mapping[str, Any]


class PutAside(Protocol):
    """What a verdict must know of an open dead letter, or of a hold."""

    @property
    def id(self) -> int: ...
    @property
    def source_key(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def fields(self) -> Sequence[Mapping[str, str]]: ...


def complaints(
    placed: Mapping[str, Placing],
    channel: State,
    erp: State,
    letters: Sequence[PutAside],
    holds: Sequence[PutAside],
    stats: Mapping[str, State],
    guest: str,
) -> list[str]:
    """One sentence for each thing that is not as it must be; none where all is well.

    `placed` by key in the channel, `channel` and `erp` the whole state of each simulator, `letters` and `holds` the open ones, `stats` what
    each simulator counted, `guest` the e-mail address of the customer that orders without one are booked on.
    """
    by_reference: dict[str, list[State]] = {}
    for sales_order in erp["sales_orders"]:
        by_reference.setdefault(sales_order["ExternalOrderID"], []).append(sales_order)
    emails = {customer["CustomerID"]: (customer["Email"] or "").lower() for customer in erp["customers"]}
    exported = {str(order["ChannelAdvisorOrderID"]): order["Exported"] for order in channel["orders"]}
    by_key: dict[str, list[PutAside]] = {}
    for letter in letters:
        by_key.setdefault(letter.source_key, []).append(letter)
    waiting = {hold.source_key: hold for hold in holds}

    found: list[str] = []
    for key, placing in placed.items():
        booked, aside = by_reference.pop(key, []), by_key.pop(key, [])
        hold = waiting.pop(key, None)
        if placing.fate == "held":
            faults = [f"must wait, and is {one['SalesOrderID']}" for one in booked]
            faults += [f"must wait, and is a dead letter: {letter.reason}" for letter in aside]
            faults += _wrong_hold(placing, hold)
        elif placing.fate == "too late":
            faults = [*_wrong_booking(placing, booked, emails, guest, exported=exported.get(key, False))]
            faults += _wrong_letters(placing, aside)
        elif placing.fate == "booked":
            faults = [*_wrong_booking(placing, booked, emails, guest, exported=exported.get(key, False))]
            faults += [f"is a dead letter: {letter.reason}" for letter in aside]
            faults += [f"waits: {hold.reason}"] if hold else []
        else:
            faults = [f"must not be booked, and is {one['SalesOrderID']}" for one in booked]
            faults += _wrong_letters(placing, aside)
        found += [f"order {key} {fault}" for fault in faults]
    found += [f"{one['SalesOrderID']} is of no order that was placed" for extra in by_reference.values() for one in extra]
    found += [f"dead letter {letter.id} is of no order that was placed: {letter.reason}" for extra in by_key.values() for letter in extra]
    return [*found, *_wrong_shipments(channel, erp), *_wrong_stock(channel, erp), *_wrong_traffic(stats)]


def _wrong_hold(placing: Placing, hold: PutAside | None) -> Iterator[str]:
    if hold is None:
        yield f"must wait for {placing.fault}, and does not"
    elif placing.fault not in {fault["field"] for fault in hold.fields}:
        yield f"must wait for {placing.fault}, and waits for this: {hold.reason}"


def _wrong_shipments(channel: State, erp: State) -> Iterator[str]:
    """Each shipment of an order that the channel has not cancelled is told once, with its tracking number and its units."""
    cancelled = {str(one["ChannelAdvisorOrderID"]) for one in channel["orders"] if one["OrderStatus"] == "Cancelled"}
    told = {one["SellerShipmentID"]: one for one in channel["shipments"]}
    for shipment in erp["shipments"]:
        key = shipment["ShipmentID"]
        there = told.pop(key, None)
        if there is None:
            if shipment["ExternalOrderID"] not in cancelled:
                yield f"shipment {key} is not on the channel"
            continue
        if there["TrackingNumber"] != shipment["TrackingNumber"]:
            yield f"shipment {key} has another tracking number on the channel"
        if sum(line["Quantity"] for line in there["Items"]) != sum(line["Quantity"] for line in shipment["Lines"]):
            yield f"shipment {key} has other units on the channel"
    yield from (f"shipment {key} is on the channel alone" for key in told)


def _wrong_stock(channel: State, erp: State) -> Iterator[str]:
    """The channel shows what is available less what its open orders wait for that the warehouse has not set apart."""
    items = {code: item["SKU"] for item in erp["items"] for code in (item["SKU"], *item["Aliases"])}
    apart = {one["ExternalOrderID"] for one in erp["sales_orders"] if one["OrderStatus"] in ("Allocated", "Fulfilled")}
    promised: Counter[str] = Counter()
    for order in channel["orders"]:
        if order["OrderStatus"] not in ("Cancelled", "Shipped") and str(order["ChannelAdvisorOrderID"]) not in apart:
            for line in order["Items"]:
                promised[items.get(line["SKU"], line["SKU"])] += line["Quantity"] - line["QuantityShipped"]
    shown = {one["SKU"]: one["TotalAvailableQuantity"] for one in channel["inventory"]}
    for quantity in erp["inventory"]:
        sku, right = quantity["SKU"], max(0, quantity["Available"] - promised[quantity["SKU"]])
        if sku in shown and shown[sku] != right:
            yield f"the channel shows {shown[sku]} of {sku}, and {right} may be sold"


def _wrong_booking(placing: Placing, booked: Sequence[State], emails: Mapping[str, str], guest: str, *, exported: bool) -> Iterator[str]:
    if not booked:
        yield "is not booked"
        return
    if len(booked) > 1:
        yield f"is booked {len(booked)} times: {', '.join(one['SalesOrderID'] for one in booked)}"
    one, order = booked[0], placing.order
    if one["TotalAmount"] != order["TotalAmount"]:
        yield f"costs {order['TotalAmount']}, and {one['TotalAmount']} as {one['SalesOrderID']}"
    lines = tuple((line["SKU"], line["Quantity"]) for line in one["LineItems"])
    if lines != placing.lines:
        yield f"has other lines as {one['SalesOrderID']}"
    if emails.get(one["CustomerID"]) != (order["CustomerInfo"]["Email"] or guest).lower():
        yield f"is booked on another customer, {one['CustomerID']}"
    if one["OrderStatus"] not in placing.statuses:
        yield f"must be {' or '.join(placing.statuses)}, and is {one['OrderStatus']} as {one['SalesOrderID']}"
    moved = (placing.later or {}).get("ShippingAddress")
    if moved and one["ShippingAddress"]["PostalCode"][:5] != moved["PostalCode"][:5].zfill(5):
        yield f"goes to the old address as {one['SalesOrderID']}"
    if not exported:
        yield "is booked, but the channel was not told"


def _wrong_letters(placing: Placing, aside: Sequence[PutAside]) -> Iterator[str]:
    if placing.fate in ("dead", "too late") and not aside:
        yield f"must be a dead letter that names {placing.fault}, and is none"
    for letter in aside:
        if placing.fate not in ("dead", "too late"):
            yield f"must just be left out, and is a dead letter: {letter.reason}"
        elif placing.fault not in {fault["field"] for fault in letter.fields}:
            yield f"must be a dead letter that names {placing.fault}, and this one says: {letter.reason}"
    if len(aside) > 1:
        yield f"has {len(aside)} dead letters"


def _wrong_traffic(stats: Mapping[str, State]) -> Iterator[str]:
    for name, counted in stats.items():
        if refused := counted["refused"].get("429"):
            yield f"{name} refused {refused} requests, because its limit was not kept"
        for fault in counted["contract_errors"]:
            yield f"{name} answered against its contract: {fault}"
