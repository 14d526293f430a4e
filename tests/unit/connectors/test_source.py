"""Reading: pages, cursors, versions, what cannot be read, and the mark of what was taken over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from integration.errors import Misconfigured, PageExpired, Refused, Transient
from integration.ports import PageRequest

ORDERS = "https://channeladvisor.example/v2/orders"


def order(key: Any = 5000123456, changed: Any = "2026-03-02T14:05:09.12Z", **members: Any) -> dict[str, Any]:
    return {"ChannelAdvisorOrderID": key, "UpdatedDate": changed, "OrderStatus": "New", **members}


def query(address: str | None) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(str(address)).query).items()}


def test_a_page_has_records_with_keys_and_versions_that_sort_as_text(channeladvisor):
    channeladvisor.server.get(ORDERS, json={"value": [order(changed="2026-03-02T14:05:09Z"), order(7, "2026-03-02T14:05:09.12Z")]})
    page = channeladvisor.connection.fetch_page("order", PageRequest())
    assert [(record.key, record.version) for record in page.records] == [
        ("5000123456", "2026-03-02T14:05:09.000Z"),
        ("7", "2026-03-02T14:05:09.120Z"),
    ]
    assert page.records[1].changed_at == datetime(2026, 3, 2, 14, 5, 9, 120000, UTC)
    assert page.records[0].body["OrderStatus"] == "New"
    assert page.next_token is None


def test_filters_are_sent_by_the_names_of_the_connector_file(channeladvisor):
    channeladvisor.server.get(ORDERS, json={"value": []})
    since = datetime(2026, 3, 2, 15, 5, 9, 123999, timezone(timedelta(hours=1)))
    window = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
    channeladvisor.connection.fetch_page("order", PageRequest(since=since, created=window, only_new=True, size=20))
    assert query(channeladvisor.calls("/v2/orders")[0].request.url) == {
        "updatedSince": "2026-03-02T14:05:09.123Z",
        "createdSince": "2026-03-01T00:00:00.000Z",
        "createdUntil": "2026-03-02T00:00:00.000Z",
        "exported": "false",
        "pageSize": "20",
    }


def test_a_page_is_never_larger_than_the_system_allows(channeladvisor):
    channeladvisor.server.get(ORDERS, json={"value": []})
    channeladvisor.connection.fetch_page("order", PageRequest(size=5000))
    assert query(channeladvisor.calls("/v2/orders")[0].request.url) == {"pageSize": "100"}


def test_a_next_link_is_followed_to_the_letter(channeladvisor):
    link = f"{ORDERS}?pageToken=a%2Fb%20c&odd=%7e"
    channeladvisor.server.get(ORDERS, json={"value": [order()], "nextLink": link})
    first = channeladvisor.connection.fetch_page("order", PageRequest())
    assert first.next_token == link
    channeladvisor.server.get(link, json={"value": []})
    assert channeladvisor.connection.fetch_page("order", PageRequest(token=link)).next_token is None
    assert channeladvisor.calls("/v2/orders")[1].request.url == link


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/v2/orders?pageToken=x",
        "http://channeladvisor.example/v2/orders?pageToken=x",
        "https://channeladvisor.example:8443/v2/orders?pageToken=x",
        "https://someone@channeladvisor.example/v2/orders?pageToken=x",
        "https://channeladvisor.example@elsewhere.example/v2/orders?pageToken=x",
        "//elsewhere.example/v2/orders?pageToken=x",
        "/v2/orders?pageToken=x",
    ],
)
def test_a_link_is_followed_on_our_own_server_alone(channeladvisor, link):
    """A server behind a proxy may not know its name; a token of ours goes to no other."""
    channeladvisor.server.get(ORDERS, json={"value": [order(7)]})
    page = channeladvisor.connection.fetch_page("order", PageRequest(token=link))
    assert [record.key for record in page.records] == ["7"]
    assert channeladvisor.calls("/v2/orders")[0].request.url == f"{ORDERS}?pageToken=x"


@pytest.mark.parametrize("link", ["https://[bad/v2/orders", "mailto:someone", "https://channeladvisor.example"])
def test_a_link_that_is_no_address_is_refused(channeladvisor, link):
    with pytest.raises(Refused, match="is no address"):
        channeladvisor.connection.fetch_page("order", PageRequest(token=link))
    assert len(channeladvisor.server.calls) == 0


def test_a_cursor_is_sent_alone_with_the_size(tims):
    orders = "https://tims.example/api/v1/sales-orders"
    tims.server.get(orders, json={"items": [], "next": "b2Zmc2V0"})
    since = datetime(2026, 3, 2, tzinfo=UTC)
    page = tims.connection.fetch_page("order", PageRequest(since=since))
    tims.connection.fetch_page("order", PageRequest(since=since, token="b2Zmc2V1"))
    assert page.next_token == "b2Zmc2V0"
    assert [query(call.request.url) for call in tims.calls("/api/v1/sales-orders")] == [
        {"changedSince": "2026-03-02T00:00:00.000Z", "limit": "200"},
        {"cursor": "b2Zmc2V1", "limit": "200"},
    ]


def test_a_page_that_leads_to_itself_is_refused(tims):
    tims.server.get("https://tims.example/api/v1/sales-orders", json={"items": [], "next": "same"})
    with pytest.raises(Refused, match="this page again"):
        tims.connection.fetch_page("order", PageRequest(token="same"))


def test_an_expired_page_token_has_an_error_of_its_own(channeladvisor):
    channeladvisor.server.get(ORDERS, status=400, json={"error": {"code": "InvalidPageToken", "message": "Too old."}})
    with pytest.raises(PageExpired):
        channeladvisor.connection.fetch_page("order", PageRequest(token=f"{ORDERS}?pageToken=x"))
    with pytest.raises(Refused) as refusal:
        channeladvisor.connection.fetch_page("order", PageRequest())
    assert not isinstance(refusal.value, PageExpired)


@pytest.mark.parametrize(
    "broken",
    [
        order(key=None),
        order(key=""),
        order(key=True),
        order(key=1.5),
        order(changed=None),
        order(changed="yesterday"),
        order(changed="2026-03-02T14:05:09"),
        order(changed=1772460309),
        "no object",
        None,
    ],
)
def test_a_record_without_usable_key_or_version_is_set_aside_as_it_came(channeladvisor, broken):
    channeladvisor.server.get(ORDERS, json={"value": [broken, order(7)]})
    page = channeladvisor.connection.fetch_page("order", PageRequest())
    assert [record.key for record in page.records] == ["7"]
    assert len(page.unreadable) == 1


@pytest.mark.parametrize(
    "body", ["[]", '{"value": {}}', '{"nope": []}', "<html>", '{"value": [', '{"value": [], "nextLink": 5}', '{"value": NaN}', ""]
)
def test_what_is_no_page_is_read_again(channeladvisor, body):
    channeladvisor.server.get(ORDERS, body=body)
    with pytest.raises(Transient):
        channeladvisor.connection.fetch_page("order", PageRequest())


def test_one_record_is_fetched_by_key_or_is_not_there(channeladvisor):
    channeladvisor.server.get(f"{ORDERS}/7", json=order(7))
    channeladvisor.server.get(f"{ORDERS}/8", status=404, json={"error": {"code": "NotFound", "message": "Order 8 does not exist."}})
    assert channeladvisor.connection.fetch_one("order", "7").version == "2026-03-02T14:05:09.120Z"
    assert channeladvisor.connection.fetch_one("order", "8") is None


@pytest.mark.parametrize("body", ["<html>nginx</html>", '{"detail": "Not Found"}', ""])
def test_a_404_of_a_proxy_is_not_taken_for_no_such_record(channeladvisor, body):
    channeladvisor.server.get(f"{ORDERS}/7", status=404, body=body)
    with pytest.raises(Transient, match="base path"):
        channeladvisor.connection.fetch_one("order", "7")


def test_a_record_is_acknowledged_and_acknowledging_needs_no_body(channeladvisor):
    channeladvisor.server.post(f"{ORDERS}/7/export", status=204)
    channeladvisor.connection.acknowledge("order", "7")
    request = channeladvisor.calls("/v2/orders/7/export")[0].request
    assert (request.body, request.headers["Content-Length"]) == (None, "0")


def test_a_system_without_such_a_mark_is_asked_for_nothing(tims):
    tims.connection.acknowledge("order", "SO-0000001")
    assert len(tims.server.calls) == 0


def test_a_filter_that_the_system_lacks_is_named(tims):
    with pytest.raises(Misconfigured, match=r"'order'.*listing\.created_from"):
        tims.connection.fetch_page("order", PageRequest(created=(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))))
    with pytest.raises(Misconfigured, match="no entity 'ordre'"):
        tims.connection.fetch_page("ordre", PageRequest())
