"""Access tokens: got once, kept in memory, renewed in time, and renewed once after a 401."""

from __future__ import annotations

import base64
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import responses
from freezegun import freeze_time

from connectors import registry
from connectors.rest.auth import Tokens
from integration.errors import Misconfigured, Transient, Unauthorized
from integration.ports import PageRequest
from integration.settings.model import Connection
from tests.fixtures.connections import CountingBudget, connection

ORDERS = "https://channeladvisor.example/v2/orders"
DENIED = {"error": {"code": "", "message": "Authorization was denied."}}


def read(channel) -> None:
    channel.connection.fetch_page("order", PageRequest())


def used(channel) -> list[str]:
    return [str(call.request.headers["Authorization"]) for call in channel.calls("/v2")]


def test_a_refresh_token_is_exchanged_with_basic_credentials(channeladvisor):
    channeladvisor.server.get(ORDERS, json={"value": []})
    read(channeladvisor)
    request = channeladvisor.calls("/oauth2/token")[0].request
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"demo-application:demo-shared-secret").decode()
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.body == b"grant_type=refresh_token&refresh_token=demo-refresh-token"


def test_client_credentials_are_exchanged_with_basic_credentials(tims):
    tims.server.get("https://tims.example/api/v1/sales-orders", json={"items": [], "next": None})
    read(tims)
    request = tims.calls("/oauth2/token")[0].request
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"demo-client:demo-client-secret").decode()
    assert request.body == b"grant_type=client_credentials"


def test_a_token_serves_until_shortly_before_it_expires_and_costs_no_turn_of_the_budget(channeladvisor):
    channeladvisor.server.get(ORDERS, json={"value": []})
    with freeze_time("2026-03-02T14:00:00Z") as clock:
        read(channeladvisor)
        clock.tick(3569)
        read(channeladvisor)
        assert len(channeladvisor.calls("/oauth2")) == 1
        clock.tick(2)
        read(channeladvisor)
    assert len(channeladvisor.calls("/oauth2")) == 2
    assert channeladvisor.budget.turns == 3


@pytest.mark.parametrize(("status", "body"), [(401, DENIED), (401, "<html>"), (200, DENIED)])
def test_a_denial_renews_the_token_once(channeladvisor, status, body):
    channeladvisor.grants("token-2")
    denial = {"json": body} if isinstance(body, dict) else {"body": body}
    channeladvisor.server.get(ORDERS, status=status, **denial)
    channeladvisor.server.get(ORDERS, json={"value": []})
    read(channeladvisor)
    assert used(channeladvisor) == ["Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize("status", [200, 401])
def test_a_second_denial_stops(channeladvisor, status):
    channeladvisor.grants("token-2")
    channeladvisor.server.get(ORDERS, status=status, json=DENIED)
    with pytest.raises(Unauthorized, match=r"Authorization was denied.*refresh_token <env:REFRESH_TOKEN>"):
        read(channeladvisor)
    assert used(channeladvisor) == ["Bearer token-1", "Bearer token-2"]


def test_a_denied_write_is_sent_again_since_nothing_was_changed(tims):
    tims.grants("token-2")
    orders = "https://tims.example/api/v1/sales-orders"
    tims.server.post(orders, status=401, json={"code": "unauthorized", "message": "Token expired."})
    tims.server.post(orders, status=201, json={"SalesOrderID": "SO-1", "Version": 1})
    assert tims.connection.create("order", {}).key == "SO-1"
    assert tims.budget.turns == 2


def test_bad_credentials_are_named_and_not_shown(server):
    server.post(
        "https://channeladvisor.example/oauth2/token",
        status=400,
        json={"error": "invalid_grant", "error_description": "demo-refresh-token"},
    )
    link = registry.connect(connection("channeladvisor", "https://channeladvisor.example"), CountingBudget())
    with pytest.raises(Unauthorized) as refusal:
        link.fetch_page("order", PageRequest())
    assert str(refusal.value) == (
        "channeladvisor: no access token was given (400); check the credentials "
        "application_id <env:APPLICATION_ID>, shared_secret <env:SHARED_SECRET>, refresh_token <env:REFRESH_TOKEN>"
    )


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 500, "body": "<html>"},
        {"status": 429, "headers": {"Retry-After": "9"}},
        {"status": 200, "body": "<html>"},
        {"status": 200, "json": []},
        {"status": 200, "json": {"access_token": "", "expires_in": 3600}},
        {"status": 200, "json": {"access_token": "a\nb", "expires_in": 3600}},
        {"status": 200, "json": {"access_token": "a", "expires_in": "soon"}},
        {"status": 200, "json": {"access_token": "a", "expires_in": 0}},
        {"body": requests.ReadTimeout()},
    ],
)
def test_a_write_that_got_no_token_was_never_sent(server, answer):
    server.add(responses.POST, "https://tims.example/oauth2/token", **answer)
    link = registry.connect(connection("tims", "https://tims.example"), CountingBudget())
    with pytest.raises(Transient) as fault:
        link.create("order", {})
    assert type(fault.value) is Transient


def test_a_missing_credential_is_refused_before_anything_is_sent():
    full = connection("tims", "https://tims.example")
    bare = Connection("erp", "tims", full.url, {"client_id": full.credentials["client_id"]})
    with pytest.raises(Misconfigured, match="connection erp, credentials: TIMS needs the credential 'client_secret'"):
        registry.connect(bare, CountingBudget())


def test_many_threads_that_meet_a_401_renew_once():
    granted: list[str] = []
    asking = threading.Semaphore(0)

    def fetch(_seconds: float) -> tuple[str, float]:
        for _ in range(8 if granted else 0):  # the renewal ends when all others ask for one, too
            assert asking.acquire(timeout=10)
        granted.append(f"token-{len(granted) + 1}")
        return granted[-1], 3600.0

    tokens = Tokens(fetch)
    assert tokens.current(30) == "token-1"

    def renew() -> str:
        asking.release()
        return tokens.current(30, rejected="token-1")

    with ThreadPoolExecutor(8) as pool:
        assert {future.result() for future in [pool.submit(renew) for _ in range(8)]} == {"token-2"}
    assert granted == ["token-1", "token-2"]


def test_a_thread_does_not_wait_longer_for_anothers_renewal_than_it_has():
    renewing, answered = threading.Event(), threading.Event()

    def fetch(_seconds: float) -> tuple[str, float]:
        renewing.set()
        assert answered.wait(10)
        return "token-1", 3600.0

    tokens = Tokens(fetch)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(tokens.current, 30)
        assert renewing.wait(10)
        with pytest.raises(Transient, match="no access token came in time"):
            tokens.current(0.01)
        answered.set()
        assert first.result() == tokens.current(0.01) == "token-1"
