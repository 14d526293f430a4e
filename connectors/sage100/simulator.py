"""The simulated Sage 100, by `contract.yaml` beside it: its parts put together, and what people do to it."""

from __future__ import annotations

import asyncio
from typing import Any

from connectors.sage100.simulator_customers import Customers
from connectors.sage100.simulator_ledger import Ledger
from connectors.sage100.simulator_orders import SalesOrders
from connectors.sage100.simulator_receivables import Receivables
from connectors.sage100.simulator_stock import Stock
from connectors.sage100.simulator_system import Sage
from connectors.sage100.simulator_warehouse import Warehouse
from connectors.simulation.simulator import Options

STEP_SECONDS = 0.5


class Sage100Simulator(Sage):
    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.customers = Customers(self)
        self.stock = Stock(self, options.items)
        self.orders = SalesOrders(self, self.customers, self.stock)
        self.warehouse = Warehouse(self, self.orders, self.stock)
        self.receivables = Receivables(self, self.customers, self.orders, self.stock, self.warehouse)
        self.ledger = Ledger(self)
        for part in (self.customers, self.stock, self.orders, self.warehouse, self.receivables, self.ledger):
            self.handlers |= part.handlers
        self.named = {
            "/SO/SalesOrder/{SalesOrderNo}": (self.orders.table, "The Sales Order"),
            "/SO/Shipment/{InvoiceNo}": (self.warehouse.shipments, "The Shipment"),
            "/AR/Customer/{ARDivisionNo}/{CustomerNo}": (self.customers.table, "The Customer"),
            "/AR/Invoice/{InvoiceNo}/{HeaderSeqNo}": (self.receivables.invoices, "The Invoice"),
            "/CI/Item/{ItemCode}": (self.stock.items, "The Item Code"),
            "/IM/ItemWarehouse/{ItemCode}/{WarehouseCode}": (self.stock.quantities, "The Item Code"),
            "/GL/JournalEntry/{SourceJournal}/{EntryNo}": (self.ledger.entries, "The Journal Entry"),
        }
        self.controls = {
            ("POST", "items"): self.stock.place_items,
            ("POST", "aliases"): self.stock.place_alias,
            ("POST", "inventory"): self.stock.place_quantity,
            ("POST", "customers"): self.customers.place,
            ("POST", "sales-orders/"): self.orders.edit,
            ("GET", "sales-orders/"): self.orders.since,
            ("POST", "ship"): self.warehouse.ship,
            ("POST", "tracking"): self.warehouse.track,
            ("POST", "post"): self.receivables.post,
            ("POST", "pay"): self.receivables.pay,
            ("POST", "lock"): self.lock,
            ("POST", "clock"): self.clock.set,
        }

    async def run(self) -> None:
        while True:
            await asyncio.sleep(STEP_SECONDS)
            self.warehouse.add_tracking()

    def state(self) -> dict[str, Any]:
        return {
            "customers": list(self.customers.table),
            "items": list(self.stock.items),
            "aliases": list(self.stock.aliases),
            "inventory": list(self.stock.quantities),
            "sales_orders": list(self.orders.table),
            "shipments": list(self.warehouse.shipments),
            "invoices": list(self.receivables.invoices),
            "receipts": list(self.receivables.receipts),
            "journal_entries": list(self.ledger.entries),
        }
