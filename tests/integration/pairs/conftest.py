"""A house for any pair of systems, driven in this process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from integration.line.journey import House
from tests.fixtures.line import open_line
from tests.fixtures.pairs import HOUSE, Erp, InSage, InTims, OnChannelAdvisor, OnClarity, Shop, connection, flows
from tests.fixtures.simulators import Clarity, Sage100, Simulators

Configured = Callable[..., House]


@pytest.fixture
def shops(simulators: Simulators, clarity_simulator: Clarity) -> Mapping[str, Shop]:
    return {"channeladvisor": OnChannelAdvisor(simulators.channeladvisor), "clarity": OnClarity(clarity_simulator)}


@pytest.fixture
def erps(simulators: Simulators, sage100_simulator: Sage100) -> Mapping[str, Erp]:
    return {"tims": InTims(simulators.tims), "sage100": InSage(sage100_simulator)}


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_url: str) -> Iterator[Configured]:
    """Opens a house with these connections and this text of flows."""
    with contextlib.ExitStack() as stack:

        def open_(connections: Mapping[str, Shop | Erp], text: str) -> House:
            parts = [HOUSE, *(connection(name, side) for name, side in connections.items())]
            file = tmp_path / "integration.toml"
            file.write_text("\n".join(part for part, _ in parts) + text)
            environment = {name: value for _, some in parts for name, value in some.items()}
            for name, value in {**environment, "INTEGRATION_CONFIG": str(file), "DATABASE_URL": sqlite_url, "REDIS_URL": ""}.items():
                monkeypatch.setenv(name, value)
            return stack.enter_context(open_line())

        yield open_


@pytest.fixture
def paired(configured: Configured) -> Callable[..., House]:
    """A house with one pair, `more` in its flow of orders."""

    def open_(shop: Shop, erp: Erp, more: str = "") -> House:
        return configured({"shop": shop, "erp": erp}, flows("shop", "erp", orders=more))

    return open_
