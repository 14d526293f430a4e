"""The line with the flows back to the channel, between both simulators, and what a person sees of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from integration.ledger import tables
from integration.ledger.database import read
from integration.line.journey import House
from tests.fixtures.line import BACK_FLOWS, booked, configure, key, open_line, order
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import Simulators

Opened = Callable[..., House]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, sqlite_url: str) -> Iterator[Opened]:
    """Opens the line with the flows back, and more configuration."""
    with contextlib.ExitStack() as stack:

        def open_(more: str = "", orders: str = "") -> House:
            configure(monkeypatch, tmp_path, simulators, sqlite_url, orders=orders, more=BACK_FLOWS + more)
            return stack.enter_context(open_line())

        yield open_


def letters(house: House) -> list[Any]:
    with read(house.engine) as connection:
        return list(connection.execute(select(tables.dead_letter).where(tables.dead_letter.c.state == "open")).all())


def states(house: House, flow: str) -> list[tuple[str, str]]:
    r = tables.record.c
    with read(house.engine) as connection:
        return [
            (row.source_key, row.state) for row in connection.execute(select(r.source_key, r.state).where(r.flow == flow).order_by(r.id))
        ]


def place(simulators: Simulators, count: int = 1) -> list[dict[str, Any]]:
    return simulators.channeladvisor.place([order(number) for number in range(count)])


def sales_order(simulators: Simulators, one: dict[str, Any]) -> dict[str, Any]:
    found = booked(simulators)[key(one)]
    assert len(found) == 1
    return found[0]


def channel_order(simulators: Simulators, one: dict[str, Any]) -> dict[str, Any]:
    return next(each for each in simulators.channeladvisor.state()["orders"] if key(each) == key(one))


def allocated(simulators: Simulators, one: dict[str, Any]) -> str:
    wait_for(lambda: sales_order(simulators, one)["OrderStatus"] == "Allocated", "TIMS did not allocate the order")
    return str(sales_order(simulators, one)["SalesOrderID"])


def requests(simulators: Simulators, operation: str) -> int:
    counts = [one.stats()["requests"].get(operation, 0) for one in (simulators.channeladvisor, simulators.tims)]
    return sum(counts)


def by_phone(like: dict[str, Any]) -> dict[str, Any]:
    """A sales order for the same goods that no channel knows; it lacks its ExternalOrderID and its customer."""
    lines = [{name: line[name] for name in ("SKU", "Quantity", "Price", "TaxAmount", "DiscountAmount")} for line in like["LineItems"]]
    kept = ("OrderDate", "Currency", "ShippingAddress", "TotalAmount", "ShippingAmount")
    return {name: like[name] for name in kept} | {"LineItems": lines}
