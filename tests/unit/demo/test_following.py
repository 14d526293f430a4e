"""What the demo waits for before it judges: quantities that are looked at again, and limits that hold something up."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.demo.following import Follower
from integration.ledger import budgets
from integration.ledger.database import open_engine
from integration.ports import Limits
from integration.settings import Flow


@pytest.mark.parametrize(("requests", "due", "expecting"), [(0, False, False), (90, False, False), (91, False, True), (0, True, True)])
def test_more_may_come_where_a_limit_is_nearly_used_up_or_a_quantity_is_due(
    tmp_path: Path, requests: int, due: bool, expecting: bool
) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    follower = Follower(engine, Flow("orders", "order", "clarity", "sage100"), {"sage100": Limits(120, 60, 5)})
    follower.uses = {"sage100": budgets.Use(requests, 0, None)}
    follower.stock_due = due
    assert follower.expecting() is expecting
    engine.dispose()
