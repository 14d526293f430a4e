"""Each fault switch does what it says, and nothing when it is off."""

from __future__ import annotations

import time

import pytest
import requests

from connectors.simulation.faults import Faults
from tests.fixtures.processes import wait_for

CREATE = {"channeladvisor": "createOrder", "tims": "createCustomer"}
LIST = {"channeladvisor": "listOrders", "tims": "listCustomers"}


def create(either, **changes):
    return either.call(CREATE[either.system], body=either.example(CREATE[either.system], **changes))


def stored(either):
    return len(either.world.state()["orders" if either.system == "channeladvisor" else "customers"])


def records(either, **query):
    page = either.ok(LIST[either.system], **query)
    return page["value"] if either.system == "channeladvisor" else page["items"]


def pages(either, size):
    """Every page of the list, by following it as a client does."""
    size_name, since_name = ("pageSize", "updatedSince") if either.system == "channeladvisor" else ("limit", "changedSince")
    page = either.ok(LIST[either.system], **{size_name: size, since_name: "2020-01-01T00:00:00Z"})
    while True:
        yield page["value"] if either.system == "channeladvisor" else page["items"]
        if either.system == "channeladvisor":
            if "nextLink" not in page:
                return
            page = either.session.get(page["nextLink"], timeout=10).json()
        else:
            if page["next"] is None:
                return
            page = either.ok("listCustomers", cursor=page["next"], limit=size)


class TestSwitches:
    def test_times_rate_seconds_and_operations(self):
        now = [0.0]
        faults = Faults({"a", "b", "c", "d"}, {"read", "write"}, clock=lambda: now[0])
        faults.set({"a": {"times": 2}, "b": {"rate": 0.25}, "c": {"seconds": 5}, "d": {"operations": ["write"]}})
        assert [bool(faults.strikes("a")) for _ in range(4)] == [True, True, False, False]
        assert 200 < sum(bool(faults.strikes("b")) for _ in range(1000)) < 300
        assert faults.strikes("c")
        now[0] = 5.0
        assert not faults.strikes("c")
        assert not faults.strikes("d", "read")
        assert faults.strikes("d", "write", usual=False)
        assert faults.fired["a"] == 2
        assert set(faults.state()) == {"b", "d"}

    def test_merge_and_clear(self, either):
        either.world.faults({"server-error": True})
        either.world.faults({"html-5xx": True, "server-error": False})
        assert requests.get(f"{either.url}/_sim/faults", timeout=10).json() == {"html-5xx": {}}
        either.world.clear()
        assert create(either).status_code == 201


class TestFailures:
    @pytest.mark.parametrize(
        ("fault", "status", "html"),
        [("server-error", 500, False), ("html-5xx", 502, True), ("unavailable", 503, False), ("rate-limited", 429, False)],
    )
    def test_nothing_is_stored(self, either, fault, status, html):
        either.world.faults({fault: {"times": 1, "retry_after": 9}})
        answer = create(either)
        assert answer.status_code == status
        assert ("html" in answer.headers["Content-Type"]) == html
        assert answer.headers.get("Retry-After") == ("9" if status in (429, 503) else None)
        assert stored(either) == 0
        assert create(either).status_code == 201

    @pytest.mark.parametrize(("fault", "status"), [("server-error", 500), ("html-5xx", 502), ("unavailable", 503)])
    def test_or_it_is_stored_all_the_same(self, either, fault, status):
        either.world.faults({fault: {"times": 1, "commit": True}})
        assert create(either).status_code == status
        assert stored(either) == 1


class TestConnections:
    def test_reset_before_commit(self, either):
        either.world.faults({"reset-before-commit": {"times": 1}})
        with pytest.raises(requests.ConnectionError):
            create(either)
        assert stored(either) == 0
        assert create(either).status_code == 201

    def test_drop_after_commit_is_for_writes(self, either):
        either.world.faults({"drop-after-commit": {"times": 1}})
        records(either)
        with pytest.raises(requests.ConnectionError):
            create(either)
        assert stored(either) == 1

    @pytest.mark.parametrize(("commit", "status", "at_once", "later"), [(True, 201, 1, 1), (False, 503, 0, 0), ("late", 201, 0, 1)])
    def test_hang(self, either, commit, status, at_once, later):
        either.world.faults({"hang": {"times": 1, "delay": 0.6, "commit": commit}})
        body = either.example(CREATE[either.system])
        spec = either.contract.operations[CREATE[either.system]]
        with pytest.raises(requests.Timeout):
            either.session.request(spec.method, either.url + spec.path, json=body, timeout=0.3)
        assert stored(either) == at_once
        wait_for(lambda: either.world.stats()["refused"].get("503") == 1 if status == 503 else stored(either) == later)
        assert stored(either) == later

    def test_slow_body(self, either):
        create(either)
        either.world.faults({"slow-body": {"times": 1, "delay": 0.5}})
        begin = time.monotonic()
        with either.session.get(either.url + either.contract.operations[LIST[either.system]].path, stream=True, timeout=10) as answer:
            headers_after = time.monotonic() - begin
            assert answer.json()
        assert headers_after < 0.3
        assert time.monotonic() - begin >= 0.45

    def test_latency(self, either):
        either.world.latency(150)
        begin = time.monotonic()
        records(either)
        assert time.monotonic() - begin >= 0.15


