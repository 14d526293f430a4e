"""Invoices and cash receipts of the simulated Sage 100, and the balances that they move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.sage100.simulator_customers import Customers
from connectors.sage100.simulator_orders import SalesOrders
from connectors.sage100.simulator_stock import Stock
from connectors.sage100.simulator_system import Sage
from connectors.sage100.simulator_warehouse import Warehouse
from connectors.sage100.simulator_writes import dec, number, refuse, stored
from connectors.simulation.answers import Answer, Command, ControlError, Record, Request
from connectors.simulation.simulator import Handler

DAYS_DUE = 30
SALES = "000000040"
NONE = Decimal(0)
EMPTY = dict.fromkeys(("CustomerPONo", "SalesOrderNo", "ApplyToInvoiceNo", "Comment", "ShipDate", "ShipVia"), "")


class Receivables:
    def __init__(self, system: Sage, customers: Customers, orders: SalesOrders, stock: Stock, warehouse: Warehouse) -> None:
        self.invoices = system.table("InvoiceNo", "HeaderSeqNo")
        self.receipts = system.table("DepositNo", "SequenceNo")
        self._system, self._customers, self._orders, self._stock, self._warehouse = system, customers, orders, stock, warehouse
        self._deposits: dict[tuple[str, ...], str] = {}
        self._discounted: Counter[str] = Counter()
        of_invoice = ("InvoiceNo", "SalesOrderNo", "ARDivisionNo", "CustomerNo")
        self.handlers: Mapping[str, Handler] = {
            "listInvoices": lambda request: system.page(request, self.invoices, *of_invoice),
            "createInvoice": self._enter,
            "getInvoice": lambda request: Answer(200, request.record),
            "listCashReceipts": lambda request: system.page(request, self.receipts, "CheckNo", "ARDivisionNo", "CustomerNo"),
            "createCashReceipt": self._receive,
        }

    # invoices of shipments --------------------------------------------------------------------------------------------------------

    def post(self, command: Command) -> Any:
        """Control plane: `{"InvoiceNo"}` posts a shipment: its units leave the stock, the order is C once all is shipped and invoiced."""
        shipment = self._warehouse.shipments.get(command.body.get("InvoiceNo"))
        if shipment is None:
            raise ControlError("Send the InvoiceNo of a shipment that exists.")
        posted = self.invoices.where(InvoiceNo=shipment["InvoiceNo"], ModuleCode="S/O")
        if posted:
            raise ControlError(f"{shipment['InvoiceNo']} is posted already.")
        return self._post(shipment, self._orders.table[shipment["SalesOrderNo"]])

    def _post(self, shipment: Record, order: Record) -> Record:
        ordered = {line["LineKey"]: line for line in order["Lines"]}
        sales = {"TX": NONE, "NT": NONE}
        for line in shipment["Lines"]:
            of_order = ordered[line["OrderLineKey"]]
            sales[of_order["TaxClass"]] += dec(line["ExtensionAmt"])
            count = dec(line["QuantityShipped"])
            if of_order["ItemType"] == "1" and count:
                self._stock.change(line["ItemCode"], of_order["WarehouseCode"], QuantityInShipping=-count, QuantityOnHand=-count)
        key = order["SalesOrderNo"]
        first = not self.invoices.where(SalesOrderNo=key)
        # Tax and freight go with the first invoice, the discount as far as its sales bear it, the rest with the next.
        left = dec(order["DiscountAmt"]) - Decimal(self._discounted[key]) / 100
        discount = max(NONE, min(left, sales["TX"] + sales["NT"]))
        self._discounted[key] += int(discount * 100)
        from_taxable = min(discount, max(sales["TX"], NONE))
        invoice = {
            **{name: order[name] for name in ("ARDivisionNo", "CustomerNo", "CustomerPONo", "SalesOrderNo")},
            **{name: shipment[name] for name in ("InvoiceNo", "ShipDate", "ShipVia", "FreightAmt")},
            "ModuleCode": "S/O",
            "InvoiceType": "IN",
            "InvoiceDate": self._system.clock.today(),
            "TaxableSalesAmt": number(sales["TX"] - from_taxable),
            "NonTaxableSalesAmt": number(sales["NT"] - (discount - from_taxable)),
            "SalesTaxAmt": order["SalesTaxAmt"] if first else 0,
            "DiscountAmt": number(discount),
            "DepositAmt": order["DepositAmt"] if first else 0,
            "Lines": [_invoice_line(line, ordered[line["OrderLineKey"]]) for line in shipment["Lines"]],
        }
        total = _total(invoice)
        self._store(invoice, total)
        shipped = all(line["QuantityShipped"] == line["QuantityOrdered"] for line in order["Lines"])
        shipments = {one["InvoiceNo"] for one in self._warehouse.shipments.where(SalesOrderNo=key)}
        done = shipped and shipments <= {one["InvoiceNo"] for one in self.invoices.where(SalesOrderNo=key)}
        self._orders.settle(order, NONE if done else self._orders.open_amounts[key] - total)
        members = {"LastInvoiceOrderNo": shipment["InvoiceNo"], "CurrentInvoiceNo": ""}
        self._orders.table.change(order, {**members, "OrderStatus": "C"} if done else members)
        return invoice

    def _store(self, invoice: Record, balance: Decimal) -> None:
        """`balance` is what the customer owes for it; a credit memo's own Balance is 0, for it lowers another's."""
        sequence = len(self.invoices.where(InvoiceNo=invoice["InvoiceNo"]))
        if self._system.faults.strikes("invoice-number-reused") and not sequence:
            past = {**EMPTY, **invoice, "SalesOrderNo": "", "InvoiceType": "XD", "HeaderSeqNo": "000000", "Balance": 0, "Lines": []}
            amounts = ("TaxableSalesAmt", "NonTaxableSalesAmt", "FreightAmt", "SalesTaxAmt", "DiscountAmt")
            self.invoices.add({**past, **dict.fromkeys(amounts, 0), "ModuleCode": "A/R"})
            sequence = 1
        due = datetime.strptime(invoice["InvoiceDate"], "%Y%m%d") + timedelta(days=DAYS_DUE)  # noqa: DTZ007 - a local day
        rest = {"HeaderSeqNo": f"{sequence:06d}", "InvoiceDueDate": due.strftime("%Y%m%d"), "Balance": number(max(balance, NONE))}
        invoice.update({**EMPTY, **invoice, **rest})
        self.invoices.add(invoice)
        self._customers.owe(self._customers.of(invoice), balance=balance)

    # entries of clients -----------------------------------------------------------------------------------------------------------

    def _enter(self, request: Request) -> Answer:
        sent = {**EMPTY, "SalesTaxAmt": 0, "FreightAmt": 0, **{name: value for name, value in request.body.items() if value is not None}}
        self._customers.of(sent)
        for place, line in enumerate(sent["Lines"], start=1):
            self._system.codes_on_file.check(line, place)
        credited = self._latest(sent["ApplyToInvoiceNo"], sent) if sent["ApplyToInvoiceNo"] else None
        total = sum((dec(line["ExtensionAmt"]) for line in sent["Lines"]), NONE) + dec(sent["SalesTaxAmt"]) + dec(sent["FreightAmt"])
        sign = -1 if sent["InvoiceType"] == "CM" else 1
        if sign < 0:
            if credited is None:
                raise refuse("API_Required", "ApplyToInvoiceNo", "A credit memo needs the invoice that it credits.")
            if total > dec(credited["Balance"]):
                raise refuse("API_OverApplied", "ApplyToInvoiceNo", f"The balance of {credited['InvoiceNo']} is {credited['Balance']}.")
            self._lower(credited, total)
        taxable = bool(dec(sent["SalesTaxAmt"]))
        lines = [{**line, "ItemCode": "", "ExtensionAmt": number(sign * dec(line["ExtensionAmt"]))} for line in sent["Lines"]]
        net = sum((dec(line["ExtensionAmt"]) for line in lines), NONE)
        invoice = {
            **sent,
            "InvoiceNo": self._warehouse.number(),
            "ModuleCode": "A/R",
            "TaxableSalesAmt": number(net if taxable else NONE),
            "NonTaxableSalesAmt": number(NONE if taxable else net),
            "SalesTaxAmt": number(sign * dec(sent["SalesTaxAmt"])),
            "FreightAmt": number(sign * dec(sent["FreightAmt"])),
            "DiscountAmt": 0,
            "Lines": [{"DetailSeqNo": f"{place:06d}", **line} for place, line in enumerate(lines, start=1)],
        }
        self._store(invoice, sign * total)
        return stored(request.operation, invoice)

    def _receive(self, request: Request) -> Answer:
        sent = {"PaymentType": "", "OtherPaymentTypeRefNo": "", "Comment": "", **request.body}
        customer = self._customers.of(sent)
        self._system.codes_on_file.check(sent)
        paid: list[tuple[Record, Decimal]] = []
        applied: Counter[str] = Counter()
        for place, line in enumerate(sent["Lines"], start=1):
            self._check_applied(sent, line, place, paid, applied)
        same = self.receipts.where(CheckNo=sent["CheckNo"], ARDivisionNo=sent["ARDivisionNo"], CustomerNo=sent["CustomerNo"])
        warnings = [("API_DuplicateCheckNo", f"Check number {sent['CheckNo']} is already used by this customer.")] if same else []
        for invoice, amount in paid:
            self._lower(invoice, amount)
        total = sum((dec(line["CashAmountApplied"]) + dec(line.get("DiscountAmountApplied")) for line in sent["Lines"]), NONE)
        self._customers.owe(customer, balance=-total)
        deposit = (sent["BankCode"], sent["DepositDate"], sent["DepositType"])
        number_of = self._deposits.setdefault(deposit, f"{len(self._deposits) + 1:05d}")
        receipt = {
            **sent,
            "Lines": [{"DiscountAmountApplied": 0, **line} for line in sent["Lines"]],
            "DepositNo": number_of,
            "SequenceNo": f"{len(self.receipts.where(DepositNo=number_of)) + 1:06d}",
        }
        if not warnings and self._system.faults.strikes("warning-is-stored", request.operation):
            warnings = [("API_DuplicateCheckNo", "The check number looks like one that is used already.")]
        return stored(request.operation, self.receipts.add(receipt), warnings)

    def pay(self, command: Command) -> Any:
        """Control plane: `{"InvoiceNo", "Amount"?}` as if it had been paid at the desk; all of its balance where no amount is given."""
        found = self.invoices.where(InvoiceNo=command.body.get("InvoiceNo"))
        if not found:
            raise ControlError("Send the InvoiceNo of an invoice that exists.")
        amount = dec(command.body.get("Amount", found[-1]["Balance"]))
        self._lower(found[-1], amount)
        self._customers.owe(self._customers.of(found[-1]), balance=-amount)
        return found[-1]

    def _check_applied(self, sent: Record, line: Record, place: int, paid: list[tuple[Record, Decimal]], applied: Counter[str]) -> None:
        number_of, prepaid = line.get("InvoiceNo") or "", line["InvoiceType"] == "PP"
        if prepaid and number_of:
            raise refuse("API_InvalidValue", "InvoiceNo", "A prepayment names no invoice.", place)
        if prepaid:
            return
        if not number_of:
            raise refuse("CI_NoKey", "InvoiceNo", "InvoiceNo is needed.", place)
        invoice = self._latest(number_of, sent, line["InvoiceType"], "InvoiceNo", place)
        amount = dec(line["CashAmountApplied"]) + dec(line.get("DiscountAmountApplied"))
        applied[number_of] += int(amount * 100)
        if applied[number_of] > dec(invoice["Balance"]) * 100:
            raise refuse("API_OverApplied", "CashAmountApplied", f"The balance of {number_of} is {invoice['Balance']}.", place)
        paid.append((invoice, amount))

    def _latest(self, number_of: str, sent: Record, kind: str = "", field: str = "ApplyToInvoiceNo", place: int | None = None) -> Record:
        """The highest HeaderSeqNo of an invoice number of the customer."""
        found = self.invoices.where(InvoiceNo=number_of, ARDivisionNo=sent["ARDivisionNo"], CustomerNo=sent["CustomerNo"])
        if not found or (kind and found[-1]["InvoiceType"] != kind):
            raise refuse("CI_NOF", field, f"The invoice {number_of} is not on file for this customer.", place)
        return found[-1]

    def _lower(self, invoice: Record, amount: Decimal) -> None:
        if amount:
            self.invoices.change(invoice, {"Balance": number(dec(invoice["Balance"]) - amount)})


def _invoice_line(line: Record, of_order: Record) -> Record:
    names = ("ItemCode", "QuantityOrdered", "QuantityShipped", "QuantityBackordered", "UnitPrice", "ExtensionAmt")
    return {
        "DetailSeqNo": line["LineKey"],
        "ItemCodeDesc": of_order["ItemCodeDesc"],
        "SalesAcctKey": SALES,
        **{name: line[name] for name in names},
    }


def _total(invoice: Record) -> Decimal:
    return sum((dec(invoice[name]) for name in ("TaxableSalesAmt", "NonTaxableSalesAmt", "FreightAmt", "SalesTaxAmt")), NONE)
