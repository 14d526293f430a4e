"""The simulated Sage 100 keeps its contract: in-band results, one writer, local time, and what stock, credit and shipments do."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
import requests

from connectors.sage100.simulator_clock import told
from tests.integration.simulators.client import SAGE

CUSTOMER = ("01", "0000123")


@pytest.fixture(autouse=True)
def master(sage100):
    """The customer and the items of the contract's examples, and an invoice to pay."""
    sage100.world.customer(ARDivisionNo="01", CustomerNo="0000123", CustomerName="Park Lighting")


def order(sage100, **changes):
    return sage100.ok("createSalesOrder", body=sage100.example("createSalesOrder", **changes))


def stock(sage100, item="LAMP-001"):
    found = sage100.ok("getItemWarehouse", (item, "000"))
    return [found[name] for name in ("QuantityOnHand", "QuantityOnSalesOrder", "QuantityOnBackOrder", "QuantityInShipping")]


def shipped(sage100, **changes):
    number = order(sage100, **changes)["SalesOrderNo"]
    return number, sage100.world.world("ship", SalesOrderNo=number)["InvoiceNo"]


class TestChecks:
    def test_who_may(self, sage100):
        for header in SAGE:
            answer = requests.get(f"{sage100.url}/CI/Item", headers={**SAGE, header: "nobody"}, timeout=10)
            assert (answer.status_code, answer.json()["ErrorCode"]) == (401, "API_Unauthorized")
        reader = {**SAGE, "X-Sage-User": "demo-reader"}
        assert requests.get(f"{sage100.url}/CI/Item", headers=reader, timeout=10).status_code == 200
        assert requests.post(f"{sage100.url}/AR/Customer", headers=reader, json={}, timeout=10).status_code == 403

    def test_queries(self, sage100):
        for query in ({"x": 1}, {"take": 101}, {"TimeUpdatedSince": "10.50000"}, {"CustomerNo": "0000123"}, {"DateUpdatedSince": "2026"}):
            answer = sage100.call("listSalesOrders", **query)
            assert (answer.status_code, answer.json()["ErrorCode"]) == (400, "API_BadRequest"), query

    def test_the_writer_before_the_body_and_the_lock_behind_the_record(self, sage100):
        sage100.world.world("lock", writer=True, seconds=30, by="other")
        answer = sage100.session.post(f"{sage100.url}/AR/Customer", data=b"{", timeout=10)
        assert (answer.status_code, answer.json()["RecordLockedBy"]) == (423, "other")
        assert 25 <= int(answer.headers["Retry-After"]) <= 30
        assert sage100.call("listItems").status_code == 200
        sage100.world.world("lock", writer=True, seconds=0)
        sage100.world.world("lock", Customer=CUSTOMER)
        assert sage100.call("updateCustomer", ("01", "NOBODY"), {"City": "x"}).status_code == 404
        assert sage100.call("updateCustomer", CUSTOMER, {"Nonsense": 1}).status_code == 423
        sage100.world.world("lock", Customer=CUSTOMER, seconds=0)
        assert sage100.ok("updateCustomer", CUSTOMER, {"Nonsense": 1})["ErrorCode"] == "API_UnknownField"

    def test_one_writer_and_four_readers(self, sage100):
        sage100.world.latency(500)
        begin = threading.Barrier(8)

        def run(place):
            begin.wait()
            body = sage100.example("createCustomer") if place < 3 else None
            path, method = ("/AR/Customer", "POST") if place < 3 else ("/CI/Item", "GET")
            return requests.request(method, sage100.url + path, json=body, headers=SAGE, timeout=10).status_code

        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(run, range(8)))
        sage100.world.latency(0)
        assert sorted(statuses[:3]) == [200, 423, 423]
        assert sorted(statuses[3:]) == [200, 200, 200, 200, 429]


