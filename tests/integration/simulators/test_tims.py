"""The simulated TIMS keeps the rules of its contract: customers, orders, stock, shipments, receivables and ledger."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures.processes import wait_for


def customer(tims: Any, **changes: Any) -> Any:
    return tims.ok("createCustomer", body=tims.example("createCustomer", **changes))


def sent(tims: Any, **changes: Any) -> Any:
    return tims.example("createSalesOrder", **{"CustomerID": "C-000001", **changes})


def order(tims: Any, **changes: Any) -> Any:
    customer(tims)
    return tims.ok("createSalesOrder", body=sent(tims, **changes))


def allocated(tims: Any, key: str) -> Any:
    return wait_for(lambda: (now := tims.ok("getSalesOrder", key))["OrderStatus"] == "Allocated" and now)


def faults(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return [(each["field"], each["code"]) for each in answer.json()["errors"]]


def quantity(tims: Any, sku: str = "LAMP-001") -> tuple[int, int, int]:
    record = tims.ok("getQuantity", sku)
    return record["OnHand"], record["Allocated"], record["Available"]


class TestCustomers:
    def test_search_by_email_ignores_letter_case_and_duplicates_stay(self, tims):
        customer(tims, Email="Ana@Buyer.example")
        customer(tims, Email="ana@buyer.example")
        found = tims.ok("listCustomers", email="ANA@buyer.EXAMPLE")["items"]
        assert [each["Email"] for each in found] == ["Ana@Buyer.example", "ana@buyer.example"]

    def test_update_needs_the_version(self, tims):
        made = customer(tims)
        changed = tims.ok("updateCustomer", made["CustomerID"], {"Version": 1, "Email": "new@buyer.example"})
        assert (changed["Version"], changed["Name"]) == (2, made["Name"])
        assert tims.ok("listCustomers", email="ana@buyer.example")["items"] == []
        stale = tims.call("updateCustomer", made["CustomerID"], {"Version": 1, "Phone": "1"})
        assert (stale.status_code, stale.json()["code"], stale.json()["current"]) == (409, "version_conflict", changed)
        assert tims.ok("updateCustomer", made["CustomerID"], {"Version": 2, "Email": "new@buyer.example"}) == changed

    def test_addresses(self, tims):
        body = tims.example("createCustomer")
        body["Addresses"][0]["Address"] |= {"State": "Texas", "PostalCode": "787"}
        assert faults(tims.call("createCustomer", body=body)) == [
            ("Addresses[0].Address.State", "invalid_format"),
            ("Addresses[0].Address.PostalCode", "invalid_format"),
        ]
        body["Addresses"][0]["Address"] |= {"Country": "DE"}
        tims.ok("createCustomer", body=body)


class TestItems:
    def test_items_and_aliases(self, tims):
        item = tims.ok("getItem", "LAMP-001")
        assert item["Status"] == "Active"
        assert tims.ok("listItems", alias=item["Aliases"][0])["items"] == [item]
        assert tims.call("getItem", item["Aliases"][0]).status_code == 404
        assert tims.ok("getItem", "LAMP-009")["Status"] == "Inactive"

    def test_a_slash_in_a_sku(self, tims):
        tims.world.items({"SKU": "A/B 1"})
        assert tims.ok("getItem", "A/B 1")["SKU"] == "A/B 1"
        assert tims.ok("getQuantity", "A/B 1")["OnHand"] == 0

    def test_adjustments(self, tims):
        tims.world.inventory(SKU="LAMP-002", OnHand=17)
        made = tims.ok("createAdjustment", body=tims.example("createAdjustment"))
        assert (made["OnHandAfter"], made["CreatedAt"]) == (18, made["UpdatedAt"])
        assert tims.ok("listAdjustments", externalReference="CA-RET-5501", sku="LAMP-002")["items"] == [made]
        assert tims.ok("listAdjustments", externalReference="other")["items"] == []
        assert faults(tims.call("createAdjustment", body=tims.example("createAdjustment", SKU="NO"))) == [("SKU", "unknown_sku")]
        assert faults(tims.call("createAdjustment", body=tims.example("createAdjustment", QuantityDelta=0))) == [
            ("QuantityDelta", "invalid_value")
        ]


class TestSalesOrders:
    def test_the_same_post_twice_makes_two_orders(self, tims):
        first = order(tims)
        second = tims.ok("createSalesOrder", body=sent(tims))
        assert first["SalesOrderID"] != second["SalesOrderID"]
        found = tims.ok("listSalesOrders", externalOrderId="5000123456", customerId="C-000001")["items"]
        assert {each["SalesOrderID"] for each in found} == {first["SalesOrderID"], second["SalesOrderID"]}

    @pytest.mark.parametrize(
        ("changes", "wrong"),
        [
            ({"CustomerID": "C-999999"}, [("CustomerID", "unknown_customer")]),
            ({"Currency": "EUR"}, [("Currency", "currency_mismatch")]),
            ({"ShippingMethod": "MULE"}, [("ShippingMethod", "invalid_value")]),
            ({"TotalAmount": "96.92"}, [("TotalAmount", "total_mismatch")]),
            ({"OrderDate": "2026-02-30"}, [("OrderDate", "invalid_format")]),
            ({"TotalAmount": 96.91}, [("TotalAmount", "invalid_type")]),
            ({"ExternalOrderID": "x" * 65}, [("ExternalOrderID", "too_long")]),
            ({"LineItems": []}, [("LineItems", "too_short")]),
            ({"Extra": 1}, [("Extra", "unknown_field")]),
            ({"ShippingAddress": None}, [("ShippingAddress", "invalid_type")]),
        ],
    )
    def test_refusals(self, tims, changes, wrong):
        customer(tims)
        assert faults(tims.call("createSalesOrder", body=sent(tims, **changes))) == wrong
        assert tims.world.state()["sales_orders"] == []

    def test_faults_come_in_the_order_of_the_body(self, tims):
        customer(tims, Status="Inactive")
        lines = [{**line, "SKU": sku} for line, sku in zip(sent(tims)["LineItems"], ("lamp-001", "LAMP-010"), strict=True)]
        body = sent(tims, LineItems=lines, TotalAmount="1.00")
        assert faults(tims.call("createSalesOrder", body=body)) == [
            ("CustomerID", "inactive_customer"),
            ("TotalAmount", "total_mismatch"),
            ("LineItems[0].SKU", "unknown_sku"),
            ("LineItems[1].SKU", "inactive_item"),
        ]

    def test_lines_are_rounded_half_up_one_by_one(self, tims):
        customer(tims)
        line = {"SKU": "LAMP-001", "Quantity": 1, "Price": "0.0050", "TaxAmount": "0.00", "DiscountAmount": "0.00"}
        tims.ok("createSalesOrder", body=sent(tims, LineItems=[line, line], ShippingAmount="1.00", TotalAmount="1.02"))

    def test_credit_limit(self, tims):
        customer(tims, CreditLimit="96.90")
        assert tims.ok("createSalesOrder", body=sent(tims))["OrderStatus"] == "Open"
        held = tims.ok("createSalesOrder", body=sent(tims, PaymentStatus="Unpaid"))
        assert (held["OrderStatus"], held["HoldReason"]) == ("OnHold", "credit_limit")

    def test_status_moves(self, tims):
        key = order(tims)["SalesOrderID"]

        def put(**members: Any) -> Any:
            return tims.call("updateSalesOrder", key, {"Version": tims.ok("getSalesOrder", key)["Version"], **members})

        now = allocated(tims, key)
        assert (now["Version"], quantity(tims)[1]) == (2, 2)
        assert faults(put(OrderStatus="Fulfilled")) == [("OrderStatus", "invalid_status_transition")]
        assert put(OrderStatus="OnHold").json()["HoldReason"] == "manual"
        assert quantity(tims)[1] == 0
        assert put(OrderStatus="Open").json()["HoldReason"] is None
        allocated(tims, key)
        cancelled = put(OrderStatus="Cancelled", CancelReason="buyer").json()
        assert (cancelled["OrderStatus"], cancelled["CancelReason"], quantity(tims)[1]) == ("Cancelled", "buyer", 0)
        assert put(OrderStatus="Cancelled").json()["Version"] == cancelled["Version"]
        assert faults(put(OrderStatus="Open", ShippingMethod="2DAY")) == [
            ("OrderStatus", "invalid_status_transition"),
            ("ShippingMethod", "not_changeable"),
        ]
        assert faults(put()) == [("", "required")]

    def test_stock_goes_to_the_oldest_order_all_lines_or_none(self, tims):
        tims.world.inventory(SKU="LAMP-001", OnHand=3)
        first = order(tims)["SalesOrderID"]
        allocated(tims, first)
        second = tims.ok("createSalesOrder", body=sent(tims))["SalesOrderID"]
        third = tims.ok("createSalesOrder", body=sent(tims))["SalesOrderID"]
        tims.ok("createAdjustment", body=tims.example("createAdjustment", SKU="LAMP-001", QuantityDelta=1))
        allocated(tims, second)
        assert tims.ok("getSalesOrder", third)["OrderStatus"] == "Open"
        assert quantity(tims) == (4, 4, 0)
        tims.world.change(first, OrderStatus="Cancelled")
        allocated(tims, third)
        assert tims.ok("getQuantity", "LAMP-002")["Allocated"] == 2


class TestShipments:
    def test_partial_then_whole(self, tims):
        key = order(tims)["SalesOrderID"]
        allocated(tims, key)
        part = tims.world.ship(SalesOrderID=key, Carrier="FedEx", Lines=[{"LineNumber": 1, "Quantity": 1}])
        now = tims.ok("getSalesOrder", key)
        assert (now["OrderStatus"], [line["QuantityShipped"] for line in now["LineItems"]]) == ("Allocated", [1, 0])
        assert quantity(tims) == (99_999, 1, 99_998)
        refused = tims.call("updateSalesOrder", key, {"Version": now["Version"], "OrderStatus": "Cancelled", "ShippingMethod": "2DAY"})
        assert faults(refused) == [("OrderStatus", "invalid_status_transition"), ("ShippingMethod", "not_changeable")]
        tims.world.ship(SalesOrderID=key)
        assert tims.ok("getSalesOrder", key)["OrderStatus"] == "Fulfilled"
        assert quantity(tims) == (99_998, 0, 99_998)
        assert len(tims.ok("listShipments", salesOrderId=key, externalOrderId="5000123456")["items"]) == 2
        assert tims.ok("getShipment", part["ShipmentID"]) == part


class TestAccounts:
    @pytest.fixture
    def shipped(self, tims):
        made = order(tims)
        allocated(tims, made["SalesOrderID"])
        tims.world.ship(SalesOrderID=made["SalesOrderID"])
        return made["SalesOrderID"]

    def invoice(self, tims: Any, key: str, **changes: Any) -> Any:
        return tims.call("createInvoice", body=tims.example("createInvoice", SalesOrderID=key, **changes))

    def balance(self, tims: Any) -> str:
        found: str = tims.ok("getCustomer", "C-000001")["Balance"]
        return found

    def test_invoice_receipt_credit_refund(self, tims, shipped):
        before = tims.ok("getCustomer", "C-000001")
        invoice = self.invoice(tims, shipped).json()
        assert (invoice["Status"], invoice["Balance"], self.balance(tims)) == ("Open", "54.20", "54.20")
        after = tims.ok("getCustomer", "C-000001")
        assert (after["Version"], after["UpdatedAt"]) == (before["Version"], before["UpdatedAt"])
        applied = [{"InvoiceID": invoice["InvoiceID"], "Amount": "50.00"}]
        receipt = tims.example("createPayment", CustomerID="C-000001", Amount="60.00", Applications=applied)
        assert tims.ok("createPayment", body=receipt)["UnappliedAmount"] == "10.00"
        now = tims.ok("getInvoice", invoice["InvoiceID"])
        assert (now["Status"], now["Balance"], self.balance(tims)) == ("PartiallyPaid", "4.20", "-5.80")
        credit = self.invoice(tims, shipped, InvoiceType="CreditMemo", AppliesToInvoiceID=invoice["InvoiceID"]).json()
        assert (credit["Balance"], credit["Status"]) == ("50.00", "PartiallyPaid")
        assert tims.ok("getInvoice", invoice["InvoiceID"])["Status"] == "Paid"
        assert self.balance(tims) == "-60.00"
        given = [{"InvoiceID": credit["InvoiceID"], "Amount": "50.00"}]
        refund = tims.example("createPayment", PaymentType="Refund", CustomerID="C-000001", Amount="50.00", Applications=given)
        paid = tims.ok("createPayment", body=refund)
        assert (tims.ok("getInvoice", credit["InvoiceID"])["Status"], self.balance(tims)) == ("Paid", "-10.00")
        assert tims.ok("getPayment", paid["PaymentID"]) == paid

    def test_invoice_refusals(self, tims, shipped):
        line = tims.example("createInvoice")["Lines"][0]
        assert faults(self.invoice(tims, "SO-9999999")) == [("SalesOrderID", "unknown_sales_order")]
        assert faults(self.invoice(tims, shipped, Lines=[{**line, "Quantity": 3}], TotalAmount="78.20")) == [
            ("Lines[0].Quantity", "over_invoiced")
        ]
        assert ("Lines[0].LineNumber", "unknown_line") in faults(self.invoice(tims, shipped, Lines=[{**line, "LineNumber": 9}]))
        twice = [{**line, "Quantity": 1}] * 2
        assert faults(self.invoice(tims, shipped, Lines=twice, TotalAmount="53.41")) == [("Lines[1].LineNumber", "duplicate_line")]
        assert faults(self.invoice(tims, shipped, TotalAmount="1.00")) == [("TotalAmount", "total_mismatch")]
        assert faults(self.invoice(tims, shipped, InvoiceType="CreditMemo"))[0] == ("AppliesToInvoiceID", "required")
        unknown = self.invoice(tims, shipped, InvoiceType="CreditMemo", AppliesToInvoiceID="INV-0000009")
        assert ("AppliesToInvoiceID", "unknown_invoice") in faults(unknown)
        first = self.invoice(tims, shipped).json()["InvoiceID"]
        assert faults(self.invoice(tims, shipped)) == [("Lines[0].Quantity", "over_invoiced")]
        self.invoice(tims, shipped, InvoiceType="CreditMemo", AppliesToInvoiceID=first)
        again = self.invoice(tims, shipped, InvoiceType="CreditMemo", AppliesToInvoiceID=first)
        assert faults(again) == [("Lines[0].Quantity", "over_credited")]

    def test_payment_refusals(self, tims, shipped):
        invoice = self.invoice(tims, shipped).json()["InvoiceID"]

        def pay(amount: str, applied: str, **changes: Any) -> list[tuple[str, str]]:
            applications = [{"InvoiceID": invoice, "Amount": applied}]
            body = tims.example("createPayment", CustomerID="C-000001", Amount=amount, Applications=applications)
            return faults(tims.call("createPayment", body={**body, **changes}))

        assert pay("54.21", "54.21") == [("Applications[0].Amount", "over_applied")]
        assert pay("1.00", "2.00") == [("Applications", "over_applied")]
        assert pay("0.00", "0.00") == [("Amount", "out_of_range"), ("Applications[0].Amount", "out_of_range")]
        assert pay("1.00", "1.00", Currency="EUR") == [("Currency", "currency_mismatch")]
        assert pay("1.00", "1.00", PaymentType="Refund") == [("Applications[0].InvoiceID", "unknown_invoice")]
        assert pay("1.00", "1.00", CustomerID="C-000009") == [("CustomerID", "unknown_customer")]

    def test_ledger(self, tims):
        body = tims.example("createGlEntry")
        made = tims.ok("createGlEntry", body=body)
        assert tims.ok("getGlEntry", made["EntryID"]) == made
        assert tims.ok("listGlEntries", externalReference="AMZ-20260315")["items"] == [made]

        def refused(**changes: Any) -> list[tuple[str, str]]:
            return faults(tims.call("createGlEntry", body={**body, **changes}))

        one = {"AccountCode": "1010", "Debit": "1.00", "Credit": "0.00"}
        assert refused(EntryDate="2025-12-31") == [("EntryDate", "closed_period")]
        assert refused(Lines=[one, {**one, "AccountCode": "9999"}]) == [
            ("Lines[1].AccountCode", "unknown_account"),
            ("Lines", "unbalanced"),
        ]
        assert ("Lines[0]", "invalid_value") in refused(Lines=[{**one, "Credit": "1.00"}] * 2)
