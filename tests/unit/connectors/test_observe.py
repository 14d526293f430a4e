"""Each request is seen by logs and metrics, without what it was about."""

from __future__ import annotations

import pytest
import structlog

from connectors.rest import observe
from integration.errors import NoAnswer


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[observe.Exchange]:
    exchanges: list[observe.Exchange] = []
    monkeypatch.setattr(observe, "observers", [exchanges.append])
    return exchanges


def test_every_request_is_observed(tims, seen):
    tims.server.get("https://tims.example/api/v1/customers", json={"items": [], "next": None})
    tims.server.post("https://tims.example/api/v1/customers", status=500, body="<html>")
    tims.connection.find("customer", "ana@buyer.example")
    with pytest.raises(NoAnswer):
        tims.connection.create("customer", {"Name": "Ana Ruiz"})
    assert [(exchange.operation, exchange.method, exchange.status) for exchange in seen] == [
        ("token", "POST", 200),
        ("customer.find", "GET", 200),
        ("customer.create", "POST", 500),
    ]
    assert all(exchange.connection == "tims" and exchange.seconds >= 0 for exchange in seen)


def test_no_log_line_holds_an_address_a_body_or_a_token(tims):
    tims.server.get(
        "https://tims.example/api/v1/customers", json={"items": [{"CustomerID": "C-000001", "Email": "ana@buyer.example"}], "next": None}
    )
    with structlog.testing.capture_logs() as lines:
        tims.connection.find("customer", "ana@buyer.example")
    assert [line["operation"] for line in lines] == ["token", "customer.find"]
    for secret in ("ana", "token-1", "demo-client", "http:", "https:"):
        assert secret not in str(lines)
