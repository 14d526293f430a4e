"""Lists of the simulators: sorted, filtered, and paged by position without a loss."""

from __future__ import annotations

import pytest

from connectors.simulation.instants import Clock, to_ms, to_text
from connectors.simulation.paging import VALID_SECONDS, PageTokens, Place
from connectors.simulation.records import Records, Slice


def place(channeladvisor, count):
    orders = [channeladvisor.example("createOrder", OrderID=str(number)) for number in range(count)]
    return [order["ChannelAdvisorOrderID"] for order in channeladvisor.world.place(orders)]


def test_next_link_carries_everything(channeladvisor):
    keys = place(channeladvisor, 5)
    channeladvisor.ok("exportOrder", keys[1])
    page = channeladvisor.ok("listOrders", pageSize=2, exported="false", updatedSince="2020-01-01T00:00:00Z")
    assert page["nextLink"].startswith(channeladvisor.url + "/v2/orders?pageToken=")
    rest = channeladvisor.session.get(page["nextLink"], timeout=10).json()
    assert [order["ChannelAdvisorOrderID"] for order in page["value"] + rest["value"]] == [keys[0], *keys[2:]]
    assert "nextLink" not in rest


def test_with_a_token_only_the_size_may_be_sent(channeladvisor, tims):
    place(channeladvisor, 3)
    page = channeladvisor.ok("listOrders", pageSize=1)
    assert channeladvisor.session.get(page["nextLink"] + "&exported=false", timeout=10).status_code == 400
    nonsense = channeladvisor.call("listOrders", pageToken="nonsense")
    assert (nonsense.status_code, nonsense.json()["error"]["code"]) == (400, "InvalidPageToken")
    token = page["nextLink"].partition("pageToken=")[2].partition("&")[0]
    assert channeladvisor.call("listInventory", pageToken=token).status_code == 400, "a token is for its own list"
    cursor = tims.ok("listItems", limit=5)["next"]
    assert tims.call("listItems", cursor=cursor, alias="x").status_code == 400
    assert len(tims.ok("listItems", cursor=cursor, limit=200)["items"]) == 15
    assert tims.ok("listItems", cursor=cursor, limit=200)["next"] is None


def test_a_changed_record_moves_to_the_end(channeladvisor):
    keys = place(channeladvisor, 4)
    first = channeladvisor.ok("listOrders", pageSize=2)
    channeladvisor.world.change(keys[0], SellerOrderID="x")
    channeladvisor.world.change(keys[2], SellerOrderID="x")
    rest = channeladvisor.session.get(first["nextLink"].replace("pageSize=2", "pageSize=9"), timeout=10).json()
    assert [order["ChannelAdvisorOrderID"] for order in rest["value"]] == [keys[3], keys[0], keys[2]]


def test_a_token_lives_for_an_hour():
    now = [0.0]
    tokens = PageTokens(clock=lambda: now[0])
    token = tokens.issue(Place("list", {}, (1, "a")))
    now[0] = VALID_SECONDS - 0.1
    assert tokens.place("list", token) is not None
    now[0] = float(VALID_SECONDS)
    assert tokens.place("list", token) is None
    tokens.issue(Place("list", {}, (1, "a")))
    assert len(tokens._places) == 1


class TestRecords:
    @pytest.fixture
    def records(self):
        return Records(Clock(), "ID", "At", {"colour": lambda record: record["Colours"]})

    def test_order_is_by_instant_then_key(self, records):
        for key, at in ((3, 10), (1, 10), (2, 5)):
            records.add({"ID": key, "Colours": []}, at)
        assert [record["ID"] for record in records.page(Slice(), 9)[0]] == [2, 1, 3]
        assert [record["ID"] for record in records.page(Slice(since=10), 9)[0]] == [1, 3]
        assert records.page(Slice(), 2) == ([records[2], records[1]], (10, 1))
        assert [record["ID"] for record in records.page(Slice(after=(10, 1)), 9)[0]] == [3]
        assert records.page(Slice(after=(10, 1)), 1)[1] is None

    def test_indexes_follow_changes(self, records):
        record = records.add({"ID": 1, "Colours": ["red"]})
        records.change(record, {"Colours": ["blue", "green"]})
        assert (records.find("colour", "red"), records.find("colour", "green")) == ([], [record])
        assert records.page(Slice(found=(("colour", "blue"),)), 9) == ([record], None)
        records.remove(1)
        assert records.find("colour", "blue") == []
        assert records.page(Slice(), 9) == ([], None)

    def test_a_change_always_moves_forward(self, records):
        record = records.add({"ID": 1, "Colours": []}, at=to_ms("2099-01-01T00:00:00Z"))
        records.change(record)
        assert record["At"] == "2099-01-01T00:00:00.001Z"


@pytest.mark.parametrize("text", ["2026-03-02T14:05:09.120Z", "1999-12-31T23:59:59.999Z"])
def test_instants(text):
    assert to_text(to_ms(text)) == text


def test_instants_with_fewer_digits_and_leap_seconds():
    assert to_text(to_ms("2026-03-02T14:05:09.1Z")) == "2026-03-02T14:05:09.100Z"
    assert to_text(to_ms("2016-12-31T23:59:60Z")) == "2017-01-01T00:00:00.000Z"
    with pytest.raises(ValueError, match="month"):
        to_ms("2026-13-01T00:00:00Z")
