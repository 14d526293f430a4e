"""The Sage 100 connector over HTTP against its simulator: local time, pages that shift, results in band, locks and composite keys."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from connectors import registry
from connectors.rest import RestConnection
from connectors.rest.definition import Search
from connectors.rest.front import HttpFront, Rows, Written
from integration import clock
from integration.budget import SharedBudget
from integration.errors import Limited, Misconfigured, NoAnswer, Refused, Unauthorized, Waiting
from integration.ledger.database import open_engine
from integration.ledger.upgrade import upgrade
from integration.ports import Credit, Item, PageRequest, SourceRecord
from tests.fixtures.connections import CountingBudget, connection
from tests.fixtures.simulators import Sage100

ROOT = Path(__file__).parents[3]
BUYER = {"ARDivisionNo": "01", "CustomerNo": "0000123"}


@pytest.fixture
def sage(sage100_simulator: Sage100) -> Iterator[Sage100]:
    sage100_simulator.customer(**BUYER, CustomerName="Park Lighting", EmailAddress="Buyer@shop.example")
    yield sage100_simulator
    assert sage100_simulator.stats()["contract_errors"] == []


@pytest.fixture
def link(sage: Sage100) -> RestConnection:
    return connect(sage)


def connect(sage: Sage100, budget: Any = None) -> RestConnection:
    return registry.connect(connection("sage100", sage.url), budget or CountingBudget())


def order(number: str = "WEB-1", **changes: Any) -> dict[str, Any]:
    # As the ledger keeps it: amounts as text.
    lines = [{"ItemCode": "LAMP-001", "QuantityOrdered": 2, "UnitPrice": "24.5"}]
    return {"OrderDate": "20260302", "OrderStatus": "O", **BUYER, "CustomerPONo": number, "FreightAmt": "6.99", "Lines": lines, **changes}


def everything(link: RestConnection, entity: str, size: int = 100, **request: Any) -> list[SourceRecord]:
    page = link.fetch_page(entity, PageRequest(size=size, **request))
    records = list(page.records)
    while page.next_token is not None:
        page = link.fetch_page(entity, PageRequest(token=page.next_token, size=size, **request))
        records += page.records
    assert not page.unreadable
    return records


class TestWrites:
    def test_an_order_is_sent_with_numbers_and_found_again(self, sage, link):
        made = link.create("order", order())
        stored = sage.state()["sales_orders"][0]
        assert (made.key, stored["SalesOrderNo"], made.note) == ("0000001", "0000001", "")
        assert (stored["FreightAmt"], stored["Lines"][0]["ExtensionAmt"]) == (6.99, 49)
        assert [one.key for one in link.find("order", "WEB-1", order())] == ["0000001"]
        assert link.find("order", "WEB-1", order(CustomerNo="0000999")) == []

    def test_an_address_is_not_filled_up_from_the_customers(self, sage, link):
        """A second line that an order lacks is no other address's second line."""
        buyer = {"ARDivisionNo": "01", "CustomerNo": "0000124"}
        sage.customer(**buyer, CustomerName="Ana Ruiz", AddressLine1="1 Elm Street", AddressLine2="Apt 4", City="Reno", ZipCode="89501")
        bill_to = {"BillToName": "Lee Park", "BillToAddress1": "48 Orchard Lane", "BillToCity": "Dublin", "BillToCountryCode": "IRL"}
        link.create("order", order(**buyer, **bill_to))
        link.create("order", order("WEB-2", **buyer))
        named, unnamed = sage.state()["sales_orders"]
        assert [named[f"BillTo{part}"] for part in ("Address1", "Address2", "City", "ZipCode")] == ["48 Orchard Lane", "", "Dublin", ""]
        assert [unnamed[f"BillTo{part}"] for part in ("Address1", "Address2", "City")] == ["1 Elm Street", "Apt 4", "Reno"]

    def test_what_an_address_has_no_more_is_sent_as_an_empty_text(self, sage, link):
        """A null may be read as a member that is not sent, and the old line would stay."""
        buyer = {"ARDivisionNo": "01", "CustomerNo": "0000124"}
        sage.customer(**buyer, CustomerName="Ana Ruiz", AddressLine1="1 Elm Street", AddressLine2="Apt 4", City="Reno")
        link.update("customer", "01-0000124", {"AddressLine2": None, "TelephoneNo": None}, None)
        key = link.create("order", order(**buyer, ShipToName="Ana Ruiz", ShipToAddress1="1 Elm Street", ShipToAddress2="Apt 4")).key
        link.update("order", key, {"ShipToAddress2": None}, None)
        stored = sage.state()["customers"][-1]
        assert [stored[name] for name in ("AddressLine1", "AddressLine2", "City")] == ["1 Elm Street", "", "Reno"]
        assert [sage.state()["sales_orders"][0][f"ShipTo{name}"] for name in ("Address1", "Address2")] == ["1 Elm Street", ""]

    def test_a_refusal_in_band_names_field_and_line_and_no_person(self, link):
        bad = order(ShipToName="Lee Park", ShipToZipCode="11111", ShipToCountryCode="USA")
        with pytest.raises(Refused) as refused:
            link.create("order", bad)
        assert (refused.value.code, refused.value.fields[0].field) == ("CI_NOF", "ShipToZipCode")
        lines = [*order()["Lines"], {"ItemCode": "LAMP-999", "QuantityOrdered": 1}]
        with pytest.raises(Refused) as refused:
            link.create("order", order(Lines=lines))
        assert str(refused.value.fields[0]) == "Lines[1].ItemCode: CI_NOF: The Item Code LAMP-999 is not on file."
        assert link.find("order", "WEB-1", order()) == []

    def test_a_warning_is_stored_and_told(self, sage, link):
        link.create("order", order())
        again = link.create("order", order())
        assert again.key == "0000002"
        assert again.note.startswith("API_DuplicatePO: Customer PO number WEB-1 is already used on sales order ")
        assert len(sage.state()["sales_orders"]) == 2

    def test_a_status_change_that_comes_too_late_says_so(self, sage, link):
        key = link.create("order", order()).key
        sage.world("ship", SalesOrderNo=key)
        with pytest.raises(Refused) as refused:
            link.update("order", key, {"OrderStatus": "C", "CancelReasonCode": "CUST"}, None)
        assert link.writable("order").meaning(refused.value) == "too_late"
        assert link.state_words("order", link.get("order", key).body) == "O, QuantityShipped 2"

    @pytest.mark.parametrize(("fault", "done"), [("drop-after-commit", 1), ("reset-before-commit", 0), ("html-5xx", 0)])
    def test_a_lost_answer_is_looked_up(self, sage, link, fault, done):
        sage.faults({fault: {"times": 1, "operations": ["createSalesOrder"]}})
        with pytest.raises(NoAnswer):
            link.create("order", order())
        assert len(link.find("order", "WEB-1", order())) == done

    def test_composite_keys(self, sage, link):
        made = link.create("customer", {"ARDivisionNo": "01", "CustomerName": "Ana Ruiz", "EmailAddress": "ana@buyer.example"})
        assert made.key == "01-0000002"
        link.update("customer", made.key, {"City": "Austin"}, None)
        assert link.get("customer", made.key).body["City"] == "Austin"
        sage.customer(ARDivisionNo="00", CustomerNo="A-B-1", CustomerName="With dashes")
        assert link.get("customer", "00-A-B-1").body["CustomerName"] == "With dashes"
        assert link.get("customer", "01-NOBODY") is None
        known = {"CustomerName": "ANA RUIZ", "ZipCode": "78701"}
        assert link.find("customer", "nobody@x.example", known) == []
        link.update("customer", made.key, {"ZipCode": "78701", "CountryCode": "USA", "State": "TX"}, None)
        assert [one.key for one in link.find("customer", "nobody@x.example", known)] == [made.key]

    def test_a_number_of_an_invoice_with_its_sequence(self, sage, link):
        sage.faults({"invoice-number-reused": True})
        key = link.create("order", order()).key
        invoice = sage.world("ship", SalesOrderNo=key)["InvoiceNo"]
        sage.world("post", InvoiceNo=invoice)
        assert [one.key for one in everything(link, "invoice")] == [f"{invoice}-000000", f"{invoice}-000001"]
        assert link.fetch_one("invoice", f"{invoice}-000001").body["SalesOrderNo"] == key


