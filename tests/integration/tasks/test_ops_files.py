"""The dashboard and the alert rules name only metrics that the endpoint has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML
from sqlalchemy import Table, insert

from commands.metrics_ledger import Ledger
from connectors.rest.observe import Exchange
from connectors.rest.tally import Tally
from integration import clock
from integration.ledger import alerts, batches, pulses, tables
from integration.ledger.alerts import Trouble
from integration.ledger.database import write
from integration.line.journey import House
from tests.fixtures.line import configure, open_line
from tests.fixtures.simulators import ROOT, ChannelAdvisor, Simulators, Tims

RULES = ROOT / "ops" / "prometheus" / "rules.yml"
DASHBOARD = ROOT / "ops" / "grafana" / "dashboards" / "integration.json"


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_url: str) -> Iterator[House]:
    configure(monkeypatch, tmp_path, Simulators(ChannelAdvisor("http://127.0.0.1:1"), Tims("http://127.0.0.1:1")), sqlite_url)
    with open_line() as made:
        yield made


def required(table: Table, moment: datetime) -> dict[str, Any]:
    """A value for each column that must have one."""
    wanted = {one.name: one.type.python_type for one in table.c if not one.nullable and one.name != "id"}
    return {name: kind() if kind in (str, int, bool) else moment for name, kind in wanted.items()}


def fill(house: House) -> None:
    """A little of everything that is counted."""
    moment = clock.now()
    old = moment - timedelta(seconds=100)
    tally = Tally(house.engine)
    for status, seconds in ((200, 0.02), (200, 0.3), (429, 0.01), (401, 0.01), (503, 70.0), (None, 3.0)):
        tally.count(Exchange("tims", "order.create", "POST", status, seconds))
    tally.count(Exchange("tims", "webhook", "POST", 202, 0.002))
    tally.write()
    pulses.leave(house.engine, ["beat", "load", "restarted worker-load"])
    alerts.keep(house.engine, [Trouble("outage", "tims", "tims: it does not answer", "Ask.", moment)], 60.0)
    with write(house.engine) as connection:
        _, batch_id = batches.start_run(connection, "orders", "tick", "live", {}, stage="transform", size=1)
        record: dict[str, Any] = {"batch_id": batch_id, "flow": "orders", "version": "1", "edited": False, "attempts": 0, "kills": 0}
        for number, state in enumerate(("extracted", "validated", "held")):
            connection.execute(insert(tables.record).values(**record, source_key=str(number), state=state, extracted_at=old))
        common = {"flow": "orders", "source_key": "2", "reason": "no", "fields": [], "state": "open", "created_at": moment}
        letter = {"batch_id": batch_id, "stage": "load", "kind": "refused", "cause": "refused: SKU"}
        connection.execute(insert(tables.dead_letter).values(**common, **letter))
        hold = {"record_id": 3, "kind": "credit", "awaits": "C-1", "since": old, "deadline": moment, "check_at": moment}
        connection.execute(insert(tables.hold).values(**common, **hold))
        connection.execute(insert(tables.cursor).values(flow="orders", tick=1, updated_at=old))
        connection.execute(insert(tables.stock).values(**required(tables.stock, old), due_at=old))
        connection.execute(insert(tables.hint).values(**required(tables.hint, old)))
    claimed = batches.claim(house.engine, batch_id, "transform")
    assert claimed
    with write(house.engine) as connection:
        batches.finish(connection, claimed, "validate", size=2)


@pytest.fixture
def page(house: House) -> str:
    fill(house)
    registry = CollectorRegistry()
    registry.register(Ledger(house.settings, house.engine))
    return generate_latest(registry).decode()


def expressions() -> list[str]:
    rules = [rule for group in YAML(typ="safe").load(RULES.read_text())["groups"] for rule in group["rules"]]
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [rule["expr"] for rule in rules] + [target["expr"] for panel in panels for target in panel["targets"]]


def test_every_metric_and_label_that_is_named_is_on_the_endpoint(page: str) -> None:
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    labels: dict[str, set[str]] = {}
    for sample in samples:
        labels.setdefault(sample.name, set()).update(sample.labels)
    named = [name for expression in expressions() for name in re.findall(r"\bintegration_\w+", expression)]
    assert len(set(named)) > 12
    assert set(named) <= labels.keys()
    for expression in expressions():
        wanted = {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(", ")}
        wanted |= set(re.findall(r"(\w+)[!=]~?\"", expression)) - {"job"}
        present = set().union(*(labels[name] for name in re.findall(r"\bintegration_\w+", expression)))
        assert wanted <= present, expression


def test_each_rule_says_what_and_what_to_do() -> None:
    for group in YAML(typ="safe").load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            assert {"alert", "expr", "for", "labels", "annotations"} <= rule.keys()
            assert {"summary", "action"} <= rule["annotations"].keys()


def test_calls_are_counted_by_outcome_and_duration(page: str) -> None:
    calls = 'connection="tims",operation="order.create",outcome='
    assert f'integration_api_seconds_count{{{calls}"2xx"}} 2.0' in page
    by_labels = {
        (sample.labels["outcome"], sample.labels["le"]): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == "integration_api_seconds_bucket"
    }
    assert (by_labels["2xx", "0.05"], by_labels["2xx", "0.25"], by_labels["2xx", "0.5"], by_labels["2xx", "+Inf"]) == (1, 1, 2, 2)
    assert (by_labels["5xx", "30.0"], by_labels["5xx", "+Inf"]) == (0, 1)
    assert {outcome for outcome, _ in by_labels} == {"2xx", "401", "429", "5xx", "no answer"}


def test_webhooks_that_came_are_counted_apart_from_our_own_calls(page: str) -> None:
    assert 'integration_webhooks_total{connection="tims",outcome="2xx"} 1.0' in page
    assert 'operation="webhook"' not in page


def test_what_is_on_hold_is_not_late(page: str) -> None:
    assert 'integration_holds{flow="orders",kind="credit"} 1.0' in page
    assert 'integration_stage_lag_seconds{flow="orders",stage="transform"}' in page
    assert 'stage="hold"' not in page
    assert 'integration_records_total{flow="orders",lane="live",stage="transform"} 2.0' in page
    assert 'part="restarted' not in page
