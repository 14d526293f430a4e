"""Connections to servers that `responses` plays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import responses

from connectors import registry
from connectors.rest import RestConnection
from tests.fixtures.connections import CountingBudget, connection


class Channel:
    """A connection to https://<system>.example, its budget, and the server that plays its part."""

    def __init__(self, server: responses.RequestsMock, system: str, overrides: Mapping[str, Any] | None = None) -> None:
        self.url = f"https://{system}.example"
        self.server = server
        self.budget = CountingBudget()
        self.connection: RestConnection = registry.connect(connection(system, self.url, overrides), self.budget)

    def grants(self, token: str, expires_in: Any = 3600) -> None:
        """The next token call is answered with this token; the last one given goes on to be answered."""
        self.server.post(f"{self.url}/oauth2/token", json={"access_token": token, "token_type": "bearer", "expires_in": expires_in})

    def calls(self, path: str) -> list[responses.Call]:
        return [call for call in self.server.calls if str(call.request.url).startswith(self.url + path)]


@pytest.fixture
def server() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def tims(server: responses.RequestsMock) -> Channel:
    channel = Channel(server, "tims")
    channel.grants("token-1")
    return channel


@pytest.fixture
def channeladvisor(server: responses.RequestsMock) -> Channel:
    channel = Channel(server, "channeladvisor")
    channel.grants("token-1")
    return channel


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow at once."""
    monkeypatch.setattr("time.sleep", lambda _: None)
