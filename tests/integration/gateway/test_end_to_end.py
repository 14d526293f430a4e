"""From an order on the channel to its booking, by webhooks alone: the simulators deliver, a gateway takes, real workers do the rest.

Polls come so rarely that they cannot be what brings the orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from commands.cli import cli
from tests.fixtures.gateway import Gateway, serving
from tests.fixtures.line import Service, assert_booked_once, booked, configure, drain, key, open_line, place, wait_until_through
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import Simulators


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, database_url: str, redis_url: str) -> None:
    configure(monkeypatch, tmp_path, simulators, database_url, redis_url)
    file = tmp_path / "integration.toml"
    file.write_text(file.read_text().replace('every = "500ms"', 'every = "10m"'))


@pytest.fixture
def first(configured: None, simulators: Simulators) -> list[dict[str, Any]]:
    """An order that was read before anything else, so that the cursor stands."""
    placed = place(simulators, 1)
    with open_line() as house:
        drain(house)
    return placed


@pytest.fixture
def service(first: list[dict[str, Any]], tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path) as made:
        made.worker()
        yield made


def register(gateway: Gateway) -> None:
    done = CliRunner().invoke(cli, ["webhooks", "register", "ca", "--url", gateway.url], prog_name="integration")
    assert done.exit_code == 0, done.output


def test_orders_are_booked_once_though_webhooks_come_twice_and_in_any_order(
    service: Service, first: list[dict[str, Any]], simulators: Simulators, tmp_path: Path
) -> None:
    with serving(tmp_path) as gateway:
        register(gateway)
        placed = first + place(simulators, 1, first=1)
        wait_for(lambda: key(placed[1]) in booked(simulators), "without beat, no webhook brought the order")
        service.beat()
        simulators.channeladvisor.faults({"duplicate-webhooks": {"rate": 0.5}, "out-of-order-webhooks": {"rate": 0.5, "delay": 0.7}})
        for number in range(2, 12):
            placed += place(simulators, 1, first=number)
            simulators.channeladvisor.change(key(placed[-1]), OrderStatus="Pending")
        wait_until_through(simulators, placed)
        assert gateway.process.poll() is None
        assert "Traceback" not in gateway.log.read_text()


def test_what_comes_while_redis_is_away_from_the_gateway_is_taken_by_the_sweeper(
    monkeypatch: pytest.MonkeyPatch, service: Service, first: list[dict[str, Any]], simulators: Simulators, tmp_path: Path
) -> None:
    service.beat()
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    with serving(tmp_path) as gateway:
        register(gateway)
        placed = place(simulators, 3, first=1)
        wait_until_through(simulators, first + placed)
        assert "Redis does not answer" in gateway.log.read_text()
    assert_booked_once(simulators, first + placed)
