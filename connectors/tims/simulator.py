"""The simulated TIMS, by `contract.yaml` beside it: what its parts share, and what the warehouse does to it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from connectors.simulation.answers import Answer, Flaw, Record, Refusal, Request
from connectors.simulation.contract import load
from connectors.simulation.records import Records
from connectors.simulation.simulator import ListWords, Options, Simulator
from connectors.simulation.tokens import Tokens
from connectors.simulation.webhooks import MOST_SUBSCRIPTIONS, Webhooks, Words, deliverable
from connectors.tims.simulator_accounts import Accounts
from connectors.tims.simulator_customers import Customers
from connectors.tims.simulator_ledger import Ledger
from connectors.tims.simulator_orders import SalesOrders
from connectors.tims.simulator_stock import Stock
from connectors.tims.simulator_warehouse import Warehouse

CLIENT_ID = "demo-client"
CLIENT_SECRET = "demo-client-secret"  # noqa: S105 - obviously fake
TOKEN_SECONDS = 1800
STEP_SECONDS = 0.5  # the contract allows 5 until an order that stock covers is Allocated


class TimsSimulator(Simulator):
    words: ClassVar = ListWords(since="changedSince", size="limit", token="cursor")  # noqa: S106 - a parameter's name
    codes: ClassVar[Mapping[str, str]] = {
        "bad_request": "bad_request",
        "bad_page_token": "bad_request",
        "invalid": "validation_failed",
        "unauthorized": "unauthorized",
        "not_found": "not_found",
        "rate_limited": "rate_limited",
        "internal_error": "internal_error",
        "unavailable": "unavailable",
    }
    invalid_status: ClassVar = 422

    def __init__(self, options: Options) -> None:
        contract = load(Path(__file__).with_name("contract.yaml"))
        super().__init__(contract, options, Tokens((CLIENT_ID, CLIENT_SECRET), "Bearer", options.token_seconds or TOKEN_SECONDS))
        subscriptions = Records(self.clock, "WebhookID", "UpdatedAt")
        words = Words(url="Url", events="Events", on="Active", off="Disabled", secret="Secret")  # noqa: S106
        delays = contract.document["x-webhook-delivery"]["retry_delays_seconds"]
        self.webhooks = Webhooks(subscriptions, words, self.faults, delays)
        self._subscriptions = 0

        self.customers = Customers(self)
        self.stock = Stock(self, self.webhooks, options.items)
        self.orders = SalesOrders(self, self.customers, self.stock)
        self.warehouse = Warehouse(self, self.orders, self.stock, self.webhooks)
        self.accounts = Accounts(self, self.customers, self.orders)
        self.ledger = Ledger(self)
        for part in (self.customers, self.stock, self.orders, self.warehouse, self.accounts, self.ledger):
            self.handlers |= part.handlers
        self.handlers |= {
            "listWebhooks": lambda request: self.page_answer(request, list(subscriptions), None),
            "createWebhook": self._subscribe,
            "getWebhook": lambda request: Answer(200, request.record),
            "updateWebhook": self._change_subscription,
            "deleteWebhook": self._unsubscribe,
        }
        base = "/api/v1"
        self.named = {
            f"{base}/customers/{{id}}": (self.customers.records, "Customer"),
            f"{base}/items/{{sku}}": (self.stock.items, "Item"),
            f"{base}/inventory/items/{{sku}}/quantity": (self.stock.quantities, "Item"),
            f"{base}/sales-orders/{{id}}": (self.orders.records, "Sales order"),
            f"{base}/shipments/{{id}}": (self.warehouse.shipments, "Shipment"),
            f"{base}/invoices/{{id}}": (self.accounts.invoices, "Invoice"),
            f"{base}/payments/{{id}}": (self.accounts.payments, "Payment"),
            f"{base}/gl-entries/{{id}}": (self.ledger.entries, "Ledger entry"),
            f"{base}/webhooks/{{id}}": (subscriptions, "Subscription"),
        }
        self.controls = {
            ("POST", "items"): self.stock.place_items,
            ("POST", "inventory"): self.stock.place_quantity,
            ("GET", "inventory"): lambda _: {"inventory": list(self.stock.quantities), "held": self.orders.held()},
            ("POST", "customers"): self.customers.place,
            ("POST", "sales-orders/"): self.orders.edit,
            ("GET", "sales-orders/"): self.orders.since,
            ("POST", "ship"): self.warehouse.ship,
        }

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.webhooks.deliver())
            tasks.create_task(self._work())

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(STEP_SECONDS)
            self.warehouse.allocate()
            self.warehouse.add_tracking()
            self.stock.tell()

    def touch(self, records: Records, record: Record) -> None:
        records.change(record, {"Version": record["Version"] + 1} if "Version" in record else None)

    def error(self, refusal: Refusal) -> Answer:
        body: dict[str, Any] = {"code": refusal.code, "message": refusal.message[:1000], **refusal.members}
        if refusal.code == self.codes["invalid"]:
            body["errors"] = [{"field": flaw.field, "code": flaw.kind, "message": flaw.message} for flaw in refusal.flaws[:50]]
        return Answer(refusal.status, body, refusal.headers)

    def page_answer(self, request: Request, page: Sequence[Record], token: str | None) -> Answer:
        return Answer(200, {"items": page, "next": token})

    def state(self) -> dict[str, Any]:
        return {
            "customers": list(self.customers.records),
            "items": list(self.stock.items),
            "inventory": list(self.stock.quantities),
            "adjustments": list(self.stock.adjustments),
            "sales_orders": list(self.orders.records),
            "shipments": list(self.warehouse.shipments),
            "invoices": list(self.accounts.invoices),
            "payments": list(self.accounts.payments),
            "gl_entries": list(self.ledger.entries),
            "webhooks": list(self.webhooks.subscriptions),
        }

    def _subscribe(self, request: Request) -> Answer:
        self._check_url(request)
        if len(self.webhooks.subscriptions) >= MOST_SUBSCRIPTIONS:
            raise self.invalid(Flaw("", "too_many", f"There are {MOST_SUBSCRIPTIONS} subscriptions, which is the most."))
        self._subscriptions += 1
        identity = {"WebhookID": f"WH-{self._subscriptions:07d}", "CreatedAt": self.clock.text()}
        return Answer(201, self.webhooks.subscribe({**identity, **request.body}))

    def _check_url(self, request: Request) -> None:
        if not deliverable(request.body["Url"]):
            raise self.invalid(Flaw("Url", "invalid_format", "Must be an http or https address."))

    def _change_subscription(self, request: Request) -> Answer:
        self._check_url(request)
        if any(request.record[name] != value for name, value in request.body.items()):
            self.webhooks.subscriptions.change(request.record, request.body)
        return Answer(200, request.record)

    def _unsubscribe(self, request: Request) -> Answer:
        self.webhooks.subscriptions.remove(request.record["WebhookID"])
        return Answer(204)
