"""Each shop with each ERP by configuration alone: orders with their money to the cent, status, parcels and stock."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pytest
from click.testing import CliRunner

from commands.cli import cli
from integration.line.journey import House
from tests.fixtures.line import drain
from tests.fixtures.pairs import Erp, Held, Shop, Sold
from tests.integration.line.conftest import letters

PAIRS = [(shop, erp) for shop in ("channeladvisor", "clarity") for erp in ("tims", "sage100")]
Paired = Callable[..., House]


@pytest.fixture(params=PAIRS, ids="-".join)
def pair(request: pytest.FixtureRequest, shops: Mapping[str, Shop], erps: Mapping[str, Erp]) -> tuple[Shop, Erp]:
    shop, erp = request.param
    return shops[shop], erps[erp]


def booked(erp: Erp, sold: Sold) -> Held:
    found = [one for one in erp.orders() if one.reference in (sold.key, sold.number)]
    assert len(found) == 1, f"{sold.number} is booked {len(found)} times"
    return found[0]


def test_orders_are_booked_once_and_to_the_cent(paired: Paired, pair: tuple[Shop, Erp]) -> None:
    shop, erp = pair
    house = paired(shop, erp)
    placed = shop.place(range(6))
    drain(house, "orders")
    placed += shop.place(range(3, 8))  # known buyers, and new ones
    drain(house, "orders")
    drain(house, "orders")
    assert letters(house) == []
    for sold in placed:
        held = booked(erp, sold)
        assert (held.total, held.units, held.status, held.deposit) == (sold.total, sold.units, "pending", sold.total)
    assert len(erp.orders()) == len(placed)
    emails = erp.emails()
    assert len(emails) == len(set(emails)) and {sold.email for sold in placed} <= set(emails)
    assert len({booked(erp, sold).customer for sold in placed}) == 8
    proof = CliRunner().invoke(cli, ["reconcile", "orders", "--since", "1h", "--json"], prog_name="integration")
    assert proof.exit_code == 0, proof.output
    told = json.loads(proof.stdout)
    assert (told["proven"], told["findings"]) == (len(placed), [])
    shop.check()
    erp.check()


def test_writes_that_are_never_answered_have_one_effect(paired: Paired, pair: tuple[Shop, Erp]) -> None:
    shop, erp = pair
    house = paired(shop, erp)
    erp.lose_answers(4)
    placed = shop.place([1, 1, 2, 3])
    drain(house, "orders")
    for sold in placed:
        assert booked(erp, sold).total == sold.total
    assert len(erp.orders()) == len(placed)
    assert len(erp.emails()) == len(set(erp.emails()))
    assert letters(house) == []


def test_the_shop_learns_the_number_and_every_parcel_once(paired: Paired, pair: tuple[Shop, Erp]) -> None:
    shop, erp = pair
    house = paired(shop, erp)
    whole, parts = shop.place([1, 2])
    drain(house, "orders")
    drain(house, "status")
    for sold in (whole, parts):
        assert shop.order(sold) == (shop.waiting, booked(erp, sold).key)
    erp.ship(booked(erp, whole), whole.units, "1Z999AA10123456784")
    first, second = parts.units
    erp.ship(booked(erp, parts), [first], "1Z999AA10123456785")
    drain(house, "shipments")
    assert shop.tracking(whole) == [("1Z999AA10123456784", whole.units)]
    assert shop.tracking(parts) == [("1Z999AA10123456785", [first])]
    erp.ship(booked(erp, parts), [second], "1Z999AA10123456786")
    for _ in range(2):
        for flow in ("shipments", "status", "orders"):
            drain(house, flow)
    assert shop.tracking(parts) == [("1Z999AA10123456785", [first]), ("1Z999AA10123456786", [second])]
    assert [shop.order(sold)[0] for sold in (whole, parts)] == ["Shipped", "Shipped"]
    assert letters(house) == []
    shop.check()
    erp.check()


def test_a_cancellation_reaches_the_sales_order(paired: Paired, pair: tuple[Shop, Erp]) -> None:
    shop, erp = pair
    house = paired(shop, erp)
    (sold,) = shop.place([1])
    drain(house, "orders")
    shop.cancel(sold)
    drain(house, "orders")
    assert booked(erp, sold).status == "cancelled"
    (late,) = shop.place([2])
    shop.cancel(late)
    drain(house, "orders")
    drain(house, "status")
    assert len(erp.orders()) == 1, "what was cancelled before it was booked is not booked"
    assert letters(house) == []


def test_what_is_shown_is_what_is_there_less_what_is_promised(paired: Paired, pair: tuple[Shop, Erp]) -> None:
    shop, erp = pair
    house = paired(shop, erp)
    erp.stocked("LAMP-002", 40)
    drain(house, "orders")
    drain(house, "stock")
    assert shop.shown("LAMP-002") == 40
    (sold,) = shop.place([1])
    units = dict(sold.units)["LAMP-002"]
    drain(house, "orders")
    drain(house, "stock")
    assert shop.shown("LAMP-002") == 40 - units
    erp.ship(booked(erp, sold), sold.units, "1Z999AA10123456784")
    erp.stocked("LAMP-002", 50)
    for flow in ("shipments", "stock"):
        drain(house, flow)
    assert letters(house) == []
    shop.check()
    erp.check()