class TestResults:
    @pytest.mark.parametrize(
        ("change", "code", "field", "line"),
        [
            ({"CustomerNo": "NOBODY"}, "CI_NOF", "CustomerNo", None),
            ({"CustomerNo": ""}, "CI_NoKey", "CustomerNo", None),
            ({"OrderDate": "2 March"}, "API_InvalidValue", "OrderDate", None),
            ({"CustomerPONo": "x" * 31}, "CI_CharLength", "CustomerPONo", None),
            ({"Extra": 1}, "API_UnknownField", "Extra", None),
            ({"OrderStatus": "C"}, "API_InvalidValue", "OrderStatus", None),
            ({"FreightAmt": 1.005}, "API_InvalidValue", "FreightAmt", None),
            ({"ShipVia": "MULE"}, "CI_NOF", "ShipVia", None),
            ({"ShipToZipCode": "11111"}, "CI_NOF", "ShipToZipCode", None),
            ({"ShipToCountryCode": "US"}, "CI_NOF", "ShipToCountryCode", None),
            ({"ShipToState": "ZZ"}, "CI_NOF", "ShipToState", None),
            ({"Lines": []}, "API_InvalidValue", "Lines", None),
            ({"Lines": [{"ItemCode": "LAMP-001", "QuantityOrdered": 0}]}, "API_InvalidValue", "QuantityOrdered", 1),
            ({"Lines": [{"ItemCode": "LAMP-001"}]}, "API_Required", "QuantityOrdered", 1),
            (
                {"Lines": [{"ItemCode": "LAMP-001", "QuantityOrdered": 1}, {"ItemCode": "LAMP-999", "QuantityOrdered": 1}]},
                "CI_NOF",
                "ItemCode",
                2,
            ),
            ({"Lines": [{"ItemCode": "AMZ-LMP-1", "QuantityOrdered": 1}]}, "CI_NOF", "ItemCode", 1),
            ({"Lines": [{"ItemCode": "LAMP-009", "QuantityOrdered": 1}]}, "API_Inactive", "ItemCode", 1),
            ({"Lines": [{"ItemCode": "LAMP-001", "QuantityOrdered": 1, "UnitPrice": -1}]}, "API_InvalidValue", "UnitPrice", 1),
        ],
    )
    def test_a_refusal_is_told_in_band_and_stores_nothing(self, sage100, change, code, field, line):
        answer = order(sage100, **change)
        assert (answer["Result"], answer["ErrorCode"], answer["ErrorField"], answer["ErrorLine"]) == (0, code, field, line)
        assert answer["SalesOrderNo"] is None
        assert answer["LastErrorMsg"]
        assert sage100.world.state()["sales_orders"] == []

    def test_a_missing_customer_is_a_missing_key(self, sage100):
        body = sage100.example("createSalesOrder")
        del body["CustomerNo"]
        assert sage100.ok("createSalesOrder", body=body)["ErrorCode"] == "CI_NoKey"

    def test_every_example_of_a_write_is_stored(self, sage100):
        number, invoice = shipped(sage100)
        sage100.world.world("post", InvoiceNo=invoice)
        receipt = sage100.example("createCashReceipt")
        receipt["Lines"][0]["InvoiceNo"] = invoice
        memo = sage100.example("createInvoice", ApplyToInvoiceNo=invoice)
        assert sage100.ok("createInvoice", body=memo)["Result"] == 1
        over = sage100.ok("createCashReceipt", body=receipt)
        assert (over["Result"], over["ErrorCode"], over["ErrorLine"]) == (0, "API_OverApplied", 1)
        receipt["Lines"][0]["CashAmountApplied"] = 54.2
        assert sage100.ok("createCashReceipt", body=receipt)["Result"] == 1
        again = sage100.example("createCashReceipt", Lines=[{"InvoiceType": "PP", "CashAmountApplied": 1}])
        assert [warning["Code"] for warning in sage100.ok("createCashReceipt", body=again)["Warnings"]] == ["API_DuplicateCheckNo"]
        assert sage100.ok("getInvoice", (invoice, "000000"))["Balance"] == 0
        assert sage100.ok("createJournalEntry", body=sage100.example("createJournalEntry"))["EntryNo"] == "000001"
        assert sage100.ok("getJournalEntry", ("GJ", "000001"))["Lines"][1]["PostingComment"] == "Fee"
        closed = sage100.example("createJournalEntry", PostingDate="20251231")
        assert sage100.ok("createJournalEntry", body=closed)["ErrorCode"] == "API_PeriodClosed"
        assert sage100.ok("getSalesOrder", number)["OrderStatus"] == "C"

    def test_customers_are_numbered_and_twins_told(self, sage100):
        first = sage100.ok("createCustomer", body=sage100.example("createCustomer"))
        twin = sage100.ok("createCustomer", body=sage100.example("createCustomer", EmailAddress="BUYER@shop.example"))
        assert (first["Result"], twin["Result"], twin["Warnings"][0]["Code"]) == (1, -1, "API_DuplicateEmail")
        assert len(sage100.ok("listCustomers", EmailAddress="Buyer@Shop.example")["Records"]) == 2
        exists = sage100.ok("createCustomer", body=sage100.example("createCustomer", CustomerNo="0000123"))
        assert exists["ErrorCode"] == "WS_AlreadyExists"


