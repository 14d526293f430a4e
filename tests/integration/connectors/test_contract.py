"""The contract suite of connectors: each against its simulator, over HTTP. A new system joins with a bench in `BENCHES`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from connectors import registry
from connectors.rest import RestConnection
from integration.errors import Limited, NoAnswer, PageExpired, Refused, Transient, Unauthorized, VersionConflict
from integration.ports import Item, PageRequest, Remote
from integration.settings.model import Secret
from tests.fixtures.benches import Bench
from tests.fixtures.connections import connection
from tests.fixtures.simulators import Simulators

SHORT = {"times": {"connect": 2, "total": 0.6, "settle": 0}}
LATE = 3.0
"""Seconds after which a call has outlived its total time on the busiest machine."""


class ChannelAdvisorBench(Bench):
    system = "channeladvisor"
    entity = "order"
    list_operation = "listOrders"
    write_operation = "updateOrder"
    denial = "auth-denied-as-200"

    def place(self, count: int) -> None:
        self.control.place([_marketplace_order(number) for number in range(count)])

    def write(self, link: RestConnection) -> Remote:
        return link.update("order", self._key(), {"OrderStatus": "Pending", "SellerOrderID": "SO-0000001"}, None)

    def written(self) -> bool:
        return self.connection.get("order", self._key()).body["OrderStatus"] == "Pending"

    def _key(self) -> str:
        if not self.control.state()["orders"]:
            self.place(1)
        return str(self.control.state()["orders"][0]["ChannelAdvisorOrderID"])


class TimsBench(Bench):
    system = "tims"
    entity = "customer"
    list_operation = "listCustomers"
    write_operation = "createCustomer"
    denial = "early-token-expiry"

    def place(self, count: int) -> None:
        for number in range(count):
            self.control.customer(Name=f"Buyer {number}", Email=f"buyer{number}@buyer.example")

    def write(self, link: RestConnection) -> Remote:
        return link.create("customer", {"Name": "Ana Ruiz", "Email": "Ana@buyer.example"})

    def written(self) -> bool:
        return len(self.connection.find("customer", "ana@BUYER.example")) == 1


class ClarityBench(Bench):
    system = "clarity"
    entity = "order"
    list_operation = "listOrders"
    write_operation = "updateOrder"
    denial = "unauthorized"

    def place(self, count: int) -> None:
        self.control.place([_web_order(number) for number in range(count)])

    def spoilt(self, token: str) -> str:
        return "nonsense=1&" + token

    def write(self, link: RestConnection) -> Remote:
        order = self._order()
        return link.update("order_status", str(order["id"]), {"status": "Processing", "erpOrderNumber": "0001234"}, order["version"])

    def written(self) -> bool:
        return self.connection.get("order", str(self._order()["id"])).body["status"] == "Processing"

    def _order(self) -> Mapping[str, Any]:
        if not self.control.state()["orders"]:
            self.place(1)
        return self.control.state()["orders"][0]


class Sage100Bench(Bench):
    system = "sage100"
    entity = "customer"
    list_operation = "listCustomers"
    write_operation = "createCustomer"
    denial = None

    def place(self, count: int) -> None:
        for number in range(count):
            self.control.customer(CustomerName=f"Buyer {number}", EmailAddress=f"buyer{number}@buyer.example")
        # What was changed in a second that is not over may change once more: let it be over.
        now = datetime.fromisoformat(self.control.world("clock")["now"])
        self.control.world("clock", now=(now + timedelta(seconds=5)).isoformat())

    def spoilt(self, token: str) -> str:
        return "nonsense=1&" + token

    def write(self, link: RestConnection) -> Remote:
        return link.create("customer", {"ARDivisionNo": "01", "CustomerName": "Ana Ruiz", "EmailAddress": "Ana@buyer.example"})

    def written(self) -> bool:
        return len(self.connection.find("customer", "ana@BUYER.example")) == 1


BENCHES: Mapping[str, type[Bench]] = {bench.system: bench for bench in (ChannelAdvisorBench, ClarityBench, Sage100Bench, TimsBench)}


def _marketplace_order(number: int) -> dict[str, Any]:
    return {
        "SiteName": "Amazon Seller Central - US",
        "OrderID": f"113-{number:07}-1234567",
        "OrderDate": "2026-03-02T14:01:55Z",
        "Currency": "USD",
        "PaymentStatus": "Cleared",
        "CustomerInfo": {"FirstName": "Ana", "LastName": "Ruiz", "Email": "ana@buyer.example"},
        "ShippingAddress": {
            "AddressLine1": "48 Orchard Lane",
            "City": "Austin",
            "StateOrProvince": "TX",
            "PostalCode": "78701",
            "Country": "US",
        },
        "TotalAmount": "54.20",
        "Items": [
            {
                "SKU": "LAMP-001",
                "Quantity": 2,
                "UnitPrice": "24.00",
                "TaxAmount": "4.21",
                "DiscountAmount": "5.00",
                "ShippingAmount": "6.99",
            }
        ],
    }


def _web_order(number: int) -> dict[str, Any]:
    return {
        "customer": {"email": f"ana.{number}@buyer.example", "firstName": "Ana", "lastName": "Ruiz"},
        "shippingAddress": {"line1": "48 Orchard Lane", "city": "Austin", "region": "Texas", "postalCode": "78701", "country": "US"},
        "items": [{"sku": "LAMP-001", "quantity": 2, "unitPrice": 24, "taxAmount": 4.21, "discountAmount": 5}],
    }


@pytest.fixture(params=BENCHES)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    system = request.param
    first_pair = system in Simulators.__annotations__
    simulators = request.getfixturevalue("simulators" if first_pair else "simulated")
    bench = BENCHES[system](simulators if first_pair else SimpleNamespace(**{system: simulators(system)}))
    yield bench
    assert bench.control.stats()["contract_errors"] == []


def test_a_list_is_read_page_by_page_in_the_order_of_change(bench: Bench):
    bench.place(7)
    pages = list(bench.pages(size=3))
    records = [record for page in pages for record in page]
    assert len(pages) >= 3
    assert max(len(page) for page in pages) <= 3
    assert len({record.key for record in records}) == 7
    assert [record.version for record in records] == sorted(record.version for record in records)


def test_the_cursor_includes_its_own_instant(bench: Bench):
    bench.place(4)
    records = next(bench.pages())
    again = [record.key for page in bench.pages(since=records[2].changed_at) for record in page]
    assert again == [record.key for record in records if record.changed_at >= records[2].changed_at]
    assert records[2].key in again


def test_one_record_is_read_alone_as_in_the_list(bench: Bench):
    bench.place(1)
    [[record]] = bench.pages()
    assert bench.connection.fetch_one(bench.entity, record.key) == record


def test_members_that_nobody_named_and_nulls_do_no_harm(bench: Bench):
    bench.control.faults({"unknown-extra-fields": True, "nulls-in-optional-fields": True})
    bench.place(5)
    assert len({record.key for page in bench.pages(size=2) for record in page}) == 5
    bench.write(bench.connection)
    assert bench.written()


def test_a_page_token_that_is_not_known_any_more_says_so(bench: Bench):
    bench.place(3)
    token = bench.connection.fetch_page(bench.entity, PageRequest(size=1)).next_token
    with pytest.raises(PageExpired):
        bench.connection.fetch_page(bench.entity, PageRequest(token=bench.spoilt(token)))


@pytest.mark.parametrize("denial", ["unauthorized", "own"])
def test_a_denial_renews_the_token_once_for_reads_and_writes(bench: Bench, denial):
    fault = bench.denial if denial == "own" and bench.denial is not None else "unauthorized"
    bench.place(1)
    if bench.denial is None:
        bench.control.faults({fault: {"times": 1}})
        with pytest.raises(Unauthorized):
            next(bench.pages())
        return
    bench.control.faults({fault: {"times": 1}})
    assert len(next(bench.pages())) == 1
    bench.control.faults({fault: {"times": 1, "operations": [bench.write_operation]}})
    bench.write(bench.connection)
    assert bench.written()


def test_denial_after_denial_stops(bench: Bench):
    bench.control.faults({"unauthorized": True})
    with pytest.raises(Unauthorized):
        next(bench.pages())
    assert bench.budget.turns == (1 if bench.denial is None else 2)


def test_wrong_credentials_are_told_in_one_sentence(bench: Bench):
    settings = connection(bench.system, bench.control.url)
    wrong = replace(settings, credentials={name: Secret(secret.reference, "wrong") for name, secret in settings.credentials.items()})
    verdict = registry.reachable(wrong, bench.budget)
    assert not verdict.ok
    assert "check the credentials" in verdict.sentence
    assert "wrong" not in verdict.sentence


def test_a_connection_that_works_is_told_so(bench: Bench):
    assert registry.reachable(connection(bench.system, bench.control.url), bench.budget).ok


@pytest.mark.parametrize("fault", ["html-5xx", "server-error", "unavailable"])
@pytest.mark.parametrize("commit", [True, False])
def test_a_5xx_leaves_open_whether_a_write_was_done(bench: Bench, fault, commit):
    bench.control.faults({fault: {"commit": commit, "operations": [bench.write_operation]}})
    with pytest.raises(NoAnswer):
        bench.write(bench.connection)
    assert bench.written() == commit
    assert bench.control.stats()["requests"].get(bench.write_operation, 0) <= 1


def test_a_read_gets_over_a_5xx(bench: Bench):
    bench.place(1)
    bench.control.faults({"html-5xx": {"times": 2, "operations": [bench.list_operation]}})
    assert len(next(bench.pages())) == 1
    bench.control.faults({"html-5xx": {"operations": [bench.list_operation]}})
    with pytest.raises(Transient) as fault:
        next(bench.pages())
    assert type(fault.value) is Transient


@pytest.mark.parametrize(("fault", "done"), [("drop-after-commit", True), ("reset-before-commit", False)])
def test_a_lost_answer_is_unknown_and_a_look_up_tells(bench: Bench, fault, done):
    bench.control.faults({fault: {"times": 1, "operations": [bench.write_operation]}})
    with pytest.raises(NoAnswer):
        bench.write(bench.connection)
    assert bench.written() == done
    bench.control.clear()
    if not done:
        bench.write(bench.connection)
        assert bench.written()


@pytest.mark.parametrize("fault", [{"slow-body": {"delay": 4}}, {"hang": {"delay": 4, "commit": True}}], ids=["slow body", "hang"])
def test_no_call_outlives_its_time(bench: Bench, fault):
    [(name, options)] = fault.items()
    link = bench.connect(SHORT)
    bench.place(1)
    link.fetch_page(bench.entity, PageRequest())
    bench.control.faults({name: {**options, "operations": [bench.list_operation, bench.write_operation]}})
    started = time.monotonic()
    with pytest.raises(Transient) as reading:
        link.fetch_page(bench.entity, PageRequest())
    assert time.monotonic() - started < LATE
    assert type(reading.value) is Transient
    started = time.monotonic()
    with pytest.raises(NoAnswer):
        bench.write(link)
    assert time.monotonic() - started < LATE
    bench.control.clear()
    assert bench.written()


def test_a_429_pauses_the_connection(bench: Bench):
    bench.control.faults({"rate-limited": {"retry_after": 7}})
    with pytest.raises(Limited) as limited:
        next(bench.pages())
    assert limited.value.retry_after == 7
    assert bench.budget.pauses == [7]
    assert bench.budget.turns == 1


def test_a_refused_write_changed_nothing(bench: Bench):
    bench.control.faults({"refuse": {"operations": [bench.write_operation]}})
    with pytest.raises(Refused):
        bench.write(bench.connection)
    assert not bench.written()


def test_an_acknowledged_order_is_not_new_any_more(simulators: Simulators):
    bench = ChannelAdvisorBench(simulators)
    bench.place(2)
    [first, second] = next(bench.pages(only_new=True))
    for _ in range(2):
        bench.connection.acknowledge("order", first.key)
    assert [record.key for record in next(bench.pages(only_new=True))] == [second.key]
    assert bench.connection.fetch_one("order", first.key).version == first.version


def test_a_window_of_creation_is_half_open(simulators: Simulators):
    bench = ChannelAdvisorBench(simulators)
    start = datetime(2026, 3, 2, tzinfo=UTC)
    instants = [start, start + timedelta(hours=1), start + timedelta(hours=2)]
    bench.control.place([{**_marketplace_order(n), "CreatedDate": instant.isoformat()[:19] + "Z"} for n, instant in enumerate(instants)])
    records = next(bench.pages(created=(instants[0], instants[2])))
    assert sorted(record.body["OrderID"][4:11] for record in records) == ["0000000", "0000001"]


def test_a_version_conflict_gives_the_record_as_it_is(simulators: Simulators):
    bench = TimsBench(simulators)
    customer = bench.write(bench.connection)
    changed = bench.connection.update("customer", customer.key, {"Phone": "555-0100"}, customer.version)
    assert (changed.key, changed.version) == (customer.key, 2)
    with pytest.raises(VersionConflict) as conflict:
        bench.connection.update("customer", customer.key, {"Phone": "555-0199"}, customer.version)
    assert conflict.value.current == changed.body


def test_items_are_found_by_code_and_by_alias(simulators: Simulators):
    bench = TimsBench(simulators)
    common = {"Description": "Lamp", "Cost": "1.0000", "ListPrice": "2.0000", "Currency": "USD", "UnitOfMeasure": "EA"}
    bench.control.items(
        {**common, "SKU": "A/B ü%2F", "Status": "Active", "Aliases": ["one", "both"]},
        {**common, "SKU": "..", "Status": "Active", "Aliases": ["both"]},
        {**common, "SKU": "OLD", "Status": "Discontinued", "Aliases": ["one"]},
    )
    found = {
        code: bench.connection.item(code) for code in ("A/B ü%2F", "..", "OLD", "one", "both", "a/b ü%2f", " A", "x" * 60, "x" * 200, "")
    }
    assert found == {
        "A/B ü%2F": Item("A/B ü%2F", active=True),
        "..": Item("..", active=True),
        "OLD": Item("OLD", active=False),
        "one": Item("A/B ü%2F", active=True),
        **dict.fromkeys(("both", "a/b ü%2f", " A", "x" * 60, "x" * 200, ""), None),
    }
