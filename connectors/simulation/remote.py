"""The control plane of a simulator that runs in another process: what the world outside does to the system, and what it has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import requests

from integration.errors import Misconfigured, Unreachable

SECONDS = 10.0


class RemoteSimulator:
    """The simulator at `url`. Every call raises Unreachable where it does not answer, Misconfigured where it says no."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy is not for loopback

    def state(self) -> Any:
        """Everything that the system holds, by kind."""
        return self._call("GET", "state")

    def stats(self) -> Any:
        """`requests` accepted by operation, `refused` ones by status, `contract_errors`."""
        return self._call("GET", "stats")

    def place(self, orders: Sequence[Mapping[str, Any]], *, check: bool = True) -> list[dict[str, Any]]:
        """Orders of a channel, as its buyers place them; `check` False lets impossible ones in. Gives them as they are stored."""
        placed: list[dict[str, Any]] = self._call("POST", "orders", {"orders": list(orders), "check": check})["orders"]
        return placed

    def change(self, order_id: int, members: Mapping[str, Any]) -> None:
        """An order of a channel, as its buyer or the marketplace changes it."""
        self._call("POST", f"orders/{order_id}", members)

    def ship(self, sales_order_id: str, lines: Sequence[Mapping[str, int]] | None = None) -> dict[str, Any]:
        """An order of an ERP leaves the warehouse, whole or the given `{"LineNumber", "Quantity"}`; gives the shipment."""
        shipment: dict[str, Any] = self._call("POST", "ship", {"SalesOrderID": sales_order_id, **({"Lines": list(lines)} if lines else {})})
        return shipment

    def booked(self, first: int = 0) -> list[tuple[str, str]]:
        """The sales orders of an ERP behind the first so many: the number by which the origin knows each, and its own."""
        return [(origin, number) for origin, number in self._call("GET", f"sales-orders/{first}")["booked"]]

    def count_stock(self, sku: str, on_hand: int) -> None:
        """The warehouse of an ERP counts an item anew."""
        self._call("POST", "inventory", {"SKU": sku, "OnHand": on_hand})

    def tell(self, path: str, body: Mapping[str, Any]) -> Any:
        """Whatever else a system's control plane takes."""
        return self._call("POST", path, body)

    def switch_faults(self, **faults: Any) -> None:
        """Misbehaviour by its name in the contract."""
        self._call("POST", "faults", faults)

    def end_faults(self) -> None:
        """Switch every fault off."""
        self._call("DELETE", "faults")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        try:
            answer = self._session.request(method, f"{self.url}/_sim/{path}", json=body, timeout=SECONDS)
        except requests.RequestException as error:
            raise Unreachable(f"the simulator at {self.url} does not answer ({type(error).__name__}); see its log") from None
        if not answer.ok:
            raise Misconfigured(f"the simulator at {self.url} says {answer.status_code} to {method} /_sim/{path}")
        return answer.json()
