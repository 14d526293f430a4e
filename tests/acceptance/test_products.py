"""A worker that dies while it makes a product: in the end the shop has it once, whether or not the request took effect."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.fixtures.line import Service
from tests.fixtures.pairs import HOUSE, InSage, OnClarity, connection
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import Clarity, Sage100

pytestmark = pytest.mark.kills

PRODUCTS = """
[flows.products]
entity = "product"
source = "erp"
target = "shop"
every = "1s"
look_back_every = "2s"
overlap = "10m"
"""


@pytest.fixture
def configured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clarity_simulator: Clarity, sage100_simulator: Sage100, sqlite_url: str, redis_url: str
) -> None:
    parts = [HOUSE, connection("shop", OnClarity(clarity_simulator)), connection("erp", InSage(sage100_simulator))]
    file = tmp_path / "integration.toml"
    file.write_text("\n".join(text for text, _ in parts) + PRODUCTS)
    urls = {"INTEGRATION_CONFIG": str(file), "INTEGRATION_HOME": str(tmp_path), "DATABASE_URL": sqlite_url, "REDIS_URL": redis_url}
    for name, value in {**{name: value for _, some in parts for name, value in some.items()}, **urls}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("committed", [True, False])
def test_a_worker_killed_while_it_makes_a_product(
    tmp_path: Path, clarity_simulator: Clarity, sage100_simulator: Sage100, committed: bool
) -> None:
    def there() -> list[str]:
        return [str(one["sku"]) for one in clarity_simulator.state()["products"] if one["price"] == 5.25]

    def is_in_step() -> bool:
        return all(one["cost"] for one in clarity_simulator.state()["products"])

    with Service(tmp_path) as service:
        worker = service.worker()
        service.beat()
        wait_for(is_in_step, "the catalogue did not get in step")
        clarity_simulator.faults(hang={"times": 1, "delay": 3, "commit": committed, "operations": ["createProduct"]})
        sage100_simulator.items({"ItemCode": "NEW-1", "ItemCodeDesc": "New", "StandardUnitPrice": 5.25})
        wait_for(lambda: clarity_simulator.stats()["faults"].get("hang"))
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        service.worker("second")
        wait_for(lambda: there() == ["NEW-1"], "the product was not made")
        sage100_simulator.items({"ItemCode": "NEW-1", "StandardUnitPrice": 6.5})
        wait_for(lambda: not there(), "the new price was not seen")
    assert [str(one["sku"]) for one in clarity_simulator.state()["products"]].count("NEW-1") == 1
    assert clarity_simulator.stats()["contract_errors"] == []
