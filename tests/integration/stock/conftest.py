"""A house with a flow of orders and one of stock between the simulators, worked in this process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from integration import clock
from integration.ledger import batches, stock, tables
from integration.ledger.database import read, write
from integration.line import extract
from integration.line.journey import House
from integration.line.stage import work_on
from tests.fixtures.line import configure, drain, open_line
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import Simulators

STOCK = """
[flows.stock]
entity = "stock"
source = "tims"
target = "ca"
every = "500ms"
[flows.stock.buffer]
groups = {"RUG-*" = 3}
skus = {"DESK-001" = 5}
"""


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, database_url: str) -> Iterator[House]:
    configure(monkeypatch, tmp_path, simulators, database_url)
    configuration = tmp_path / "integration.toml"
    configuration.write_text(configuration.read_text() + STOCK)
    with open_line() as made:
        yield made


class Shop:
    """The two systems and the line between them, as a test speaks of them."""

    def __init__(self, house: House, simulators: Simulators) -> None:
        self.house, self.channel, self.erp = house, simulators.channeladvisor, simulators.tims

    def stocked(self, **units: int) -> None:
        """Set what is on hand, and read all once."""
        for sku, on_hand in units.items():
            self.erp.inventory(SKU=sku.replace("_", "-"), OnHand=on_hand)
        self.orders()
        self.stock()

    def orders(self) -> None:
        drain(self.house, "orders")

    def stock(self) -> None:
        drain(self.house, "stock")

    def publish(self, *skus: str) -> None:
        """Have these published, and whatever else is due, without a poll of the warehouse's quantities."""
        with write(self.house.engine) as connection:
            stock.mark_due(connection, "stock", skus)
            batch_id = stock.ring(connection, "stock")
        work_on(self.house, batch_id, "load")

    def tick(self) -> None:
        """One poll of stock through the line; unlike `stock` it does not wait for what is due later."""
        batch_id = extract.poll(self.house, "stock", int(clock.now().timestamp() * 1000))
        assert batch_id is not None
        for stage in batches.STAGES:
            work_on(self.house, batch_id, stage)
        self.publish()

    def set_by_somebody(self, sku: str, quantity: int, as_of: datetime) -> str:
        """A write by another client of the channel; gives what became of it."""
        body = {"SKU": sku, "DistributionCenterID": 0, "Quantity": quantity, "AsOf": clock.text(as_of)}
        channel: Any = self.house.journey("stock").target
        (said,) = channel.set_levels([body])
        return str(said.result)

    def list(self, sku: str) -> None:
        """A new product of the channel."""
        self.channel._call("POST", "products", {"products": [{"SKU": sku, "Title": sku, "Currency": "USD"}]})

    def shows(self, sku: str) -> int | None:
        record = next(one for one in self.channel.state()["inventory"] if one["SKU"] == sku)
        quantity: int | None = record["TotalAvailableQuantity"]
        return quantity

    def available(self, sku: str) -> int:
        return next(int(one["Available"]) for one in self.erp.state()["inventory"] if one["SKU"] == sku)

    def sales_orders(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.erp.state()["sales_orders"]
        return found

    def allocated(self, count: int) -> None:
        wait_for(lambda: sum(one["OrderStatus"] == "Allocated" for one in self.sales_orders()) >= count)

    def row(self, sku: str) -> Any:
        with read(self.house.engine) as connection:
            return connection.execute(select(tables.stock).where(tables.stock.c.sku == sku)).one()

    def puts(self) -> int:
        return int(self.channel.stats()["requests"].get("updateInventory", 0))


@pytest.fixture
def shop(house: House, simulators: Simulators) -> Shop:
    return Shop(house, simulators)
