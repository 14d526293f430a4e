"""The status of an order between both sides: each side's word reaches the other, an echo is no change, and the policy decides."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import select, update

from integration import clock
from integration.ledger import tables
from integration.ledger.batches import Stage
from integration.ledger.database import read, write
from integration.line import extract
from integration.line.holds import release
from integration.line.journey import House
from integration.line.load import Loader
from integration.line.stage import work_on
from tests.fixtures.line import FLOW, drain, step, work_through
from tests.fixtures.simulators import Simulators
from tests.integration.line.conftest import Opened, allocated, channel_order, letters, place, requests, sales_order

BOTH_WAYS = ("orders", "order-status", "orders", "order-status")


def synced(house: House, *flows: str) -> None:
    for flow in flows or BOTH_WAYS:
        drain(house, flow)


def on_channel(simulators: Simulators, one: dict[str, Any], status: str) -> None:
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], OrderStatus=status)


def in_tims(simulators: Simulators, one: dict[str, Any], status: str) -> None:
    simulators.tims.change(sales_order(simulators, one)["SalesOrderID"], OrderStatus=status)


def statuses(simulators: Simulators, one: dict[str, Any]) -> tuple[str, str]:
    """On the channel and in TIMS; what TIMS allocates by itself is Open to us."""
    there = sales_order(simulators, one)["OrderStatus"]
    return channel_order(simulators, one)["OrderStatus"], "Open" if there == "Allocated" else there


def policies(winner: str) -> str:
    return "".join(f'[flows.{flow}.conflicts]\nstatus = "{winner}"\n' for flow in ("orders", "order-status"))


@pytest.mark.parametrize("holds", [on_channel, in_tims])
@pytest.mark.parametrize("releases", [on_channel, in_tims])
def test_a_hold_of_either_side_is_ended_by_either_side(opened: Opened, simulators: Simulators, holds: Any, releases: Any) -> None:
    house = opened()
    (one,) = place(simulators)
    synced(house)
    for _ in range(2):
        holds(simulators, one, "OnHold")
        synced(house)
        assert statuses(simulators, one) == ("OnHold", "OnHold")
        releases(simulators, one, "Pending" if releases is on_channel else "Open")
        synced(house)
        assert statuses(simulators, one) == ("Pending", "Open")
    assert letters(house) == []
    before = requests(simulators, "updateSalesOrder"), requests(simulators, "updateOrder")
    synced(house)
    assert (requests(simulators, "updateSalesOrder"), requests(simulators, "updateOrder")) == before


def test_a_hold_that_both_sides_end_needs_nobody(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    synced(house)
    on_channel(simulators, one, "OnHold")
    synced(house)
    in_tims(simulators, one, "Open")
    allocated(simulators, one)
    on_channel(simulators, one, "Pending")
    synced(house)
    assert statuses(simulators, one) == ("Pending", "Open")
    assert letters(house) == []


def test_an_order_that_both_sides_cancel_needs_nobody(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    synced(house)
    in_tims(simulators, one, "Cancelled")
    on_channel(simulators, one, "Cancelled")
    synced(house)
    assert statuses(simulators, one) == ("Cancelled", "Cancelled")
    assert letters(house) == []


@pytest.mark.parametrize("first", BOTH_WAYS[:2])
def test_a_cancellation_on_the_channel_beats_a_hold_in_the_erp_in_any_order(opened: Opened, simulators: Simulators, first: str) -> None:
    house = opened()
    (one,) = place(simulators)
    synced(house)
    in_tims(simulators, one, "OnHold")
    on_channel(simulators, one, "Cancelled")
    synced(house, first)
    assert letters(house) == [], "what cannot be undone needs no person as long as the other side can follow"
    synced(house)
    assert statuses(simulators, one) == ("Cancelled", "Cancelled")
    assert letters(house) == []


def test_an_order_that_has_shipped_is_left_in_peace(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    drain(house)
    simulators.tims.ship(SalesOrderID=allocated(simulators, one))
    before = requests(simulators, "updateSalesOrder")
    drain(house, "order-status")
    on_channel(simulators, one, "Pending")
    synced(house, "orders", "shipments", "order-status", "orders", "order-status")
    assert statuses(simulators, one) == ("Shipped", "Fulfilled")
    assert requests(simulators, "updateSalesOrder") == before
    assert letters(house) == []


@pytest.mark.parametrize("winner", ["source", "person"])
def test_a_hold_that_ended_and_shipped_unseen_is_ended_on_the_channel_too(opened: Opened, simulators: Simulators, winner: str) -> None:
    house = opened(policies(winner))
    (one,) = place(simulators)
    synced(house)
    in_tims(simulators, one, "OnHold")
    synced(house)
    in_tims(simulators, one, "Open")
    simulators.tims.ship(SalesOrderID=allocated(simulators, one))
    synced(house, "order-status", "shipments", "order-status", "orders")
    assert statuses(simulators, one) == ("Shipped", "Fulfilled")
    assert letters(house) == []


PERSON = {"source": 0, "target": 0, "person": 1}


@pytest.mark.parametrize("winner", PERSON)
def test_statuses_that_both_sides_changed(opened: Opened, simulators: Simulators, winner: str) -> None:
    """The channel releases what both hold, and TIMS cancels it."""
    house = opened(policies(winner))
    (one,) = place(simulators)
    synced(house)
    on_channel(simulators, one, "OnHold")
    synced(house)
    in_tims(simulators, one, "Cancelled")
    on_channel(simulators, one, "Pending")
    synced(house, "order-status")
    there = {"source": "Cancelled", "target": "Pending", "person": "Pending"}[winner]
    assert statuses(simulators, one) == (there, "Cancelled")
    assert len(letters(house)) == PERSON[winner]
    if winner == "person":
        (letter,) = letters(house)
        assert letter.kind == "conflict"
        assert "is cancelled in tims" in letter.reason
        assert "is Pending" in letter.reason


def test_what_was_booked_before_this_ledger_keeps_the_hold_of_its_channel(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    drain(house)
    with write(house.engine) as connection:
        connection.execute(update(tables.crosswalk).values(agreed=None))
    on_channel(simulators, one, "OnHold")
    drain(house, "order-status")
    assert channel_order(simulators, one)["OrderStatus"] == "OnHold"
    assert letters(house) == []


def test_a_status_whose_answer_was_lost_is_written_once_and_agreed(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    synced(house)
    in_tims(simulators, one, "OnHold")
    simulators.channeladvisor.faults({"drop-after-commit": {"times": 1, "operations": ["updateOrder"]}})
    before = requests(simulators, "updateOrder")
    synced(house, "order-status")
    assert requests(simulators, "updateOrder") == before + 1
    synced(house)
    assert statuses(simulators, one) == ("OnHold", "OnHold")
    assert letters(house) == []


def test_a_status_that_came_before_its_booking_was_known_goes_on_though_the_channel_holds_the_order(
    opened: Opened, simulators: Simulators
) -> None:
    house = opened()
    (one,) = place(simulators)
    on_channel(simulators, one, "OnHold")
    simulators.tims.faults(
        {"drop-after-commit": {"times": 1, "operations": ["createSalesOrder"]}, "server-error": {"operations": ["listSalesOrders"]}}
    )
    step(house, FLOW)
    simulators.tims.clear()
    step(house, "order-status")
    assert waiting(house) == ["held"]
    drain(house)
    with write(house.engine) as connection:
        connection.execute(update(tables.hold).where(tables.hold.c.state == "open").values(check_at=clock.now()))
    work_through(house, [(number, "transform") for number in release(house)])
    assert waiting(house) == letters(house) == []


def test_a_status_that_meets_the_shipment_of_its_order_on_the_way_is_no_conflict(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    drain(house)
    simulators.tims.ship(SalesOrderID=allocated(simulators, one))
    target = house.journey("order-status").target
    update_there = target.update

    def shipped_first(entity: str, key: str, changes: Any, version: Any) -> Any:
        if channel_order(simulators, one)["OrderStatus"] == "New":
            step(house, "shipments")
        return update_there(entity, key, changes, version)

    with patch.object(target, "update", shipped_first):
        drain(house, "order-status")
    assert channel_order(simulators, one)["OrderStatus"] == "Shipped"
    assert letters(house) == []


def test_an_order_read_amid_its_own_booking_says_nothing_to_the_channel(opened: Opened, simulators: Simulators) -> None:
    """TIMS takes a hold only after the order is made: whoever reads in between sees it open."""
    house = opened()
    (one,) = place(simulators)
    on_channel(simulators, one, "OnHold")
    target = house.journey(FLOW).target
    update_there = target.update
    amid: list[tuple[int, Stage]] = []

    def read_first(entity: str, key: str, changes: Any, version: Any) -> Any:
        amid.extend(read_only(house, "order-status"))
        return update_there(entity, key, changes, version)

    with patch.object(target, "update", read_first):
        drain_only(house, FLOW)
    assert amid
    work_through(house, amid)
    assert statuses(simulators, one) == ("OnHold", "OnHold")
    on_channel(simulators, one, "Pending")
    synced(house)
    assert statuses(simulators, one) == ("Pending", "Open")
    assert letters(house) == waiting(house) == []


def test_an_order_read_before_the_erp_ended_its_hold_does_not_hold_it_again(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    on_channel(simulators, one, "OnHold")
    synced(house)
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], ShippingMethod="Expedited")
    old = read_only(house, FLOW)
    in_tims(simulators, one, "Open")
    drain_only(house, "order-status")
    work_through(house, old)
    assert statuses(simulators, one) == ("Pending", "Open")
    synced(house)
    assert statuses(simulators, one) == ("Pending", "Open")
    assert letters(house) == waiting(house) == []


@pytest.mark.parametrize("fault", ["server-error", "rate-limited"])
def test_a_status_waits_while_the_erp_cannot_be_asked_whether_it_still_stands(opened: Opened, simulators: Simulators, fault: str) -> None:
    house = opened()
    (one,) = place(simulators)
    synced(house)
    in_tims(simulators, one, "OnHold")
    read = read_only(house, "order-status")
    simulators.tims.faults({fault: {"operations": ["getSalesOrder"]}})
    work_through(house, read)
    assert statuses(simulators, one) == ("Pending", "OnHold")
    simulators.tims.clear()
    drain(house, "order-status")
    assert statuses(simulators, one) == ("OnHold", "OnHold")
    assert letters(house) == []


@pytest.mark.parametrize("booked_before", [False, True])
def test_a_hold_that_ends_before_its_answer_is_known_does_not_stay(opened: Opened, simulators: Simulators, booked_before: bool) -> None:
    """What was delivered last is what the newer version says, and the target holds what came between."""
    house = opened()
    (one,) = place(simulators)
    if booked_before:
        synced(house)
    on_channel(simulators, one, "OnHold")
    simulators.tims.faults(
        {"drop-after-commit": {"times": 1, "operations": ["updateSalesOrder"]}, "server-error": {"operations": ["getSalesOrder"]}}
    )
    step(house, FLOW)
    assert sales_order(simulators, one)["OrderStatus"] == "OnHold"
    simulators.tims.clear()
    on_channel(simulators, one, "Pending")
    step(house, FLOW)
    synced(house)
    assert statuses(simulators, one) == ("Pending", "Open")
    assert letters(house) == waiting(house) == []


@pytest.mark.parametrize("booked_before", [False, True])
def test_a_hold_that_ends_before_the_successor_of_a_killed_worker_comes_does_not_stay(
    opened: Opened, simulators: Simulators, booked_before: bool
) -> None:
    house = opened()
    (one,) = place(simulators)
    if booked_before:
        synced(house)
    on_channel(simulators, one, "OnHold")
    with patch.object(Loader, "_write", side_effect=SystemExit), pytest.raises(SystemExit):
        step(house, FLOW)
    assert sales_order(simulators, one)["OrderStatus"] == "OnHold"
    on_channel(simulators, one, "Pending")
    step(house, FLOW)
    with write(house.engine) as connection:
        connection.execute(update(tables.batch).where(tables.batch.c.owner.is_not(None)).values(lease_until=clock.now()))
    synced(house)
    assert statuses(simulators, one) == ("Pending", "Open")
    assert letters(house) == waiting(house) == []


def test_a_hold_of_the_erp_that_ends_before_its_answer_is_known_does_not_stay_on_the_channel(
    opened: Opened, simulators: Simulators
) -> None:
    house = opened()
    (one,) = place(simulators)
    synced(house)
    in_tims(simulators, one, "OnHold")
    with patch.object(Loader, "_write", side_effect=SystemExit), pytest.raises(SystemExit):
        step(house, "order-status")
    assert statuses(simulators, one) == ("OnHold", "OnHold")
    in_tims(simulators, one, "Open")
    step(house, "order-status")
    with write(house.engine) as connection:
        connection.execute(update(tables.batch).where(tables.batch.c.owner.is_not(None)).values(lease_until=clock.now()))
    drain_only(house, "order-status")
    synced(house, "order-status")
    synced(house)
    assert statuses(simulators, one) == ("Pending", "Open")
    assert letters(house) == waiting(house) == []


def test_versions_of_one_batch_go_in_turn_while_an_answer_is_open(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    on_channel(simulators, one, "OnHold")
    with patch.object(Loader, "_write", side_effect=SystemExit), pytest.raises(SystemExit):
        step(house, FLOW)
    on_channel(simulators, one, "Pending")
    step(house, FLOW)
    r, b = tables.record.c, tables.batch.c
    with write(house.engine) as connection:
        first, second = connection.execute(select(r.batch_id).where(r.flow == FLOW).order_by(r.id)).scalars()
        connection.execute(update(tables.record).where(r.batch_id == second).values(batch_id=first, due_at=None))
        connection.execute(update(tables.batch).where(b.id == first).values(lease_until=clock.now()))
    synced(house)
    assert statuses(simulators, one) == ("Pending", "Open")
    assert letters(house) == waiting(house) == []


def read_only(house: House, flow: str) -> list[tuple[int, Stage]]:
    """Poll and read, but leave what comes after for later."""
    batch = extract.poll(house, flow, int(clock.now().timestamp() * 1000))
    assert batch is not None
    return work_on(house, batch, "extract")


def drain_only(house: House, flow: str) -> None:
    """One flow alone, whatever others have under way."""
    work_through(house, read_only(house, flow))


def waiting(house: House) -> list[str]:
    r = tables.record.c
    with read(house.engine) as connection:
        states = connection.execute(select(r.state).where(r.flow == "order-status")).scalars()
        return [state for state in states if state not in ("done", "unchanged", "superseded", "skipped")]