class TestLocks:
    def test_somebody_elses_write_is_a_wait_for_all_that_is_new(self, sage, link):
        sage.world("lock", writer=True, by="other", seconds=7)
        with pytest.raises(Limited) as limited:
            link.create("order", order())
        assert 6 <= limited.value.retry_after <= 7
        assert link.find("order", "WEB-1", order()) == []

    def test_a_record_at_somebodys_desk_waits_alone(self, sage):
        budget = CountingBudget()
        link = connect(sage, budget)
        key = link.create("order", order()).key
        sage.world("lock", SalesOrder=[key], seconds=9)
        with pytest.raises(Waiting) as waiting:
            link.update("order", key, {"Comment": "x"}, None)
        assert 8 <= waiting.value.retry_after <= 9
        assert budget.pauses == []
        assert link.create("order", order("WEB-2")).key == "0000002"

    def test_no_right_stops_the_connection(self, sage):
        settings = connection("sage100", sage.url)
        secret = type(settings.credentials["user"])("env:USER", "demo-reader")
        reader = registry.connect(
            type(settings)("sage100", "sage100", sage.url, {**settings.credentials, "user": secret}, {}, True), CountingBudget()
        )
        with pytest.raises(Unauthorized):
            reader.create("order", order())


WRITER = """
import sys
from connectors import registry
from integration.budget import SharedBudget
from integration.ledger.database import open_engine
from tests.fixtures.connections import connection
from tests.integration.connectors.test_sage100 import order
url, ledger, name = sys.argv[1:]
settings = connection("sage100", url)
declared = registry.definition(settings)
budget = SharedBudget(open_engine(ledger), "sage100", declared.limits, 60)
link = registry.connect(settings, budget)
for number in range(4):
    link.create("order", order(f"{name}-{number}"))
    link.find("order", f"{name}-{number}", order())
print("done")
"""


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    upgrade(opened)
    yield opened
    opened.dispose()