class TestOrders:
    def test_an_order_takes_stock_and_adds_to_what_is_owed(self, sage100):
        assert order(sage100)["Result"] == 1
        assert stock(sage100) == [100_000, 2, 0, 0]
        assert sage100.ok("getCustomer", CUSTOMER)["OpenOrderAmt"] == 96.91

    def test_a_number_used_twice_is_a_warning_only(self, sage100):
        order(sage100)
        again = order(sage100)
        assert (again["Result"], again["Warnings"][0]["Code"], again["SalesOrderNo"]) == (-1, "API_DuplicatePO", "0000002")
        found = sage100.ok("listSalesOrders", CustomerPONo="WEB-100245", ARDivisionNo="01", CustomerNo="0000123")
        assert len(found["Records"]) == 2

    def test_what_is_short_is_back_ordered(self, sage100):
        sage100.world.world("inventory", ItemCode="LAMP-001", QuantityOnHand=1)
        answer = order(sage100)
        assert [warning["Code"] for warning in answer["Warnings"]] == ["API_BackOrdered"]
        assert stock(sage100) == [1, 1, 1, 0]

    @pytest.mark.parametrize(("deposit", "limit", "status"), [(0, 50, "H"), (96.91, 50, "O"), (0, 0, "O"), (0, 100, "O")])
    def test_the_credit_limit(self, sage100, deposit, limit, status):
        sage100.world.customer(ARDivisionNo="01", CustomerNo="0000123", CreditLimit=limit)
        assert order(sage100, DepositAmt=deposit)["OrderStatus"] == status

    @pytest.mark.parametrize(("members", "code"), [({"CreditHold": "Y"}, "API_CreditHold"), ({"CustomerStatus": "I"}, "API_Inactive")])
    def test_a_customer_that_may_not_buy(self, sage100, members, code):
        sage100.world.customer(ARDivisionNo="01", CustomerNo="0000123", **members)
        assert order(sage100)["ErrorCode"] == code

    def test_status_changes(self, sage100):
        number = order(sage100)["SalesOrderNo"]

        def set_to(status, **more):
            return sage100.ok("updateSalesOrder", number, {"OrderStatus": status, **more})

        assert set_to("O")["Result"] == 1
        assert set_to("N")["ErrorCode"] == "API_StatusChange"
        assert set_to("H")["OrderStatus"] == "H"
        assert set_to("C")["ErrorCode"] == "API_Required"
        assert set_to("C", CancelReasonCode="WHIM")["ErrorCode"] == "CI_NOF"
        assert set_to("C", CancelReasonCode="CUST")["OrderStatus"] == "C"
        assert stock(sage100) == [100_000, 0, 0, 0]
        assert sage100.ok("getCustomer", CUSTOMER)["OpenOrderAmt"] == 0
        assert set_to("C")["Result"] == 1
        assert sage100.ok("updateSalesOrder", number, {"Comment": "x"})["ErrorCode"] == "API_StatusChange"

    def test_charges_touch_no_stock(self, sage100):
        lines = [{"ItemCode": "LAMP-001", "QuantityOrdered": 1}, {"ItemCode": "/DISCOUNT", "QuantityOrdered": 1, "UnitPrice": -5}]
        made = order(sage100, Lines=lines)
        kept = sage100.ok("getSalesOrder", made["SalesOrderNo"])["Lines"]
        assert [(line["ItemType"], line["ExtensionAmt"]) for line in kept] == [("1", 29.99), ("3", -5)]
        assert sage100.call("getItemWarehouse", ("/DISCOUNT", "000")).status_code == 404
        assert sage100.ok("getItem", "/DISCOUNT")["ItemType"] == "3"


