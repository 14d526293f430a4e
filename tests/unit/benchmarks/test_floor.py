"""The bare loop books what it is compared by: a tiny run between real simulators."""

from __future__ import annotations

from pathlib import Path

from benchmarks.cpu import WARM_UP, floor_cpu_seconds
from benchmarks.systems import simulated


def test_the_bare_loop_books_every_order_once_and_marks_it(tmp_path: Path) -> None:
    with simulated(tmp_path, unlimited=True) as systems:
        assert floor_cpu_seconds(tmp_path, systems, 0.1, 20) > 0
        state = systems.erp.get("state")
        assert len(state["sales_orders"]) == len({order["ExternalOrderID"] for order in state["sales_orders"]}) == WARM_UP + 20
        emails = [customer["Email"] for customer in state["customers"] if customer["Email"].endswith("@buyer.example")]
        assert len(emails) == len(set(emails)) > 0
        assert systems.told() == WARM_UP + 20
        assert not systems.refused()
