"""An order that is seen, shipped and over between two writes of a quantity has taken its units for good: nothing of it is hidden."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from integration import clock
from integration.ledger import batches
from integration.line import extract
from integration.line.journey import House
from integration.line.stage import work_on
from tests.fixtures.line import drain
from tests.fixtures.pairs import Erp, Shop

Paired = Callable[..., House]
SKU = "LAMP-002"
STOCKED = 40


def without_stock(house: House, flow: str) -> None:
    """Work on everything but stock, which waits for its turn within the limit."""
    extract.poll(house, flow, int(clock.now().timestamp() * 1000))
    while due := batches.bells(house.engine, _open(house)):
        for one in due:
            work_on(house, one.batch_id, one.stage)


def _open(house: House) -> list[int]:
    with house.engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT id FROM batch WHERE state = 'open' AND flow <> 'stock'").scalars())


@pytest.mark.parametrize("seen", ["while open", "when it had shipped"])
@pytest.mark.parametrize("name", ["tims", "sage100"])
def test_an_order_that_ships_between_two_writes_hides_nothing(
    paired: Paired, shops: Mapping[str, Shop], erps: Mapping[str, Erp], name: str, seen: str
) -> None:
    shop, erp = shops["clarity"], erps[name]
    house = paired(shop, erp)
    erp.stocked(SKU, STOCKED)
    drain(house, "orders")
    drain(house, "stock")
    assert shop.shown(SKU) == STOCKED
    (sold,) = shop.place([1])
    without_stock(house, "orders")
    (booked,) = erp.orders()
    erp.ship(booked, sold.units, "1Z999AA10123456784")
    without_stock(house, "shipments")
    without_stock(house, "orders")
    if seen == "when it had shipped":
        with house.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM commitment")
    drain(house, "stock")
    assert shop.shown(SKU) == STOCKED - dict(sold.units)[SKU]