def test_one_writer_across_processes(sage: Sage100, engine: Engine):
    sage.latency(50)
    url = engine.url.render_as_string(hide_password=False)
    commands = [[sys.executable, "-c", WRITER, sage.url, url, name] for name in ("A", "B", "C")]
    processes = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for command in commands]
    ends = [process.communicate(timeout=60)[0].strip() for process in processes]
    sage.latency(0)
    assert [end.splitlines()[-1] for end in ends] == ["done"] * 3
    stats = sage.stats()
    assert stats["refused"] == {}
    assert stats["requests"]["createSalesOrder"] == 12
    assert stats["peak_concurrent"] <= 4


def test_reads_go_on_while_the_writer_is_taken(engine: Engine):
    limits = registry.definition(connection("sage100", "http://127.0.0.1:1")).limits
    budget = SharedBudget(engine, "sage100", limits, 30)
    other = SharedBudget(engine, "sage100", limits, 30)
    came: list[float] = []

    def write() -> None:
        with other.request(writes=True):
            came.append(time.monotonic())

    with budget.request(writes=True):
        waiting = threading.Thread(target=write)
        waiting.start()
        for _ in range(3):
            with budget.request():
                pass
        assert came == []
        freed = time.monotonic()
    waiting.join(10)
    assert len(came) == 1
    assert came[0] >= freed


def test_a_write_that_was_given_up_keeps_the_writer(engine: Engine):
    limits = registry.definition(connection("sage100", "http://127.0.0.1:1")).limits
    budget, other = (SharedBudget(engine, "sage100", limits, 2) for _ in range(2))
    with budget.request(writes=True):
        given_up = time.monotonic()
        budget.linger(1.0, writes=True)
    with budget.request(), other.request():  # reads go on
        pass
    with other.request(writes=True):
        assert time.monotonic() - given_up >= 1.0


