"""A client of each simulated system, fresh for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.fixtures.simulators import Clarity, Sage100, Simulator, Simulators
from tests.integration.simulators.client import Client


def client(system: str, simulator: Simulator) -> Client:
    return Client(system, simulator.url, simulator, requests.Session())


@pytest.fixture
def channeladvisor(simulators: Simulators) -> Iterator[Client]:
    """Ends with a look at what the simulator itself found wrong with its answers."""
    yield client("channeladvisor", simulators.channeladvisor)
    assert simulators.channeladvisor.stats()["contract_errors"] == []


@pytest.fixture
def tims(simulators: Simulators) -> Iterator[Client]:
    yield client("tims", simulators.tims)
    assert simulators.tims.stats()["contract_errors"] == []


@pytest.fixture
def clarity(clarity_simulator: Clarity) -> Iterator[Client]:
    yield client("clarity", clarity_simulator)
    assert clarity_simulator.stats()["contract_errors"] == []


@pytest.fixture
def sage100(sage100_simulator: Sage100) -> Iterator[Client]:
    yield client("sage100", sage100_simulator)
    assert sage100_simulator.stats()["contract_errors"] == []


@pytest.fixture(params=["channeladvisor", "tims"])
def either(request: pytest.FixtureRequest) -> Client:
    found: Client = request.getfixturevalue(request.param)
    return found
