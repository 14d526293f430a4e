"""Shipments of several packages out of Sage 100: one shipment of the shop, one mail, and as many tracking numbers as there is room for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import pytest

from integration.ledger import story
from integration.ledger.database import read
from integration.line.journey import House
from tests.fixtures.line import drain
from tests.fixtures.pairs import Erp, InSage, OnChannelAdvisor, OnClarity, Shop, Sold
from tests.integration.line.conftest import letters

Paired = Callable[..., House]

FIRST, SECOND, THIRD = (f"1Z999AA101234567{number}" for number in (84, 85, 86))


@pytest.fixture
def erp(erps: Mapping[str, Erp]) -> InSage:
    found = erps["sage100"]
    assert isinstance(found, InSage)
    return found


def shipped(house: House, erp: InSage, packages: list[str]) -> str:
    """The one order there is, booked, shipped and told; gives the number of its shipment."""
    for flow in ("orders", "status"):
        drain(house, flow)
    (held,) = erp.orders()
    number: str = erp.simulator.world("ship", SalesOrderNo=held.key, Tracking=packages)["InvoiceNo"]
    drain(house, "shipments")
    return number


def track(house: House, erp: InSage, shipment: str, packages: list[str]) -> None:
    """More packages, at another second of Sage 100's clock than what is known of them."""
    now = datetime.fromisoformat(erp.simulator.world("clock")["now"])
    erp.simulator.world("clock", now=(now + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    erp.simulator.world("tracking", InvoiceNo=shipment, Tracking=packages)
    drain(house, "shipments")


def told(house: House, shipment: str) -> str:
    with read(house.engine) as connection:
        events = story.tell(connection, story.Identity("shipments", shipment), house.settings.flows).events
    return "\n".join(event.detail for event in events)


def test_clarity_shows_the_numbers_of_all_packages_and_mails_once(paired: Paired, shops: Mapping[str, Shop], erp: InSage) -> None:
    shop = shops["clarity"]
    assert isinstance(shop, OnClarity)
    house = paired(shop, erp)
    (sold,) = shop.place([1])
    shipment = shipped(house, erp, [FIRST])
    assert shop.tracking(sold) == [(FIRST, sold.units)]
    track(house, erp, shipment, [FIRST, SECOND])
    assert shop.tracking(sold) == [(f"{FIRST}, {SECOND}", sold.units)]
    track(house, erp, shipment, [FIRST, SECOND, THIRD])
    assert shop.tracking(sold) == [(f"{FIRST}, {SECOND}", sold.units)], "a third one has no room"
    assert shop.simulator.state()["mails"] == [shipment]
    assert "shop has room for 2 of its 3 tracking numbers" in told(house, shipment)
    assert THIRD not in told(house, shipment)
    assert letters(house) == []


def test_channeladvisor_takes_the_first_and_the_story_tells_of_the_others(paired: Paired, shops: Mapping[str, Shop], erp: InSage) -> None:
    shop = shops["channeladvisor"]
    assert isinstance(shop, OnChannelAdvisor)
    house = paired(shop, erp)
    (sold,) = shop.place([1])
    shipment = shipped(house, erp, [FIRST, SECOND])
    track(house, erp, shipment, [FIRST, SECOND, THIRD])
    assert shop.tracking(sold) == [(FIRST, sold.units)]
    assert "shop has room for 1 of its 2 tracking numbers" in told(house, shipment)
    assert "shop has room for 1 of its 3 tracking numbers" in told(house, shipment)
    assert letters(house) == []
    shop.check()


def test_one_order_in_two_shipments_of_two_packages_each(paired: Paired, shops: Mapping[str, Shop], erp: InSage) -> None:
    shop = shops["clarity"]
    house = paired(shop, erp)
    (sold,) = shop.place([1])
    for flow in ("orders", "status"):
        drain(house, flow)
    for place, packages in enumerate(([FIRST, SECOND], [THIRD, f"{THIRD}0"])):
        ship(erp, sold, place, packages)
        drain(house, "shipments")
    numbers = [number for number, _ in shop.tracking(sold)]
    assert numbers == [f"{FIRST}, {SECOND}", f"{THIRD}, {THIRD}0"]
    assert letters(house) == []


def ship(erp: InSage, sold: Sold, place: int, packages: list[str]) -> None:
    (held,) = erp.orders()
    line = erp.raw(held)["Lines"][place]
    _, count = sold.units[place]
    erp.simulator.world("ship", SalesOrderNo=held.key, Lines=[{"LineKey": line["LineKey"], "QuantityShipped": count}], Tracking=packages)
