"""Invoices, credit memos and payments of the simulated TIMS, and the balances that they move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from connectors.simulation.answers import Answer, Flaw, Record, Request
from connectors.simulation.money import amount, units
from connectors.simulation.records import Records
from connectors.simulation.simulator import Handler, Simulator, by
from connectors.tims.simulator_customers import Customers
from connectors.tims.simulator_orders import SalesOrders, total_of
from connectors.tims.simulator_writes import check_rules, post, reference


class Accounts:
    def __init__(self, system: Simulator, customers: Customers, orders: SalesOrders) -> None:
        indexes = {
            "salesOrderId": lambda invoice: [invoice["SalesOrderID"]],
            "externalReference": reference,
            "credits": lambda invoice: [invoice["AppliesToInvoiceID"]],
        }
        self.invoices = Records(system.clock, "InvoiceID", "UpdatedAt", indexes)
        self.payments = Records(system.clock, "PaymentID", "UpdatedAt", {"externalReference": reference})
        self._system = system
        self._customers = customers
        self._orders = orders
        self.handlers: Mapping[str, Handler] = {
            "listInvoices": lambda request: system.listing(request, self.invoices, by("salesOrderId", "externalReference")),
            "createInvoice": self._invoice,
            "getInvoice": lambda request: Answer(200, request.record),
            "listPayments": lambda request: system.listing(request, self.payments, by("externalReference")),
            "createPayment": self._pay,
            "getPayment": lambda request: Answer(200, request.record),
        }

    def _invoice(self, request: Request) -> Answer:
        sent = {"AppliesToInvoiceID": None, "ExternalReference": None, **request.body}
        order = self._orders.records.get(sent["SalesOrderID"])
        if order is None:
            raise self._system.invalid(Flaw("SalesOrderID", "unknown_sales_order", f"No sales order {sent['SalesOrderID']}."))
        credited = self.invoices.get(sent["AppliesToInvoiceID"])
        # Which units may be billed or credited is known only where the kind of document is right.
        flaws = list(self._wrong_kind(sent, order, credited)) or list(self._wrong_lines(sent, order, credited))
        total = total_of(sent["Lines"], sent["ShippingAmount"])
        if total != units(sent["TotalAmount"]):
            flaws.append(Flaw("TotalAmount", "total_mismatch", f"The document sums up to {amount(total)}."))
        check_rules(self._system, request.body, flaws)
        left = total
        customer = self._customers.records[order["CustomerID"]]
        if credited is not None:
            lowered = min(total, units(credited["Balance"]))
            left -= lowered
            self._settle(credited, lowered)
        self._customers.owe(customer, total if credited is None else -total)
        invoice = {
            "InvoiceID": f"INV-{len(self.invoices) + 1:07d}",
            "ExternalOrderID": order["ExternalOrderID"],
            "CustomerID": order["CustomerID"],
            "Currency": order["Currency"],
            **sent,
            **_open(left, total),
        }
        return Answer(201, post(self._system, self.invoices, invoice))

    def _pay(self, request: Request) -> Answer:
        sent = {"ExternalReference": None, **request.body}
        customer = self._customers.records.get(sent["CustomerID"])
        if customer is None:
            raise self._system.invalid(Flaw("CustomerID", "unknown_customer", f"No customer {sent['CustomerID']}."))
        check_rules(self._system, request.body, self._wrong_payment(sent, customer))
        total, applied = units(sent["Amount"]), 0
        for application in sent["Applications"]:
            applied += units(application["Amount"])
            self._settle(self.invoices[application["InvoiceID"]], units(application["Amount"]))
        # A receipt lowers what the customer owes, also where it is not applied yet; a refund gives back what was credited.
        self._customers.owe(customer, -total if sent["PaymentType"] == "Receipt" else applied)
        payment = {"PaymentID": f"PMT-{len(self.payments) + 1:07d}", **sent, "UnappliedAmount": amount(total - applied)}
        return Answer(201, post(self._system, self.payments, payment))

    def _settle(self, invoice: Record, cents: int) -> None:
        if cents:
            self.invoices.change(invoice, _open(units(invoice["Balance"]) - cents, units(invoice["TotalAmount"])))

    def _wrong_kind(self, sent: Record, order: Record, credited: Record | None) -> Iterator[Flaw]:
        named, where = sent["AppliesToInvoiceID"], "AppliesToInvoiceID"
        if sent["InvoiceType"] == "Invoice":
            if named is not None:
                yield Flaw(where, "invalid_value", "Must be null for an Invoice.")
            if not sent["Lines"]:
                yield Flaw("Lines", "too_short", "May be empty only for a credit of shipping.")
        elif named is None:
            yield Flaw(where, "required", "Is required for a CreditMemo.")
        elif credited is None or credited["InvoiceType"] != "Invoice" or credited["SalesOrderID"] != order["SalesOrderID"]:
            yield Flaw(where, "unknown_invoice", f"{named} is no invoice of this sales order.")

    def _wrong_lines(self, sent: Record, order: Record, credited: Record | None) -> Iterator[Flaw]:
        ordered = {line["LineNumber"]: line for line in order["LineItems"]}
        if sent["InvoiceType"] == "Invoice":
            most, code = Counter({number: line["QuantityShipped"] for number, line in ordered.items()}), "over_invoiced"
            earlier = [each for each in self.invoices.find("salesOrderId", order["SalesOrderID"]) if each["InvoiceType"] == "Invoice"]
        else:
            most, code = _billed([credited] if credited else []), "over_credited"
            earlier = self.invoices.find("credits", credited["InvoiceID"]) if credited else []
        most.subtract(_billed(earlier))
        seen = set()
        for place, line in enumerate(sent["Lines"]):
            number, where = line["LineNumber"], f"Lines[{place}]"
            if number not in ordered:
                yield Flaw(f"{where}.LineNumber", "unknown_line", f"The sales order has no line {number}.")
            elif number in seen:
                yield Flaw(f"{where}.LineNumber", "duplicate_line", f"Line {number} is there twice.")
            elif line["Quantity"] > most[number]:
                yield Flaw(f"{where}.Quantity", code, f"At most {most[number]}.")
            seen.add(number)

    def _wrong_payment(self, sent: Record, customer: Record) -> Iterator[Flaw]:
        wanted = "Invoice" if sent["PaymentType"] == "Receipt" else "CreditMemo"
        if units(sent["Amount"]) == 0:
            yield Flaw("Amount", "out_of_range", "Must be above zero.")
        if sent["Currency"] != customer["Currency"]:
            yield Flaw("Currency", "currency_mismatch", f"The customer's is {customer['Currency']}.")
        applied: Counter[Any] = Counter()
        for place, application in enumerate(sent["Applications"]):
            where, document = f"Applications[{place}]", self.invoices.get(application["InvoiceID"])
            if document is None or document["InvoiceType"] != wanted or document["CustomerID"] != sent["CustomerID"]:
                yield Flaw(f"{where}.InvoiceID", "unknown_invoice", f"{application['InvoiceID']} is no {wanted} of this customer.")
                continue
            applied[application["InvoiceID"]] += units(application["Amount"])
            if units(application["Amount"]) == 0:
                yield Flaw(f"{where}.Amount", "out_of_range", "Must be above zero.")
            elif applied[application["InvoiceID"]] > units(document["Balance"]):
                yield Flaw(f"{where}.Amount", "over_applied", f"The Balance is {document['Balance']}.")
        if sum(units(each["Amount"]) for each in sent["Applications"]) > units(sent["Amount"]):
            yield Flaw("Applications", "over_applied", "Their sum is above Amount.")


def _open(balance: int, total: int) -> dict[str, str]:
    status = "Paid" if balance == 0 else "PartiallyPaid" if balance < total else "Open"
    return {"Balance": amount(balance), "Status": status}


def _billed(documents: list[Record]) -> Counter[int]:
    """Units by line number."""
    billed: Counter[int] = Counter()
    for document in documents:
        for line in document["Lines"]:
            billed[line["LineNumber"]] += line["Quantity"]
    return billed
