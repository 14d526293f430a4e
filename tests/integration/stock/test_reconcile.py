"""The full pass: what has drifted is found, told with its cause, and repaired."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
import structlog
from click.testing import CliRunner
from sqlalchemy import func, select, update

from commands.invocation import Invocation
from commands.reconcile_stock import stock as command
from integration import clock
from integration.ledger import tables
from integration.ledger.database import read, write
from integration.line import stock_pass
from tests.integration.stock.conftest import Shop


def drift(shop: Shop, sku: str, quantity: int) -> None:
    """Somebody sets a quantity on the channel."""
    assert shop.set_by_somebody(sku, quantity, clock.now()) == "accepted"


def nightly(shop: Shop) -> None:
    """As if the flow had read first the day before yesterday."""
    with write(shop.house.engine) as connection:
        connection.execute(update(tables.run).values(started_at=clock.now() - timedelta(days=2)))
    shop.stock()


@pytest.fixture(autouse=True)
def stdout_is_the_commands() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


def reconcile(*options: str) -> tuple[int, dict[str, object]]:
    ran = CliRunner().invoke(command, [*options, "--json"], obj=Invocation())
    return ran.exit_code, json.loads(ran.stdout)


def test_the_nightly_pass_repairs_drift_and_runs_once_a_day(shop: Shop) -> None:
    shop.stocked(LAMP_001=10, LAMP_002=4)
    drift(shop, "LAMP-001", 99)
    nightly(shop)
    assert (shop.shows("LAMP-001"), shop.shows("LAMP-002")) == (10, 4)
    shop.stock()
    with read(shop.house.engine) as connection:
        passes = connection.execute(select(func.count()).where(tables.run.c.kind == stock_pass.NIGHTLY)).scalar_one()
    assert passes == 1


def test_the_nightly_pass_finds_products_that_are_new_on_the_channel(shop: Shop) -> None:
    shop.erp.items({"SKU": "VASE-1"})
    shop.stocked(VASE_1=6)
    assert shop.row("VASE-1").listed is False
    shop.list("VASE-1")
    nightly(shop)
    assert shop.shows("VASE-1") == 6


def test_a_pass_makes_no_record_of_each_sku(shop: Shop) -> None:
    shop.stocked(LAMP_001=10)
    shop.stock()
    with read(shop.house.engine) as connection:
        count = select(func.count()).select_from(tables.record)
        before = connection.execute(count).scalar_one()
    nightly(shop)
    with read(shop.house.engine) as connection:
        assert connection.execute(count).scalar_one() == before


def test_the_command_tells_what_differs_and_why_and_writes_nothing(shop: Shop) -> None:
    shop.stocked(LAMP_001=10, LAMP_002=4)
    drift(shop, "LAMP-001", 99)
    puts = shop.puts()
    code, said = reconcile()
    assert (code, said["left"]) == (3, ["LAMP-001"])
    (found,) = said["differences"]  # type: ignore[misc]
    assert (found["should"], found["shows"], found["cause"]) == (10, 99, "set on the channel by somebody else")
    assert (shop.puts(), shop.shows("LAMP-001")) == (puts, 99)


def test_the_command_repairs(shop: Shop) -> None:
    shop.stocked(LAMP_001=10, LAMP_002=4)
    drift(shop, "LAMP-001", 99)
    code, said = reconcile("--repair")
    assert (code, said["left"]) == (0, [])
    assert shop.shows("LAMP-001") == 10
    assert reconcile() == (0, {"flow": "stock", "differences": [], "repaired": False, "left": []})


def test_the_command_goes_on_where_it_was_stopped(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.stocked(LAMP_001=10)
    drift(shop, "LAMP-001", 99)
    with monkeypatch.context() as patch:
        patch.setattr(stock_pass, "_read_channel", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        ran = CliRunner().invoke(command, ["--json"], obj=Invocation())
        assert ran.exit_code != 0
    listed = shop.erp.stats()["requests"]["listInventory"]
    with write(shop.house.engine) as connection:
        connection.execute(update(tables.batch).values(owner=None, lease_until=None))
    code, said = reconcile()
    assert (code, said["left"]) == (3, ["LAMP-001"])
    assert shop.erp.stats()["requests"]["listInventory"] == listed
