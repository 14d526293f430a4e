"""What several processes write at once: nobody waits in a circle, and nobody fails because another was first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import timedelta
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import OperationalError

from integration import clock
from integration.ledger import database, stock, tables
from integration.ledger.commitments import Moved
from integration.ledger.database import read, write
from integration.ledger.stock import Reading
from integration.ledger.upgrade import upgrade
from integration.line.items import known_items
from integration.ports import Item
from tests.fixtures.processes import wait_for

FLOW = "stock"


def reading(item: str, available: int, seconds: float) -> Reading:
    return Reading(item, available, clock.now() + timedelta(seconds=seconds), None)


def moved(sku: str) -> Moved:
    return Moved(sku, clock.now(), fresh=False, over=False)


def available(engine: Engine) -> dict[str, int]:
    s = tables.stock.c
    with read(engine) as connection:
        return {row.sku: row.available for row in connection.execute(select(s.sku, s.available))}


def waits(engine: Engine) -> bool:
    """Whether somebody waits for a lock; SQLite lets nobody in whom one could ask about."""
    if engine.dialect.name != "postgresql":
        return True
    with engine.connect() as connection:
        return bool(connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())


def test_a_reading_of_items_and_orders_for_their_other_skus_do_not_wait_for_each_other(engine: Engine) -> None:
    """The alias sorts before its item, and is written after it."""
    with write(engine) as connection:
        connection.execute(
            insert(tables.item), {"connection": "erp", "sku": "A-LAMP", "target_sku": "LAMP", "active": True, "checked_at": clock.now()}
        )
        stock.keep(connection, FLOW, [reading("DESK", 5, 0), reading("LAMP", 5, 0)], due=True)
        stock.learn_aliases(connection, FLOW, "erp")

    def read_anew() -> None:
        with write(engine) as connection:
            stock.keep(connection, FLOW, [reading("DESK", 7, 1), reading("LAMP", 7, 1)], due=True)

    with ThreadPoolExecutor(1) as pool:
        with write(engine) as connection:
            stock.call_for(connection, FLOW, [moved("A-LAMP")])
            other = pool.submit(read_anew)
            wait_for(lambda: waits(engine), "the reading did not begin")
            stock.call_for(connection, FLOW, [moved("LAMP")])
            stock.mark_due(connection, FLOW, ["DESK", "LAMP"])
        other.result(30)
    assert available(engine) == {"DESK": 7, "LAMP": 7, "A-LAMP": 7}


def test_a_process_that_stands_still_amid_a_transaction_does_not_hold_up_the_others(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not database_url.startswith("postgresql"):
        return  # SQLite has no server that could take the lock away; a file is for one machine, and who dies there lets go of it
    monkeypatch.setattr(database, "IDLE_SECONDS", 1)
    engine = database.open_engine(database_url)
    upgrade(engine)
    with write(engine) as connection:
        stock.keep(connection, FLOW, [reading("LAMP", 5, 0)], due=True)
    stopped = engine.connect()
    stock.mark_due(stopped, FLOW, ["LAMP"])  # and no more: it neither commits nor goes
    with write(engine) as connection:
        stock.keep(connection, FLOW, [reading("LAMP", 7, 1)], due=True)
    assert available(engine) == {"LAMP": 7}
    with pytest.raises(OperationalError):
        stopped.execute(select(tables.stock))
    stopped.invalidate()
    engine.dispose()


def test_two_that_ask_for_the_same_item_both_learn_it(engine: Engine) -> None:
    together = Barrier(2)

    def asked(sku: str) -> Item:
        together.wait(10)
        return Item(sku, active=True)

    house: Any = SimpleNamespace(engine=engine)
    journey: Any = SimpleNamespace(
        flow=SimpleNamespace(target="erp"),
        target=SimpleNamespace(item=asked),
        items={},
        target_budget=SimpleNamespace(expecting=lambda _: nullcontext()),
    )
    with ThreadPoolExecutor(2) as pool:
        for sku in [f"LAMP-{number}" for number in range(20)]:
            both = [pool.submit(known_items, house, journey, [sku]) for _ in range(2)]
            assert [one.result(30) for one in both] == [{sku: Item(sku, active=True)}] * 2
