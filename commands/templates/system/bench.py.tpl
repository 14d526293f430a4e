"""$title in the contract suite of connectors: how to place an order in its simulator, write to it, and see what the write did."""

from __future__ import annotations

from connectors.rest import RestConnection
from integration.ports import Remote
from tests.fixtures.benches import Bench


class ${Class}Bench(Bench):
    system = "$name"
    entity = "order"
    list_operation = "listOrders"
    write_operation = "updateOrder"
    denial = "early-token-expiry"

    def place(self, count: int) -> None:
        self.control.world("orders", orders=[_order(number) for number in range(count)])

    def write(self, link: RestConnection) -> Remote:
        return link.update("order", self._key(), {"status": "shipped"}, None)

    def written(self) -> bool:
        return bool(self.connection.get("order", self._key()).body["status"] == "shipped")

    def _key(self) -> str:
        if not self.control.state()["orders"]:
            self.place(1)
        return str(self.control.state()["orders"][0]["number"])


def _order(number: int) -> dict[str, object]:
    return {
        "shipping": "6.99",
        "total": "56.97",
        "customer": {"name": "Ana Ruiz", "email": f"ana.{number}@buyer.example", "phone": None},
        "address": {"line1": "48 Orchard Lane", "city": "Austin", "state": "TX", "postalCode": "78701", "country": "US"},
        "lines": [{"id": 1, "sku": "LAMP-001", "quantity": 2, "price": "24.00", "tax": "1.98", "discount": "0.00"}],
    }