class TestPages:
    def test_nothing_is_missed_while_records_change(self, sage, link):
        for number in range(25):
            sage.customer(CustomerName=f"C{number}", ARDivisionNo="00")
        sage.faults({"skip-take-shift": True, "same-second-ties": True})
        seen = {record.key for record in everything(link, "customer", 4)}
        assert seen == {f"00-{number:07d}" for number in range(1, 26)} | {"01-0000123"}

    @pytest.mark.parametrize("size", [1, 2, 5, 100])
    def test_many_in_one_second(self, sage, link, size):
        sage.world("clock", now="2026-03-02T14:00:00Z", stopped=True)
        for number in range(12):
            sage.customer(CustomerName=f"C{number}", ARDivisionNo="00")
        sage.world("clock", now="2026-03-02T14:00:05Z", stopped=True)
        records = everything(link, "customer", size, since=datetime(2026, 3, 2, 14, tzinfo=UTC))
        assert {record.key for record in records} - {"01-0000123"} == {f"00-{number:07d}" for number in range(1, 13)}

    def test_a_record_that_leaves_a_full_second_hides_no_other(self, sage, link):
        sage.world("clock", now="2026-03-02T14:00:00Z", stopped=True)
        for number in range(12):
            sage.customer(CustomerName=f"C{number}", ARDivisionNo="00")
        sage.world("clock", now="2026-03-02T14:00:05Z", stopped=True)
        page = link.fetch_page("customer", PageRequest(size=4, since=datetime(2026, 3, 2, 14, tzinfo=UTC)))
        seen = {record.key for record in page.records}
        for number in (1, 2, 3, 4):
            sage.customer(ARDivisionNo="00", CustomerNo=f"{number:07d}", City="Elsewhere")
        while page.next_token:
            page = link.fetch_page("customer", PageRequest(size=4, token=page.next_token))
            seen |= {record.key for record in page.records}
        assert seen - {"01-0000123"} == {f"00-{number:07d}" for number in range(1, 13)}

    def test_a_record_that_changes_twice_in_a_second_is_seen_twice(self, sage, link, monkeypatch):
        moment = datetime(2026, 3, 2, 14, tzinfo=UTC)
        monkeypatch.setattr(clock, "now", lambda: moment)
        sage.world("clock", now=moment.isoformat(), stopped=True)
        sage.customer(**BUYER, City="First")
        [early] = everything(link, "customer", since=moment)
        sage.customer(**BUYER, City="Second")
        sage.world("clock", now=(moment + timedelta(seconds=2)).isoformat(), stopped=True)
        monkeypatch.setattr(clock, "now", lambda: moment + timedelta(seconds=2))
        [late] = everything(link, "customer", since=early.changed_at)
        assert (early.body["City"], late.body["City"]) == ("First", "Second")
        assert early.version < late.version
        assert everything(link, "customer", since=late.changed_at)[0].version == late.version


class TestDaylightSaving:
    """Chicago goes back at 2026-11-01T07:00:00Z, and forward at 2026-03-08T08:00:00Z."""

    def at(self, sage, monkeypatch, text):
        moment = datetime.fromisoformat(text)
        monkeypatch.setattr(clock, "now", lambda: moment)
        sage.world("clock", now=text, stopped=True)
        return moment

    @pytest.mark.parametrize("first", ["2026-11-01T06:50:00Z", "2026-11-01T06:05:00Z", "2026-11-01T05:30:00Z"])
    def test_no_change_is_missed_when_the_clock_goes_back(self, sage, link, monkeypatch, first):
        self.at(sage, monkeypatch, first)
        sage.customer(**BUYER, City="Before")
        self.at(sage, monkeypatch, "2026-11-01T06:55:00Z")
        [before] = everything(link, "customer", since=clock.instant("2026-11-01T00:00:00Z"))
        assert before.changed_at == clock.instant(first)
        self.at(sage, monkeypatch, "2026-11-01T07:05:00Z")
        sage.customer(**BUYER, City="After")
        self.at(sage, monkeypatch, "2026-11-01T07:05:10Z")
        found = {record.key: record for record in everything(link, "customer", since=before.changed_at)}
        after = found["01-0000123"]
        assert after.body["City"] == "After"
        assert after.version > before.version
        assert after.changed_at == clock.instant("2026-11-01T07:05:00Z")

    def test_versions_grow_through_both_hours(self, sage, link, monkeypatch):
        versions, moment = [], clock.instant("2026-11-01T05:40:00Z")
        while moment < clock.instant("2026-11-01T08:40:00Z"):
            self.at(sage, monkeypatch, clock.text(moment))
            sage.customer(**BUYER, City=clock.text(moment))
            self.at(sage, monkeypatch, clock.text(moment + timedelta(minutes=3)))
            versions.append(link.fetch_one("customer", "01-0000123").version)
            moment += timedelta(minutes=7)
        assert versions == sorted(set(versions))

    def test_the_hour_that_is_left_out(self, sage, link, monkeypatch):
        self.at(sage, monkeypatch, "2026-03-08T07:59:59Z")
        sage.customer(**BUYER, City="Before")
        [before] = everything(link, "customer", since=clock.instant("2026-03-08T07:00:00Z"))
        self.at(sage, monkeypatch, "2026-03-08T08:00:01Z")
        sage.customer(**BUYER, City="After")
        [after] = everything(link, "customer", since=before.changed_at)
        assert after.changed_at == clock.instant("2026-03-08T08:00:01Z")
        assert after.version > before.version