class TestWarehouse:
    def test_from_order_to_invoice(self, sage100):
        number, invoice = shipped(sage100)
        assert stock(sage100) == [100_000, 0, 0, 2]
        assert sage100.ok("updateSalesOrder", number, {"OrderStatus": "C", "CancelReasonCode": "CUST"})["ErrorCode"] == "API_StatusChange"
        posted = sage100.world.world("post", InvoiceNo=invoice)
        names = ("TaxableSalesAmt", "FreightAmt", "SalesTaxAmt", "DiscountAmt", "DepositAmt", "Balance")
        assert [posted[name] for name in names] == [82, 6.99, 7.92, 5, 96.91, 96.91]
        assert stock(sage100) == [99_998, 0, 0, 0]
        customer = sage100.ok("getCustomer", CUSTOMER)
        assert (customer["OpenOrderAmt"], customer["CurrentBalance"]) == (0, 96.91)
        sage100.world.world("pay", InvoiceNo=invoice)
        assert sage100.ok("getCustomer", CUSTOMER)["CurrentBalance"] == 0

    def test_two_shipments(self, sage100):
        number = order(sage100)["SalesOrderNo"]
        first = sage100.world.world("ship", SalesOrderNo=number, Lines=[{"LineKey": "000001", "QuantityShipped": 1}], Tracking=[])
        assert [line["QuantityShipped"] for line in first["Lines"]] == [1, 0]
        assert first["Tracking"] == []
        sage100.world.world("tracking", InvoiceNo=first["InvoiceNo"], Tracking=["1Z1", "1Z2"])
        assert [one["TrackingID"] for one in sage100.ok("getShipment", first["InvoiceNo"])["Tracking"]] == ["1Z1", "1Z2"]
        sage100.world.world("post", InvoiceNo=first["InvoiceNo"])
        assert sage100.ok("getSalesOrder", number)["OrderStatus"] == "O"
        second = sage100.world.world("ship", SalesOrderNo=number)
        sage100.world.world("post", InvoiceNo=second["InvoiceNo"])
        assert sage100.ok("getSalesOrder", number)["OrderStatus"] == "C"
        assert sage100.ok("getCustomer", CUSTOMER)["CurrentBalance"] == 96.91
        assert len(sage100.ok("listShipments", SalesOrderNo=number)["Records"]) == 2


class TestTime:
    @pytest.mark.parametrize(
        ("text", "hours"), [("10:30:00", "10.50000"), ("14:05:09", "14.08583"), ("23:59:59", "23.99972"), ("00:00:18", "00.00500")]
    )
    def test_decimal_hours(self, text, hours):
        assert told(datetime.fromisoformat(f"2026-03-02T{text}")) == ("20260302", hours)

    def test_local_time_goes_back(self, sage100):
        sage100.world.world("clock", now="2026-11-01T06:59:59Z", stopped=True)
        before = sage100.ok("listItems")
        sage100.world.world("clock", now="2026-11-01T07:00:01Z", stopped=True)
        after = sage100.ok("listItems")
        assert (before["ServerDate"], before["ServerTime"], before["TimeZone"]) == ("20261101", "01.99972", "America/Chicago")
        assert (after["ServerDate"], after["ServerTime"]) == ("20261101", "01.00028")

    def test_since_compares_the_pair(self, sage100):
        for now in ("2026-03-02T14:00:00Z", "2026-03-02T15:00:00Z", "2026-03-03T13:00:00Z"):
            sage100.world.world("clock", now=now, stopped=True)
            order(sage100)
        found = sage100.ok("listSalesOrders", DateUpdatedSince="20260302", TimeUpdatedSince="09.00000")["Records"]
        assert [one["SalesOrderNo"] for one in found] == ["0000002", "0000003"]


