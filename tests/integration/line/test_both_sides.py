"""Whatever both sides do to their orders, in whatever order it is seen and however much fails on the way, they end alike or say why not."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import select, update

from integration import clock
from integration.ledger import tables
from integration.ledger.database import read, write
from integration.line.holds import release
from integration.line.journey import House
from tests.fixtures.line import booked, drain, key, order
from tests.fixtures.simulators import Simulators
from tests.integration.line.conftest import Opened, letters, requests

FLOWS = ("orders", "order-status", "shipments")
ALIKE = {
    ("New", "Open"), ("New", "Allocated"), ("Pending", "Open"), ("Pending", "Allocated"),
    ("OnHold", "OnHold"), ("Cancelled", "Cancelled"), ("Shipped", "Fulfilled"),
}  # fmt: skip
OFTEN = ("OnHold",) * 4
MOVES = {
    "New": (*OFTEN, "Cancelled"),
    "Pending": (*OFTEN, "Cancelled"),
    "Open": (*OFTEN, "Cancelled"),
    "Allocated": (*OFTEN, "Cancelled"),
}
"""What is on hold is nearly always let go again: an order that has ended teaches nothing any more."""

FAULTS: dict[str, dict[str, Any]] = {
    "drop-after-commit": {"rate": 0.1},
    "server-error": {"rate": 0.05},
    "html-5xx": {"rate": 0.05, "commit": True},
    "version-conflict": {"rate": 0.3},
}


class World:
    def __init__(self, simulators: Simulators, seed: int) -> None:
        self.simulators = simulators
        self.chance = random.Random(seed)
        self.placed: list[dict[str, Any]] = []

    def step(self, house: House) -> None:
        event = self.chance.choice((self._place, self._on_channel, self._on_channel, self._in_tims, self._in_tims, self._ship))
        event()
        if self.chance.random() < 0.9:
            drain(house, self.chance.choice(FLOWS))

    def _place(self) -> None:
        if len(self.placed) < 3:
            self.placed += self.simulators.channeladvisor.place([order(len(self.placed))])

    def _on_channel(self) -> None:
        one = self.chance.choice(self.simulators.channeladvisor.state()["orders"] or [None])
        if one is not None and one["OrderStatus"] == "OnHold":
            self.simulators.channeladvisor.change(key(one), OrderStatus="Pending")
        elif one is not None and one["OrderStatus"] in MOVES:
            self.simulators.channeladvisor.change(key(one), OrderStatus=self.chance.choice(MOVES[one["OrderStatus"]]))

    def _sold(self, *statuses: str) -> dict[str, Any] | None:
        orders = [one for one in self.simulators.tims.state()["sales_orders"] if one["OrderStatus"] in statuses]
        return self.chance.choice(orders) if orders else None

    def _in_tims(self) -> None:
        one = self._sold("Open", "Allocated", "OnHold")
        if one is None or any(line["QuantityShipped"] for line in one["LineItems"]):
            return
        wanted = "Open" if one["OrderStatus"] == "OnHold" else self.chance.choice(MOVES[one["OrderStatus"]])
        self.simulators.tims.change(one["SalesOrderID"], OrderStatus=wanted)

    def _ship(self) -> None:
        one = self._sold("Open", "Allocated")
        if one is None:
            return
        left = [(line["LineNumber"], line["Quantity"] - line["QuantityShipped"]) for line in one["LineItems"]]
        number, units = self.chance.choice([(number, units) for number, units in left if units])
        more = {} if self.chance.random() < 0.6 else {"Lines": [{"LineNumber": number, "Quantity": self.chance.randint(1, units)}]}
        self.simulators.tims.ship(SalesOrderID=one["SalesOrderID"], **more)


def settle(house: House) -> None:
    for _ in range(3):
        for flow in FLOWS:
            drain(house, flow)
        with write(house.engine) as connection:
            connection.execute(update(tables.hold).where(tables.hold.c.state == "open").values(check_at=clock.now()))
        release(house)


def told_to_a_person(house: House) -> set[str]:
    """The keys of orders of which a letter speaks, be it of a shipment or a status."""
    r, d = tables.record.c, tables.dead_letter.c
    with read(house.engine) as connection:
        rows = connection.execute(select(r.source_key, r.reference).join(tables.dead_letter, d.record_id == r.id).where(d.state == "open"))
        return {key for row in rows for key in row}


@pytest.mark.parametrize("seed", [8, 12])
def test_both_sides_end_alike_or_a_person_is_told(opened: Opened, simulators: Simulators, seed: int) -> None:
    house = opened()
    world = World(simulators, seed)
    for side in (simulators.channeladvisor, simulators.tims):
        side.faults({name: how for name, how in FAULTS.items() if name != "version-conflict" or side is simulators.tims})
    for _ in range(50):
        world.step(house)
    for side in (simulators.channeladvisor, simulators.tims):
        side.clear()
    settle(house)
    told, sold = told_to_a_person(house), booked(simulators)
    shipments = simulators.channeladvisor.state()["shipments"]
    assert len({one["SellerShipmentID"] for one in shipments}) == len(shipments), "a shipment was told twice"
    for one in simulators.channeladvisor.state()["orders"]:
        theirs = sold.get(key(one), [])
        assert len(theirs) <= 1, "booked twice"
        if not theirs:
            assert one["OrderStatus"] == "Cancelled" or key(one) in told
            continue
        units = [line["QuantityShipped"] for line in theirs[0]["LineItems"]]
        alike = (one["OrderStatus"], theirs[0]["OrderStatus"]) in ALIKE and units == [line["QuantityShipped"] for line in one["Items"]]
        assert alike or key(one) in told, (one["OrderStatus"], theirs[0]["OrderStatus"], units)
    assert {letter.kind for letter in letters(house)} <= {"conflict"}
    before = [requests(simulators, name) for name in ("updateSalesOrder", "updateOrder", "createShipment", "createSalesOrder")]
    settle(house)
    assert [requests(simulators, name) for name in ("updateSalesOrder", "updateOrder", "createShipment", "createSalesOrder")] == before