class TestStockAndCredit:
    def test_available_by_warehouse(self, sage, link):
        sage.world("inventory", ItemCode="LAMP-001", QuantityOnHand=5)
        link.create("order", order())
        assert link.available("LAMP-001") == 3
        assert link.available("NOTHING") is None
        assert [one.body["ItemCode"] for one in everything(link, "stock") if one.key == "LAMP-001"] == ["LAMP-001"]
        sage.faults({"negative-available": True})
        link.create("order", order("WEB-2"))
        assert link.available("LAMP-001") == -2

    def test_aliases(self, sage, link):
        for alias, item in (("both", "LAMP-001"), ("both", "LAMP-002"), ("gone", "LAMP-009"), ("one", "LAMP-003")):
            sage.world("aliases", AliasItemNo=alias, ItemCode=item)
        sage.world("aliases", AliasItemNo="theirs", ItemCode="LAMP-001", Type="C", **BUYER)
        assert {code: link.item(code) for code in ("LAMP-001", "LAMP-009", "one", "both", "gone", "theirs", "none", "x" * 31)} == {
            "LAMP-001": Item("LAMP-001", active=True),
            "LAMP-009": Item("LAMP-009", active=False),
            "one": Item("LAMP-003", active=True),
            **dict.fromkeys(("both", "gone", "theirs", "none", "x" * 31), None),
        }

    def test_credit_counts_open_orders(self, sage, link):
        sage.customer(**BUYER, CreditLimit=500, CurrentBalance=100)
        link.create("order", order())
        assert link.credit("01-0000123") == Credit(True, Decimal(500), Decimal("155.99"))
        sage.customer(**BUYER, CreditLimit=0)
        assert link.credit("01-0000123").limit is None
        sage.customer(**BUYER, CreditHold="Y")
        assert not link.credit("01-0000123").active
        assert link.credit("01-NOBODY") is None

    def test_units_are_back_only_where_an_order_was_cancelled(self, sage, link):
        shipped, cancelled = (link.create("order", order(number)).key for number in ("WEB-1", "WEB-2"))
        invoice = sage.world("ship", SalesOrderNo=shipped)["InvoiceNo"]
        sage.world("post", InvoiceNo=invoice)
        link.update("order", cancelled, {"OrderStatus": "C", "CancelReasonCode": "CUST"}, None)
        held = {one.key: link.reservation(one).held for one in everything(link, "order")}
        assert held == {shipped: True, cancelled: False}


def test_what_is_booked_is_worth_what_was_to_be_written(sage: Sage100, link: RestConnection):
    body = order(SalesTaxAmt="4.01", DiscountAmt="5")
    stored = link.get("order", link.create("order", body).key)
    wanted, booked = link.booked("", body), link.booked(stored.key, stored.body)
    assert (booked.total, booked.units, booked.order_key, booked.void) == (Decimal("55.00"), {"LAMP-001": 2}, "WEB-1", False)
    assert (wanted.total, wanted.units, wanted.order_key, wanted.currency) == (booked.total, booked.units, "WEB-1", booked.currency)
    link.update("order", stored.key, {"OrderStatus": "C", "CancelReasonCode": "CUST"}, None)
    assert link.booked(stored.key, link.get("order", stored.key).body).void


