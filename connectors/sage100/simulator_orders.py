"""Sales orders of the simulated Sage 100: numbered, checked against credit and stock, changed within the rules, edited by staff."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import islice
from typing import Any

from connectors.sage100.simulator_customers import Customers
from connectors.sage100.simulator_stock import MAIN, Stock
from connectors.sage100.simulator_system import Sage
from connectors.sage100.simulator_writes import cents, dec, number, refuse, stored
from connectors.simulation.answers import Answer, Command, ControlError, Record, Request
from connectors.simulation.simulator import Handler

AMOUNTS = ("FreightAmt", "SalesTaxAmt", "DiscountAmt", "DepositAmt")
TEXTS = (
    "CustomerPONo", "ShipToCode", "ShipToName", "ShipToAddress1", "ShipToAddress2", "ShipToAddress3", "ShipToCity", "ShipToState",
    "ShipToZipCode", "ShipToCountryCode", "ShipVia", "PaymentType", "OtherPaymentTypeRefNo", "ConfirmTo", "Comment",
)  # fmt: skip
FROM_CUSTOMER = {
    "BillToName": "CustomerName", "BillToAddress1": "AddressLine1", "BillToAddress2": "AddressLine2", "BillToAddress3": "AddressLine3",
    "BillToCity": "City", "BillToState": "State", "BillToZipCode": "ZipCode", "BillToCountryCode": "CountryCode",
    "TermsCode": "TermsCode", "TaxSchedule": "TaxSchedule", "EmailAddress": "EmailAddress",
}  # fmt: skip
CHARGE = "3"


class SalesOrders:
    """`open_amounts` is what each order adds to its customer's OpenOrderAmt."""

    def __init__(self, system: Sage, customers: Customers, stock: Stock) -> None:
        self.table = system.table("SalesOrderNo")
        self.open_amounts: dict[str, Decimal] = {}
        self._system, self._customers, self._stock = system, customers, stock
        self._moves: Mapping[str, list[str]] = system.contract.document["x-status-transitions"]["OrderStatus by clients"]
        self._members = frozenset(system.contract.schema("SalesOrder")["properties"])
        equal = ("CustomerPONo", "ARDivisionNo", "CustomerNo", "OrderStatus")
        self.handlers: Mapping[str, Handler] = {
            "listSalesOrders": lambda request: system.page(request, self.table, *equal),
            "createSalesOrder": self._create,
            "getSalesOrder": lambda request: Answer(200, request.record),
            "updateSalesOrder": self._update,
        }

    def since(self, command: Command) -> Any:
        """Control plane: the orders behind the first so many, each with the number by which its origin knows it, and its own."""
        first = int(command.key) if command.key.isdecimal() else 0
        return {"booked": [[order["CustomerPONo"], order["SalesOrderNo"]] for order in islice(self.table, first, None)]}

    def edit(self, command: Command) -> Any:
        """Control plane: staff set members of an order; moves its time even where they set none."""
        order = self.table.get(command.key)
        if order is None:
            raise ControlError(f"Sales order {command.key} does not exist.")
        if unknown := sorted(set(command.body) - self._members):
            raise ControlError(f"A sales order has no member {unknown[0]!r}.")
        if command.body.get("OrderStatus") == "C" and order["OrderStatus"] != "C":
            self._cancel(order)
        return self.table.change(order, command.body)

    def settle(self, order: Record, amount: Decimal) -> None:
        """What an order still adds to its customer's OpenOrderAmt from now on."""
        before = self.open_amounts.get(order["SalesOrderNo"], Decimal(0))
        self.open_amounts[order["SalesOrderNo"]] = amount
        self._customers.owe(self._customers.of(order), open_orders=amount - before)

    def stocked(self, order: Record) -> Iterator[Record]:
        """Its lines that touch stock."""
        return (line for line in order["Lines"] if line["ItemType"] != CHARGE)

    # create -------------------------------------------------------------------------------------------------------------------------

    def _create(self, request: Request) -> Answer:
        sent = request.body
        customer = self._customers.of(sent)
        self._check_header(sent)
        lines = [self._line(line, sent, place) for place, line in enumerate(sent["Lines"], start=1)]
        name = f"{sent['ARDivisionNo']}-{sent['CustomerNo']}"
        if customer["CreditHold"] == "Y":
            raise refuse("API_CreditHold", "CustomerNo", f"The customer {name} is on credit hold.")
        if customer["CustomerStatus"] == "I":
            raise refuse("API_Inactive", "CustomerNo", f"The customer {name} is inactive.")
        if sent.get("CustomerPONo") and self._system.faults.strikes("duplicate-po-allowed", request.operation):
            self._store(sent, customer, [dict(line) for line in lines], [])
        warnings: list[tuple[str, str]] = []
        order = self._store(sent, customer, lines, warnings)
        if not warnings and self._system.faults.strikes("warning-is-stored", request.operation):
            warnings.append(("API_BackOrdered", "A line may not be covered by the available quantity."))
        return stored(request.operation, order, warnings)

    def _store(self, sent: Record, customer: Record, lines: list[Record], warnings: list[tuple[str, str]]) -> Record:
        po = sent.get("CustomerPONo")
        same = self.table.where(ARDivisionNo=sent["ARDivisionNo"], CustomerNo=sent["CustomerNo"], CustomerPONo=po) if po else []
        if same:
            said = f"Customer PO number {po} is already used on sales order {same[0]['SalesOrderNo']}."
            warnings.append(("API_DuplicatePO", said))
        order = {
            "SalesOrderNo": f"{len(self.table) + 1:07d}",
            "OrderType": "S",
            "CancelReasonCode": "",
            "CurrentInvoiceNo": "",
            "LastInvoiceOrderNo": "",
            **dict.fromkeys(TEXTS, ""),
            **dict.fromkeys(AMOUNTS, 0),
            **{name: customer.get(other) or "" for name, other in FROM_CUSTOMER.items()},
            "WarehouseCode": MAIN,
            "OrderStatus": "N",
            **{name: value for name, value in sent.items() if value is not None},
            "Lines": lines,
        }
        total = total_of(order)
        owed = dec(customer["CurrentBalance"]) + dec(customer["OpenOrderAmt"]) + total - dec(order["DepositAmt"])
        limit = dec(customer["CreditLimit"])
        if 0 < limit < owed and dec(order["DepositAmt"]) < total:
            warnings.append(("API_CreditLimit", "The customer's credit limit is exceeded; the order is on hold."))
            order["OrderStatus"] = "H"
        for line in self.stocked(order):
            self._commit(line, warnings)
        self.table.add(order)
        self.settle(order, total)
        return order

    def _commit(self, line: Record, warnings: list[tuple[str, str]]) -> None:
        item, warehouse, wanted = line["ItemCode"], line["WarehouseCode"], dec(line["QuantityOrdered"])
        if self._system.faults.strikes("negative-available"):
            self._stock.change(item, warehouse, QuantityOnHand=-max(self._stock.available(item, warehouse), Decimal(0)))
        covered = min(wanted, max(self._stock.available(item, warehouse), Decimal(0)))
        line["QuantityBackordered"] = number(wanted - covered)
        self._stock.change(item, warehouse, QuantityOnSalesOrder=covered, QuantityOnBackOrder=wanted - covered)
        if covered < wanted:
            warnings.append(("API_BackOrdered", f"{line['QuantityBackordered']} of {item} are back ordered."))

    def _line(self, sent: Record, header: Record, place: int) -> Record:
        item = self._stock.items.get(sent["ItemCode"])
        if item is None:
            raise refuse("CI_NOF", "ItemCode", f"The Item Code {sent['ItemCode']} is not on file.", place)
        if item["InactiveItem"] == "Y":
            raise refuse("API_Inactive", "ItemCode", f"The Item Code {sent['ItemCode']} is inactive.", place)
        self._system.codes_on_file.check(sent, place)
        price = item["StandardUnitPrice"] if sent.get("UnitPrice") is None else sent["UnitPrice"]
        if price < 0 and item["ItemType"] != CHARGE:
            raise refuse("API_InvalidValue", "UnitPrice", "UnitPrice may be negative only for a charge.", place)
        line = {
            "LineKey": f"{place:06d}",
            "ItemType": item["ItemType"],
            "ItemCodeDesc": item["ItemCodeDesc"],
            "WarehouseCode": header.get("WarehouseCode") or MAIN,
            "UnitOfMeasure": item["SalesUnitOfMeasure"] or "EACH",
            "QuantityShipped": 0,
            "QuantityBackordered": 0,
            "LineDiscountPercent": 0,
            "TaxClass": item["TaxClass"],
            "AliasItemNo": "",
            "PromiseDate": "",
            "CommentText": "",
            **{name: value for name, value in sent.items() if value not in (None, "")},
            "UnitPrice": price,
        }
        share = 1 - dec(line["LineDiscountPercent"]) / 100
        line["ExtensionAmt"] = number(cents(dec(line["QuantityOrdered"]) * dec(price) * share))
        return line

    # update -------------------------------------------------------------------------------------------------------------------------

    def _update(self, request: Request) -> Answer:
        order, wanted = request.record, {name: value for name, value in request.body.items() if request.record.get(name) != value}
        wanted = {name: (0 if name in AMOUNTS and value is None else value) for name, value in wanted.items()}
        self._check_header(wanted, order)
        status = str(wanted.get("OrderStatus", order["OrderStatus"]))
        if wanted and order["OrderStatus"] == "C":
            raise refuse("API_StatusChange", "OrderStatus", "The order is complete and changes no more.")
        if status != order["OrderStatus"]:
            self._move(order, status, wanted)
        if wanted:
            before = total_of(order)
            self.table.change(order, wanted)
            if status != "C" and total_of(order) != before:
                self.settle(order, self.open_amounts[order["SalesOrderNo"]] + total_of(order) - before)
        return stored(request.operation, order)

    def _move(self, order: Record, status: str, wanted: Record) -> None:
        if status not in self._moves[order["OrderStatus"]]:
            raise refuse("API_StatusChange", "OrderStatus", f"The order cannot go from {order['OrderStatus']} to {status}.")
        if status != "C":
            return
        if any(line["QuantityShipped"] for line in order["Lines"]):
            raise refuse("API_StatusChange", "OrderStatus", "The order cannot be cancelled once a unit has shipped.")
        if not wanted.get("CancelReasonCode"):
            raise refuse("API_Required", "CancelReasonCode", "CancelReasonCode is needed to cancel.")
        self._cancel(order)

    def _cancel(self, order: Record) -> None:
        """Take what has not shipped off the stock again."""
        for line in self.stocked(order):
            left = dec(line["QuantityOrdered"]) - dec(line["QuantityShipped"])
            short = min(dec(line["QuantityBackordered"]), left)
            self._stock.change(line["ItemCode"], line["WarehouseCode"], QuantityOnSalesOrder=short - left, QuantityOnBackOrder=-short)
            line["QuantityBackordered"] = 0
        self.settle(order, Decimal(0))

    def _check_header(self, sent: Record, order: Record | None = None) -> None:
        self._system.codes_on_file.check(sent)
        for before in ("BillTo", "ShipTo"):
            if any(name.startswith(before) for name in sent):
                self._system.codes_on_file.check_address({**(order or {}), **sent}, before)


def total_of(order: Record) -> Decimal:
    lines = sum((dec(line["ExtensionAmt"]) for line in order["Lines"]), Decimal(0))
    return lines + dec(order["FreightAmt"]) + dec(order["SalesTaxAmt"]) - dec(order["DiscountAmt"])
