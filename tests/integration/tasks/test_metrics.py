"""`integration metrics` tells Prometheus what the ledger holds now, reading only what is open."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import event, insert

from integration import clock
from integration.ledger import batches, tables
from integration.ledger.budgets import moment_of
from integration.ledger.counts import count
from integration.ledger.database import write
from integration.line.journey import House
from tests.fixtures.line import configure, open_line
from tests.fixtures.processes import running, wait_for
from tests.fixtures.simulators import ROOT, ChannelAdvisor, Simulators, Tims


@pytest.fixture
def nowhere() -> Simulators:
    return Simulators(ChannelAdvisor("http://127.0.0.1:1"), Tims("http://127.0.0.1:1"))


def fill(house: House) -> None:
    """Three records of which one is done and one waits, a batch at load, a dead letter, a tick and a used budget."""
    moment = clock.now()
    old = moment - timedelta(seconds=100)
    with write(house.engine) as connection:
        _, batch = batches.start_run(connection, "orders", "tick", "live", {}, stage="load", size=3)
        record = {"batch_id": batch, "flow": "orders", "version": "1", "edited": False, "attempts": 0, "kills": 0}
        states = [("done", old, moment, None), ("validated", old, None, moment + timedelta(hours=1)), ("extracted", moment, None, None)]
        for number, (state, extracted_at, finished_at, due_at) in enumerate(states):
            row = {"source_key": str(number), "state": state, "extracted_at": extracted_at, "finished_at": finished_at, "due_at": due_at}
            connection.execute(insert(tables.record).values(**record, **row))
        letter = {"flow": "orders", "batch_id": batch, "source_key": "9", "stage": "load", "kind": "refused", "cause": "refused: SKU"}
        told = {"reason": "no", "fields": [], "created_at": moment}
        for state in ("open", "open", "dismissed"):
            connection.execute(insert(tables.dead_letter).values(**letter, **told, state=state))
        connection.execute(insert(tables.cursor).values(flow="orders", tick=1, updated_at=old))
        connection.execute(insert(tables.budget_grant).values(connection="tims", granted_at=moment_of(connection), requests=60))


def test_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nowhere: Simulators, database_url: str) -> None:
    configure(monkeypatch, tmp_path, nowhere, database_url)
    with open_line() as house:
        fill(house)
        counts = count(house.engine)
    assert counts.dead_letters == {("orders", "refused: SKU"): 2}
    assert counts.waiting == {"orders": 1}
    assert counts.lag["orders"] == pytest.approx(100, abs=5)
    assert counts.cursor_age["orders"] == pytest.approx(100, abs=5)
    assert counts.batches_due == {"load": 1}


def test_no_scrape_reads_what_is_done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nowhere: Simulators, sqlite_url: str) -> None:
    configure(monkeypatch, tmp_path, nowhere, sqlite_url)
    asked: list[tuple[str, object]] = []
    with open_line() as house:
        event.listen(house.engine, "before_cursor_execute", lambda _c, _k, statement, values, *_: asked.append((statement, values)))
        count(house.engine)
        plans = [
            str(row[3])
            for statement, values in asked
            if statement.startswith("SELECT")
            for row in house.engine.raw_connection().execute(f"EXPLAIN QUERY PLAN {statement}", values)  # type: ignore[attr-defined]
        ]
    whole = [plan for plan in plans if re.match(r"SCAN (record|batch|dead_letter)\b(?! USING INDEX ix_)", plan)]
    assert any("ix_record_unfinished" in plan for plan in plans)
    assert not whole


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nowhere: Simulators, database_url: str) -> Callable[[], str]:
    configure(monkeypatch, tmp_path, nowhere, database_url)
    return (tmp_path / "metrics.log").read_text


def test_prometheus_gets_all_of_it(served: Callable[[], str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "commands", "metrics", "--port", "0"]
    with open_line() as house:
        fill(house)
        with running(command, tmp_path / "metrics.log", env=os.environ, cwd=ROOT):
            (url,) = wait_for(lambda: re.findall(r"(http://127\.0\.0\.1:\d+)/metrics", served()))
            page = requests.get(f"{url}/metrics", timeout=10).text
            health = requests.get(f"{url}/healthz", timeout=10)
            nothing = requests.get(f"{url}/", timeout=10)
    assert 'integration_dead_letters{cause="refused: SKU",flow="orders"} 2.0' in page
    assert 'integration_waiting{flow="orders"} 1.0' in page
    assert float(re.findall(r'integration_lag_seconds\{flow="orders"\} (\S+)', page)[0]) >= 100
    assert 'integration_batches_due{stage="load"} 1.0' in page
    assert 'integration_budget_used_ratio{connection="tims"} 0.1' in page
    assert 'integration_budget_used_ratio{connection="ca"} 0.0' in page
    assert (health.status_code, nothing.status_code) == (200, 404)
