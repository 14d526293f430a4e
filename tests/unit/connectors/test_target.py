"""Writing: look-ups, creates, updates and items, and what their answers mean."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
import requests
import responses
from freezegun import freeze_time
from responses import matchers

from integration.errors import (
    Conflict,
    Invalid,
    Limited,
    Misconfigured,
    NoAnswer,
    Refused,
    SyncError,
    Transient,
    Unauthorized,
    VersionConflict,
    Waiting,
)
from integration.ports import Item, Remote

API = "https://tims.example/api/v1"
SENT = {"ExternalOrderID": "5000123456", "ShippingAddress": {"Name": "Ana Ruiz"}}
STORED = {"SalesOrderID": "SO-0001234", "ExternalOrderID": "5000123456", "Version": 1, "UpdatedAt": "2026-03-02T14:05:20Z", "New": "member"}


def create(tims) -> Remote:
    return tims.connection.create("order", SENT)


def test_a_record_is_created(tims):
    tims.server.post(f"{API}/sales-orders", status=201, json=STORED)
    assert create(tims) == Remote("SO-0001234", 1, STORED)
    request = tims.calls("/api/v1/sales-orders")[0].request
    assert json.loads(request.body) == SENT
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Authorization"] == "Bearer token-1"


def test_an_update_carries_the_version_last_read(tims):
    tims.server.put(f"{API}/sales-orders/SO-0001234", json={**STORED, "Version": 3})
    changed = tims.connection.update("order", "SO-0001234", {"OrderStatus": "Cancelled"}, 2)
    assert json.loads(tims.calls("/api/v1/sales-orders/")[0].request.body) == {"OrderStatus": "Cancelled", "Version": 2}
    assert changed.version == 3


def test_a_version_conflict_gives_the_record_as_it_is_now(tims):
    current = {"SalesOrderID": "SO-0001234", "Version": 3}
    tims.server.put(
        f"{API}/sales-orders/SO-0001234", status=409, json={"code": "version_conflict", "message": "Version is 3.", "current": current}
    )
    with pytest.raises(VersionConflict) as conflict:
        tims.connection.update("order", "SO-0001234", {"OrderStatus": "Cancelled"}, 2)
    assert conflict.value.current == current
    assert tims.connection.remote("order", conflict.value.current) == Remote("SO-0001234", 3, current)
    with pytest.raises(Transient):
        tims.connection.remote("order", {})


def test_an_update_of_what_is_not_there_is_refused(tims):
    tims.server.put(f"{API}/sales-orders/SO-9", status=404, json={"code": "not_found", "message": "Sales order SO-9 does not exist."})
    with pytest.raises(Refused, match="404 not_found: Sales order SO-9 does not exist"):
        tims.connection.update("order", "SO-9", {"OrderStatus": "Cancelled"}, 2)


def test_a_refusal_names_each_field_and_hides_the_person(tims):
    errors = [
        {"field": "LineItems[0].SKU", "code": "unknown_sku", "message": "No item lamp-001."},
        {"field": "ShippingAddress.Name", "code": "invalid_format", "message": "Ana Ruiz <ana@buyer.example> is no name, call 555-0100."},
    ]
    tims.server.post(
        f"{API}/sales-orders", status=422, json={"code": "validation_failed", "message": "2 faults for ANA RUIZ.", "errors": errors}
    )
    with pytest.raises(Refused) as refusal:
        create(tims)
    assert str(refusal.value) == "tims: order.create was answered 422 validation_failed: 2 faults for …."
    assert [str(field) for field in refusal.value.fields] == [
        "LineItems[0].SKU: unknown_sku: No item lamp-001.",
        "ShippingAddress.Name: invalid_format: … <…> is no name, call ….",
    ]


@pytest.mark.parametrize(
    ("status", "headers", "read", "write"),
    [
        (302, {"Location": "https://elsewhere.example"}, Refused, Refused),
        (400, {}, Refused, Refused),
        (403, {}, Unauthorized, Unauthorized),
        (408, {}, Transient, NoAnswer),
        (409, {}, Refused, Refused),
        (413, {}, Refused, Refused),
        (423, {"Retry-After": "7"}, Waiting, Limited),
        (500, {}, Transient, NoAnswer),
        (503, {"Retry-After": "7"}, Transient, NoAnswer),
        (200, {}, Transient, NoAnswer),
    ],
)
def test_an_answer_means_the_same_everywhere(tims, status, headers, read, write):
    page = "<html><h1>An error page</h1></html>"
    tims.server.add(responses.GET, f"{API}/customers", status=status, headers=headers, body=page)
    tims.server.add(responses.POST, f"{API}/sales-orders", status=status, headers=headers, body=page)
    with pytest.raises(SyncError) as reading:
        tims.connection.find("customer", "ana@buyer.example")
    with pytest.raises(SyncError) as writing:
        create(tims)
    assert (type(reading.value), type(writing.value)) == (read, write)
    if headers.get("Retry-After"):
        assert reading.value.retry_after == writing.value.retry_after == 7
    assert len(tims.calls("/api/v1/sales-orders")) == 1


@pytest.mark.parametrize("body", ["", "[]", "null", '{"SalesOrderID": null}', '{"SalesOrderID": "SO-', "\xff"])
def test_a_create_whose_answer_cannot_be_read_may_have_been_done(tims, body):
    tims.server.post(f"{API}/sales-orders", status=201, body=body.encode("latin-1"))
    with pytest.raises(NoAnswer):
        create(tims)


def test_a_read_gets_over_a_hiccup_and_takes_a_turn_each_time(tims):
    tims.server.get(f"{API}/sales-orders/SO-1", status=502, body="<html>")
    tims.server.get(f"{API}/sales-orders/SO-1", json={**STORED, "SalesOrderID": "SO-1"})
    assert tims.connection.get("order", "SO-1").key == "SO-1"
    assert tims.budget.turns == 2


def test_a_read_is_not_tried_for_ever(tims):
    tims.server.get(f"{API}/sales-orders/SO-1", status=502, body="<html>")
    with pytest.raises(Transient):
        tims.connection.get("order", "SO-1")
    assert tims.budget.turns == 3


def test_a_read_that_is_told_when_to_come_back_is_not_tried_before(tims):
    tims.server.get(f"{API}/sales-orders/SO-1", status=503, headers={"Retry-After": "9"})
    with pytest.raises(Transient):
        tims.connection.get("order", "SO-1")
    assert tims.budget.turns == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("Mon, 02 Mar 2026 14:00:20 GMT", 20),
        ("soon", 30),
        ("", 30),
        ("Mon, 02 Mar 2020 14:00:00 GMT", 0),
        ("99999999", 3600),
        ("²", 30),
    ],
)
def test_a_429_pauses_the_connection_for_everybody(tims, header, seconds):
    tims.server.post(
        f"{API}/sales-orders", status=429, headers={"Retry-After": header} if header else {}, json={"code": "rate_limited", "message": ""}
    )
    with freeze_time("2026-03-02T14:00:00Z"), pytest.raises(Limited) as limited:
        create(tims)
    assert limited.value.retry_after == seconds
    assert tims.budget.pauses == [seconds]


def test_whoever_asks_for_a_pause_gets_it_from_everybody(tims):
    tims.server.post(f"{API}/sales-orders", status=503, headers={"Retry-After": "9"}, json={"code": "unavailable", "message": ""})
    with pytest.raises(Transient):
        create(tims)
    assert tims.budget.pauses == [9]


def test_a_lock_is_a_wait_for_what_is_locked_alone(tims):
    tims.server.put(f"{API}/sales-orders/SO-1", status=423, headers={"Retry-After": "9"}, json={"code": "locked", "message": ""})
    with pytest.raises(Waiting) as waiting:
        tims.connection.update("order", "SO-1", {"Notes": "x"}, 1)
    assert waiting.value.retry_after == 9
    assert tims.budget.pauses == []


def test_customers_are_found_in_any_letter_case_and_on_every_page(tims):
    def customer(key: str, email: Any) -> dict[str, Any]:
        return {"CustomerID": key, "Email": email, "Version": 4}

    first = {"items": [customer("C-000001", "ANA@buyer.example"), customer("C-000002", "bo@buyer.example")], "next": "more"}
    second = {"items": [customer("C-000003", "ana@Buyer.Example"), customer("C-000004", "ana@buyer.example.org")], "next": None}
    tims.server.get(f"{API}/customers", json=first, match=[matchers.query_param_matcher({"email": "ana@buyer.example", "limit": "200"})])
    tims.server.get(f"{API}/customers", json=second, match=[matchers.query_param_matcher({"cursor": "more", "limit": "200"})])
    assert [(found.key, found.version) for found in tims.connection.find("customer", "ana@buyer.example")] == [
        ("C-000001", 4),
        ("C-000003", 4),
    ]


def test_a_search_is_believed_where_the_answer_leaves_the_member_out(tims):
    """Any member outside `required` may be null or absent (nulls-in-optional-fields); a customer must not be made anew for that."""
    found = [{"CustomerID": "C-000001", "Email": None}, {"CustomerID": "C-000002"}]
    query = matchers.query_param_matcher({"email": "ana+x@buyer.example", "limit": "200"})
    tims.server.get(f"{API}/customers", json={"items": found, "next": None}, match=[query])
    assert [customer.key for customer in tims.connection.find("customer", "ana+x@buyer.example")] == ["C-000001", "C-000002"]


def test_an_order_is_found_by_its_exact_number(tims):
    tims.server.get(f"{API}/sales-orders", json={"items": [STORED, {**STORED, "ExternalOrderID": "50001234567"}], "next": None})
    assert [found.key for found in tims.connection.find("order", "5000123456")] == ["SO-0001234"]


def not_found(tims, path: str, status: int = 404) -> None:
    tims.server.get(f"{API}{path}", status=status, json={"code": "not_found", "message": ""})


def item(sku: str, status: str = "Active", *aliases: str) -> dict[str, Any]:
    return {"SKU": sku, "Status": status, "Aliases": list(aliases)}


def test_an_item_is_found_by_its_code(tims):
    tims.server.get(f"{API}/items/A%2FB%20%C3%BC%3F", json=item("A/B ü?"))
    tims.server.get(f"{API}/items/OLD", json=item("OLD", "Discontinued"))
    assert tims.connection.item("A/B ü?") == Item("A/B ü?", active=True)
    assert tims.connection.item("OLD") == Item("OLD", active=False)


def test_dots_do_not_climb_the_path(tims):
    tims.server.get(f"{API}/items/%2E%2E", json=item(".."))
    assert tims.connection.item("..") == Item("..", active=True)


@pytest.mark.parametrize(
    ("owners", "found"),
    [
        ([item("LAMP-001", "Active", "AMZ-1")], Item("LAMP-001", active=True)),
        ([item("LAMP-001", "Active", "AMZ-1"), item("LAMP-000", "Inactive", "AMZ-1")], Item("LAMP-001", active=True)),
        ([item("LAMP-001", "Active", "AMZ-1"), item("LAMP-002", "Active", "AMZ-1")], None),
        ([item("LAMP-001", "Inactive", "AMZ-1")], None),
        ([item("LAMP-001", "Active", "AMZ-10")], None),
        ([], None),
    ],
)
def test_an_alias_counts_where_it_has_exactly_one_active_owner(tims, owners, found):
    not_found(tims, "/items/AMZ-1")
    tims.server.get(
        f"{API}/items", json={"items": owners, "next": None}, match=[matchers.query_param_matcher({"alias": "AMZ-1", "limit": "200"})]
    )
    assert tims.connection.item("AMZ-1") == found


@pytest.mark.parametrize(("code", "status"), [(" LAMP ", 400), ("L" * 51, 400), ("L" * 200, 422), ("", 400)])
def test_a_code_that_the_contract_does_not_allow_is_no_item(tims, code, status):
    not_found(tims, f"/items/{code.replace(' ', '%20')}", status)
    not_found(tims, "/items", status)
    assert tims.connection.item(code) is None


def test_decimals_are_read_and_sent_exactly(tims):
    tims.server.post(f"{API}/sales-orders", status=201, body='{"SalesOrderID": "SO-1", "Version": 1, "Weight": 0.10}')
    stored = tims.connection.create("order", {"Weight": Decimal("0.75"), "Big": Decimal("123456789.12")})
    assert tims.calls("/api/v1/sales-orders")[0].request.body == b'{"Weight":0.75,"Big":123456789.12}'
    assert str(stored.body["Weight"]) == "0.10"
    with pytest.raises(Invalid, match="more digits"):
        tims.connection.create("order", {"Weight": Decimal("0.12345678901234567890")})
    assert len(tims.calls("/api/v1/sales-orders")) == 1


def test_what_may_be_written_is_read_from_the_connector_file(tims, channeladvisor):
    orders, customers = tims.connection.writable("order"), tims.connection.writable("customer")
    assert (orders.find_by, orders.after_create["OrderStatus"], orders.own_values) == (
        "ExternalOrderID",
        "Open",
        {"OrderStatus": ("Allocated", "Fulfilled")},
    )
    assert "LineItems" in orders.fixed
    assert "ShippingAddress" in orders.update
    assert customers.find_by == "Email"
    with pytest.raises(Misconfigured, match="ChannelAdvisor cannot do that"):
        channeladvisor.connection.writable("order")


def test_no_error_says_what_was_searched_for(tims):
    tims.server.get(f"{API}/customers", body=requests.ConnectionError("https://tims.example/?email=ana@buyer.example"))
    with pytest.raises(Transient) as broken:
        tims.connection.find("customer", "ana@buyer.example")
    fault: BaseException | None = broken.value
    while fault is not None:
        assert "ana" not in str(fault)
        fault = fault.__cause__ or fault.__context__


def test_a_conflict_without_the_record_is_a_refusal(channeladvisor):
    orders = "https://channeladvisor.example/v2/orders/7"
    channeladvisor.server.put(orders, status=409, json={"error": {"code": "InvalidStatusTransition", "message": "Not from Shipped."}})
    with pytest.raises(Refused, match="409 InvalidStatusTransition: Not from Shipped") as refusal:
        channeladvisor.connection.update("order", "7", {"OrderStatus": "Pending"}, None)
    assert not isinstance(refusal.value, Conflict)