class TestDenials:
    def test_unauthorized_with_a_good_token(self, either):
        either.world.faults({"unauthorized": {"times": 1}})
        assert [create(either).status_code, create(either).status_code] == [401, 201]

    def test_auth_denied_as_200(self, channeladvisor):
        channeladvisor.world.faults({"auth-denied-as-200": {"times": 1}})
        answer = channeladvisor.call("listOrders")
        assert (answer.status_code, answer.json()) == (200, {"error": {"code": "", "message": "Authorization was denied."}})
        assert channeladvisor.ok("listOrders") == {"value": []}

    def test_early_token_expiry_lasts_until_the_token_is_renewed(self, tims):
        tims.world.faults({"early-token-expiry": {"times": 1}})
        assert [tims.call("listItems").status_code for _ in range(2)] == [401, 401]
        tims.renew()
        assert tims.call("listItems").status_code == 200

    def test_refuse(self, either):
        either.world.faults({"refuse": {"times": 1}})
        records(either)
        assert create(either).status_code == (400 if either.system == "channeladvisor" else 422)
        assert stored(either) == 0


class TestAnswers:
    def test_unknown_extra_fields(self, either):
        create(either)
        either.world.faults({"unknown-extra-fields": True})
        record = records(either)[0]
        assert "ReservedForFutureUse" in record
        assert "ReservedForFutureUse" in (record["Items"][0] if "Items" in record else record["Addresses"][0]["Address"])

    def test_nulls_in_optional_fields(self, either):
        made = create(either).json()
        either.world.faults({"nulls-in-optional-fields": True})
        seen = [records(either)[0] for _ in range(20)]
        email = [record.get("CustomerInfo", record) for record in seen]
        assert {"Email" in each for each in email} == {True, False}
        assert all(each.get("Email") is None for each in email)
        either.world.clear()
        assert records(either) == [made]

    def test_same_updated_date_across_pages(self, either):
        either.world.faults({"same-updated-date-across-pages": True})
        for number in range(5):
            create(either, **({"OrderID": str(number)} if either.system == "channeladvisor" else {}))
        found = list(pages(either, 2))
        assert [len(page) for page in found] == [2, 2, 1]
        changed = "UpdatedDate" if either.system == "channeladvisor" else "UpdatedAt"
        assert len({record[changed] for page in found for record in page}) == 1

    def test_changed_while_paging_repeats_and_never_loses(self, either):
        for number in range(7):
            create(either, **({"OrderID": str(number)} if either.system == "channeladvisor" else {}))
        either.world.faults({"changed-while-paging": True})
        key = "ChannelAdvisorOrderID" if either.system == "channeladvisor" else "CustomerID"
        keys = [record[key] for page in pages(either, 2) for record in page]
        assert len(set(keys)) == 7
        assert len(keys) > 7

    def test_late_arriving_orders(self, channeladvisor):
        channeladvisor.world.faults({"late-arriving-orders": {"delay": 600}})
        create(channeladvisor)
        record = records(channeladvisor)[0]
        age = time.time() - _seconds(record["UpdatedDate"])
        assert 1 < age <= 601
        assert record["CreatedDate"] == record["UpdatedDate"]
        channeladvisor.world.clear()
        early = "2026-01-01T00:00:00Z"
        channeladvisor.world.place([channeladvisor.example("createOrder", OrderID="2", UpdatedDate=early)])
        assert records(channeladvisor)[0]["UpdatedDate"] == "2026-01-01T00:00:00.000Z"


class TestWarehouse:
    @pytest.fixture
    def order(self, tims):
        tims.ok("createCustomer", body=tims.example("createCustomer"))
        return tims.example("createSalesOrder", CustomerID="C-000001")

    def test_duplicate_external_order(self, tims, order):
        tims.world.faults({"duplicate-external-order": {"times": 1}})
        tims.ok("createSalesOrder", body=order)
        assert len(tims.ok("listSalesOrders", externalOrderId=order["ExternalOrderID"])["items"]) == 2

    def test_duplicate_customers(self, tims):
        tims.world.faults({"duplicate-customers": {"times": 1}})
        create(tims)
        found = tims.ok("listCustomers", email="ana@buyer.example")["items"]
        assert [each["Email"] for each in found] == ["ana@buyer.example", "ANA@BUYER.EXAMPLE"]

    def test_version_conflict(self, tims, order):
        made = tims.ok("createSalesOrder", body=order)
        tims.world.faults({"version-conflict": {"times": 1}})
        refused = tims.call("updateSalesOrder", made["SalesOrderID"], {"Version": made["Version"], "Notes": "x"})
        assert refused.status_code == 409
        current = refused.json()["current"]
        assert (current["Version"], current["Notes"]) == (made["Version"] + 1, None)
        assert current == tims.ok("getSalesOrder", made["SalesOrderID"])

    def test_negative_available(self, tims, order):
        tims.world.inventory(SKU="LAMP-001", OnHand=1)
        tims.world.faults({"negative-available": True})
        key = tims.ok("createSalesOrder", body=order)["SalesOrderID"]
        wait_for(lambda: tims.ok("getSalesOrder", key)["OrderStatus"] == "Allocated")
        assert tims.ok("getQuantity", "LAMP-001")["Available"] == -1

    def test_tracking_added_later(self, tims, order):
        tims.world.faults({"tracking-added-later": {"delay": 0.5}})
        key = tims.ok("createSalesOrder", body=order)["SalesOrderID"]
        made = tims.world.ship(SalesOrderID=key, TrackingNumber="T-1")
        assert made["TrackingNumber"] is None
        now = wait_for(lambda: (now := tims.ok("getShipment", made["ShipmentID"]))["TrackingNumber"] and now)
        assert now["TrackingNumber"] == "T-1"
        assert now["UpdatedAt"] > made["UpdatedAt"]


def _seconds(text):
    from connectors.simulation.instants import to_ms

    return to_ms(text) / 1000
