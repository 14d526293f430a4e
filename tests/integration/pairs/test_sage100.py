"""Orders into a Sage 100 that loses answers, is locked by others and warns: each is booked once; only what is refused needs a person."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import select

from integration.ledger import tables
from integration.ledger.database import read
from integration.line.journey import House
from tests.fixtures.line import drain, step
from tests.fixtures.pairs import Erp, InSage, OnClarity, Shop
from tests.fixtures.simulators import Sage100
from tests.integration.line.conftest import letters

Paired = Callable[..., House]


@pytest.fixture
def shop(shops: Mapping[str, Shop]) -> Shop:
    return shops["clarity"]


@pytest.fixture
def erp(erps: Mapping[str, Erp]) -> InSage:
    found = erps["sage100"]
    assert isinstance(found, InSage)
    return found


def records(house: House) -> list[Any]:
    r = tables.record.c
    with read(house.engine) as connection:
        return list(connection.execute(select(r.state, r.attempts, r.reason).where(r.flow == "orders").order_by(r.id)).all())


def references(erp: InSage) -> list[str]:
    return sorted(one.reference for one in erp.orders())


@pytest.mark.parametrize("fault", ["drop-after-commit", "reset-before-commit", "html-5xx", "server-error"])
def test_a_write_whose_answer_is_lost_is_looked_up_before_it_is_sent_again(paired: Paired, shop: Shop, erp: InSage, fault: str) -> None:
    house = paired(shop, erp)
    sold = shop.place(range(5))
    writes = {"times": 4, "commit": True, "operations": ["createSalesOrder", "createCustomer"]}
    erp.simulator.faults({fault: writes})
    drain(house, "orders", 60)
    assert references(erp) == sorted(one.number for one in sold)
    assert len(erp.emails()) == len(set(erp.emails())) == 5
    assert letters(house) == []


def test_somebody_else_holds_the_writer_for_a_while(paired: Paired, shop: Shop, erp: InSage) -> None:
    house = paired(shop, erp)
    sold = shop.place(range(3))
    erp.simulator.world("lock", writer=True, by="invoicing", seconds=1.5)
    drain(house, "orders", 60)
    assert references(erp) == sorted(one.number for one in sold)
    assert [row.attempts for row in records(house)] == [0, 0, 0]
    assert letters(house) == []


def test_an_order_at_somebodys_desk_is_changed_when_it_is_closed(paired: Paired, shop: Shop, erp: InSage) -> None:
    house = paired(shop, erp)
    (sold,) = shop.place([1])
    drain(house, "orders")
    shop.cancel(sold)
    lock(erp.simulator, erp.orders()[0].key)
    drain(house, "orders", 60)
    assert [one.status for one in erp.orders()] == ["cancelled"]
    assert [row.attempts for row in records(house)][-1] == 0
    assert erp.simulator.stats()["refused"]["423"] >= 1
    assert letters(house) == []


@pytest.mark.parametrize("quirks", [{}, {"empty-strings": True, "unknown-extra-fields": True, "nulls-in-optional-fields": True}])
def test_an_address_gets_a_second_line_and_loses_it(paired: Paired, shop: Shop, erp: InSage, quirks: dict[str, Any]) -> None:
    """Sage 100 has no versions, so that every change of ours looks at the order first; what is not there it gives as an empty text."""
    assert isinstance(shop, OnClarity)
    house = paired(shop, erp)
    sold = shop.place(range(4))
    address = {**shop.checkout(1)["shippingAddress"], "line2": None}
    for one, line in ((None, "4 Elm Terrace"), ("Suite 200", "5 Elm Terrace"), (None, "6 Elm Terrace")):
        for each in sold:
            shop.simulator.change(each.key, shippingAddress={**address, "line1": line, "line2": one})
        erp.simulator.faults(quirks)
        drain(house, "orders")
        erp.simulator.clear()
        assert [letter.reason for letter in letters(house)] == []
        written = {(order["ShipToAddress1"], order["ShipToAddress2"] or None) for order in erp.simulator.state()["sales_orders"]}
        assert written == {(line, one)}


def test_an_order_that_its_shop_calls_shipped_while_its_parcel_is_being_told_is_our_own_echo(
    paired: Paired, shop: Shop, erp: InSage
) -> None:
    """Sage 100 has it open until it is invoiced; who was killed after the parcel was told has not yet written that it was."""
    house = paired(shop, erp)
    (sold,) = shop.place([1])
    drain(house, "orders")
    erp.ship(erp.orders()[0], sold.units, "1Z999AA10123456784")
    target = house.journey("shipments").target
    create_there = target.create

    def read_before_the_end(entity: str, body: Any) -> Any:
        made = create_there(entity, body)
        step(house, "orders")
        return made

    with patch.object(target, "create", read_before_the_end):
        drain(house, "shipments")
    drain(house, "orders")
    assert shop.order(sold)[0] == "Shipped"
    assert letters(house) == []
    assert {row.state for row in records(house)} <= {"done", "unchanged"}


def lock(simulator: Sage100, key: str) -> None:
    simulator.world("lock", SalesOrder=[key], seconds=1.5)


def test_a_warning_is_kept_for_the_story(paired: Paired, shop: Shop, erp: InSage) -> None:
    house = paired(shop, erp)
    erp.stocked("LAMP-001", 0)
    shop.place([0])
    erp.simulator.faults({"warning-is-stored": True})
    drain(house, "orders")
    d = tables.delivery.c
    with read(house.engine) as connection:
        said = [row.message for row in connection.execute(select(d.message).where(d.operation == "order created"))]
    assert len(said) == 1
    assert "API_BackOrdered" in said[0]
    assert letters(house) == []


def test_a_refusal_in_band_needs_a_person(paired: Paired, shop: Shop, erp: InSage) -> None:
    house = paired(shop, erp)
    shop.place([0, 1])
    erp.simulator.faults({"result-zero-in-200": {"times": 1, "operations": ["createSalesOrder"]}})
    drain(house, "orders")
    assert len(erp.orders()) == 1
    [letter] = letters(house)
    assert "API_InvalidValue" in letter.cause


def test_a_reader_in_another_thread_does_not_hinder_the_writer(paired: Paired, shop: Shop, erp: InSage) -> None:
    house = paired(shop, erp)
    sold = shop.place(range(4))
    journey = house.journey("status")

    def look() -> None:
        for _ in range(20):
            journey.source.fetch_one("order_status", "0000001")

    erp.simulator.latency(30)
    reading = threading.Thread(target=look)
    reading.start()
    try:
        drain(house, "orders", 60)
    finally:
        reading.join(30)
        erp.simulator.latency(0)
    assert references(erp) == sorted(one.number for one in sold)
    assert erp.simulator.stats()["refused"].keys() <= {"404"}