class TestQuirks:
    def test_pages_shift(self, sage100):
        sage100.world.world("clock", now="2026-03-02T14:00:00Z", stopped=True)
        for _ in range(4):
            order(sage100)
        sage100.world.world("clock", now="2026-03-02T15:00:00Z", stopped=True)
        sage100.world.faults({"skip-take-shift": True})
        pages = [sage100.ok("listSalesOrders", skip=skip, take=2) for skip in (0, 2)]
        seen = [one["SalesOrderNo"] for page in pages for one in page["Records"]]
        assert [page["More"] for page in pages] == [True, False]
        assert seen == ["0000001", "0000002", "0000004", "0000001"]

    def test_each_write_can_be_stored_with_a_warning_and_refused(self, sage100):
        sage100.world.faults({"warning-is-stored": True})
        assert order(sage100)["Result"] == -1
        sage100.world.faults({"result-zero-in-200": {"times": 1}})
        assert order(sage100)["Result"] == 0

    def test_the_order_was_keyed_by_somebody_before(self, sage100):
        sage100.world.faults({"duplicate-po-allowed": {"times": 1}})
        assert order(sage100)["Warnings"][0]["Code"] == "API_DuplicatePO"

    def test_negative_available(self, sage100):
        sage100.world.faults({"negative-available": True})
        order(sage100)
        on_hand, *committed = stock(sage100)
        assert on_hand - sum(committed) == -2

    def test_a_number_of_an_invoice_comes_again(self, sage100):
        sage100.world.faults({"invoice-number-reused": True})
        _, invoice = shipped(sage100)
        sage100.world.world("post", InvoiceNo=invoice)
        assert [one["HeaderSeqNo"] for one in sage100.ok("listInvoices", InvoiceNo=invoice)["Records"]] == ["000000", "000001"]

    def test_a_record_at_somebodys_desk(self, sage100):
        number = order(sage100)["SalesOrderNo"]
        sage100.world.faults({"record-locked": {"times": 1, "retry_after": 9}})
        answer = sage100.call("updateSalesOrder", number, {"Comment": "x"})
        assert (answer.status_code, answer.headers["Retry-After"], answer.json()["RecordLockedBy"]) == (423, "9", "jsmith")

    def test_empty_members_come_in_three_ways(self, sage100):
        number = order(sage100)["SalesOrderNo"]
        sage100.world.faults({"empty-strings": True})
        ways = {answer.get("Comment", "absent") for answer in (sage100.ok("getSalesOrder", number) for _ in range(30))}
        assert ways == {"", None, "absent"}
        assert sage100.ok("getSalesOrder", number)["ShipToName"] == "Lee Park"

    def test_same_second(self, sage100):
        sage100.world.faults({"same-second-ties": True})
        sage100.world.world("clock", now="2026-03-02T14:00:00Z", stopped=True)
        order(sage100)
        sage100.world.world("clock", now="2026-03-02T14:00:20Z", stopped=True)
        order(sage100)
        assert len({one["TimeUpdated"] for one in sage100.ok("listSalesOrders")["Records"]}) == 1

    def test_tracking_comes_later(self, sage100):
        sage100.world.faults({"tracking-added-later": {"delay": 0}})
        _, invoice = shipped(sage100)
        assert sage100.world.state()["shipments"][0]["InvoiceNo"] == invoice

    def test_daylight_saving_ends_at_once(self, sage100):
        sage100.world.faults({"local-time": {"delay": 0}})
        assert sage100.ok("listItems")["ServerTime"].startswith("01.")