class OverOdbc:
    """A front that reads as a driver does, by SQL on the tables, and leaves writes to the one that it stands before."""

    SQL = "select row from customers where stamp >= ? order by stamp limit ?"

    def __init__(self, front: HttpFront, tables: sqlite3.Connection) -> None:
        self._front, self._tables = front, tables

    def since(self, entity: str, request: PageRequest) -> Rows:
        since = request.since.strftime("%Y%m%d") if request.since else ""
        return Rows([json.loads(row) for (row,) in self._tables.execute(self.SQL, (since, request.size or 100))], None)

    def dated(self, entity: str, row: dict[str, Any]) -> tuple[str, datetime] | None:
        return f"{row['DateUpdated']} {row['TimeUpdated']}", datetime.strptime(row["DateUpdated"], "%Y%m%d").replace(tzinfo=UTC)

    def where(self, name: str, search: Search, value: str, absent: tuple[int, ...] = ()) -> Iterator[dict[str, Any]]:
        found = (json.loads(row) for (row,) in self._tables.execute(self.SQL, ("", 100)))
        return (row for row in found if search.matches(row, value))

    def one(self, name: str, path: str, *key: str, sent: Any = None, absent: tuple[int, ...] = (404,)) -> dict[str, Any] | None:
        found = self._tables.execute("select row from customers where key = ?", ("-".join(key),)).fetchone()
        return json.loads(found[0]) if found else None

    def write(self, name: str, method: str, path: str, *key: str, **what: Any) -> Written:
        return self._front.write(name, method, path, *key, **what)


def test_another_front_takes_the_place_of_http(sage: Sage100):
    tables = sqlite3.connect(":memory:")
    tables.execute("create table customers (key text, stamp text, row text)")
    settings = connection("sage100", sage.url)
    link = RestConnection(settings, registry.definition(settings), CountingBudget(), lambda front: OverOdbc(front, tables))
    assert link.find("customer", "ana@buyer.example") == []
    key = link.create("customer", {"ARDivisionNo": "01", "CustomerName": "Ana Ruiz", "EmailAddress": "ana@buyer.example"}).key
    for row in sage.state()["customers"]:
        stored = (f"{row['ARDivisionNo']}-{row['CustomerNo']}", row["DateUpdated"] + row["TimeUpdated"], json.dumps(row))
        tables.execute("insert into customers values (?, ?, ?)", stored)
    assert [one.key for one in link.find("customer", "ANA@buyer.example")] == [key]
    assert {record.key for record in everything(link, "customer")} == {key, "01-0000123"}
    assert link.credit(key) == Credit(True, None, Decimal(0))
    assert "listCustomers" not in sage.stats()["requests"]


def test_every_quirk_at_once(sage: Sage100, link: RestConnection):
    quirks = ["same-second-ties", "skip-take-shift", "empty-strings", "unknown-extra-fields", "warning-is-stored", "tracking-added-later"]
    sage.faults(dict.fromkeys(quirks, True) | {"html-5xx": {"rate": 0.2, "operations": ["listSalesOrders", "getSalesOrder"]}})
    for number in range(9):
        assert link.create("order", order(f"WEB-{number}")).note
    keys = {record.key for record in everything(link, "order", 2)}
    assert keys == {f"{number:07d}" for number in range(1, 10)}


def test_a_zone_that_does_not_exist_is_told() -> None:
    said = "connection sage100, overrides.zone: .*zone 'America/Chigaco' does not exist; write one like America/Chicago"
    with pytest.raises(Misconfigured, match=said):
        registry.definition(connection("sage100", "http://127.0.0.1:1", {"zone": "America/Chigaco"}))


def test_a_zone_that_is_not_the_servers_is_told(sage: Sage100, link: RestConnection) -> None:
    assert "lists orders" in link.check()
    settings = connection("sage100", sage.url, {"zone": "US/Central"})  # Chicago by another name
    assert "lists orders" in RestConnection(settings, registry.definition(settings), CountingBudget()).check()
    settings = connection("sage100", sage.url, {"zone": "America/New_York"})
    verdict = registry.reachable(settings, CountingBudget())
    assert not verdict.ok
    assert "its days are those of America/Chicago, but the connection says America/New_York; set overrides.zone" in verdict.sentence


def test_a_profile_that_is_not_known_is_told() -> None:
    for system, profile in (("sage100", "2011"), ("tims", "2018")):
        with pytest.raises(Misconfigured, match=f"connection {system}, overrides.profile: .* has no profile '{profile}'"):
            registry.definition(connection(system, "http://127.0.0.1:1", {"profile": profile}))
