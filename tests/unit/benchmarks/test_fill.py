"""A filled ledger looks as if the line had done it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select

from benchmarks.installation import CONFIGURATION, SECRETS
from benchmarks.ledger import fill
from connectors.configured import load_settings
from connectors.wiring import open_house
from integration.ledger import batches, tables
from integration.ledger.database import read


def test_every_filled_order_is_done_and_delivered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = "http://127.0.0.1:9"
    words = {"channel": nowhere, "erp": nowhere, "channel_limits": "", "erp_limits": "", "flow": "orders", "flower": 5555, "metrics": 9808}
    (tmp_path / "integration.toml").write_text(CONFIGURATION.format(**words))
    (tmp_path / ".integration").mkdir()
    for name, value in {**SECRETS, "INTEGRATION_CONFIG": str(tmp_path / "integration.toml"), "DATABASE_URL": ""}.items():
        monkeypatch.setenv(name, value)
    house = open_house(load_settings())
    fill(130, house)
    assert batches.open_batches(house.engine) == 0
    with read(house.engine) as connection:
        states = Counter(connection.execute(select(tables.record.c.state)).scalars())
        held = connection.execute(
            select(tables.crosswalk.c.entity, func.count(tables.crosswalk.c.target_key)).group_by(tables.crosswalk.c.entity)
        ).all()
        owned = connection.execute(select(func.count(tables.crosswalk.c.owner))).scalar_one()
        runs = set(connection.execute(select(tables.run.c.state)).scalars())
    house.engine.dispose()
    assert states == {"done": 130}
    assert dict(held) == {"order": 130, "customer": 130}
    assert (owned, runs) == (0, {"done"})
