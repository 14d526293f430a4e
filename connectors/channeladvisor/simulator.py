"""The simulated ChannelAdvisor, by `contract.yaml` beside it: what its parts share, and what the world does to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from connectors.channeladvisor.simulator_aftersales import Payouts, Returns, Shipments
from connectors.channeladvisor.simulator_catalog import Catalog
from connectors.channeladvisor.simulator_orders import Orders
from connectors.channeladvisor.simulator_stock import Stock
from connectors.simulation.answers import Answer, Record, Refusal, Request
from connectors.simulation.catalogue import goods
from connectors.simulation.contract import load
from connectors.simulation.money import amount
from connectors.simulation.records import Records
from connectors.simulation.simulator import ListWords, Options, Simulator
from connectors.simulation.tokens import Tokens
from connectors.simulation.webhooks import MOST_SUBSCRIPTIONS, Webhooks, Words, deliverable

APPLICATION_ID = "demo-application"
SHARED_SECRET = "demo-shared-secret"  # noqa: S105 - obviously fake
REFRESH_TOKEN = "demo-refresh-token"  # noqa: S105 - obviously fake
TOKEN_SECONDS = 3600


class ChannelAdvisorSimulator(Simulator):
    words: ClassVar = ListWords(since="updatedSince", size="pageSize", token="pageToken")  # noqa: S106 - a parameter's name
    codes: ClassVar[Mapping[str, str]] = {
        "bad_request": "InvalidRequest",
        "bad_page_token": "InvalidPageToken",
        "invalid": "InvalidRequest",
        "unauthorized": "",
        "not_found": "NotFound",
        "rate_limited": "TooManyRequests",
        "internal_error": "InternalError",
        "unavailable": "ServiceUnavailable",
    }
    invalid_status: ClassVar = 400

    def __init__(self, options: Options) -> None:
        contract = load(Path(__file__).with_name("contract.yaml"))
        tokens = Tokens((APPLICATION_ID, SHARED_SECRET), "bearer", options.token_seconds or TOKEN_SECONDS, REFRESH_TOKEN)
        super().__init__(contract, options, tokens)
        subscriptions = Records(self.clock, "ID", "UpdatedDate")
        words = Words(url="WebhookUri", events="EventTypes", on="Enabled", off="Disabled", secret="SigningSecret")  # noqa: S106
        delays = contract.document["x-webhook-delivery"]["retry_delays_seconds"]
        self.webhooks = Webhooks(subscriptions, words, self.faults, delays)
        self._subscriptions = 0

        self.stock = Stock(self)
        self.orders = Orders(self, self.stock, self.webhooks)
        self.catalog = Catalog(self, self.stock)
        self.shipments = Shipments(self, self.orders)
        self.returns = Returns(self, self.orders, self.webhooks)
        self.payouts = Payouts(self, self.orders)
        for part in (self.stock, self.orders, self.catalog, self.shipments, self.returns, self.payouts):
            self.handlers |= part.handlers
        self.handlers |= {
            "listWebhooks": self._subscribers,
            "createWebhook": self._subscribe,
            "getWebhook": lambda request: Answer(200, request.record),
            "updateWebhook": self._change_subscription,
            "deleteWebhook": self._unsubscribe,
        }
        self.named = {
            "/v2/orders/{id}": (self.orders.records, "Order"),
            "/v2/orders/{id}/export": (self.orders.records, "Order"),
            "/v2/inventory/{sku}": (self.stock.records, "Stock record"),
            "/v2/products/{sku}": (self.catalog.products, "Product"),
            "/v2/listings/{id}": (self.catalog.listings, "Listing"),
            "/v2/returns/{id}": (self.returns.records, "Return"),
            "/v2/webhooks/{id}": (subscriptions, "Webhook"),
        }
        self.controls = {
            ("POST", "orders"): self.orders.place,
            ("POST", "orders/"): self.orders.edit,
            ("POST", "products"): self.catalog.place,
            ("GET", "inventory"): lambda _: {"inventory": list(self.stock.records)},
            ("POST", "returns"): self.returns.open,
            ("POST", "payouts"): self.payouts.pay,
        }

        for each in goods(options.items):
            if each.status == "Active":
                sent = {"SKU": each.sku, "Title": each.title, "Currency": "USD", "Brand": each.brand, "UPC": each.upc}
                self.catalog.store(sent | {"RetailPrice": amount(each.list_price)})

    async def run(self) -> None:
        await self.webhooks.deliver()

    def error(self, refusal: Refusal) -> Answer:
        error: dict[str, Any] = {"code": refusal.code, "message": refusal.message[:1000]}
        if refusal.flaws:
            error["details"] = [{"target": flaw.field, "message": flaw.message} for flaw in refusal.flaws[:100]]
        return Answer(refusal.status, {"error": error}, refusal.headers)

    def page_answer(self, request: Request, page: Sequence[Record], token: str | None) -> Answer:
        body: dict[str, Any] = {"value": page}
        if token is not None:
            path = self.contract.operations[request.operation].path
            body["nextLink"] = f"{request.base_url}{path}?pageToken={token}&pageSize={request.query['pageSize']}"
        return Answer(200, body, check=request.operation != "listOrders" or self.orders.sound(page))

    def state(self) -> dict[str, Any]:
        return {
            "orders": list(self.orders.records),
            "inventory": list(self.stock.records),
            "products": list(self.catalog.products),
            "prices": list(self.catalog.prices),
            "listings": list(self.catalog.listings),
            "shipments": list(self.shipments.records),
            "returns": list(self.returns.records),
            "payouts": list(self.payouts.records),
            "webhooks": list(self.webhooks.subscriptions),
        }

    def _subscribers(self, _: Request) -> Answer:
        return Answer(200, {"value": list(self.webhooks.subscriptions)})

    def _subscribe(self, request: Request) -> Answer:
        self._check_url(request)
        if len(self.webhooks.subscriptions) >= MOST_SUBSCRIPTIONS:
            raise self.bad_request("", f"There are {MOST_SUBSCRIPTIONS} subscriptions, which is the most.")
        self._subscriptions += 1
        return Answer(201, self.webhooks.subscribe({"ID": self._subscriptions, **request.body}))

    def _check_url(self, request: Request) -> None:
        if not deliverable(request.body["WebhookUri"]):
            raise self.bad_request("WebhookUri", "Must be an http or https address.")

    def _change_subscription(self, request: Request) -> Answer:
        self._check_url(request)
        if any(request.record[name] != value for name, value in request.body.items()):
            self.webhooks.subscriptions.change(request.record, request.body)
        return Answer(200, request.record)

    def _unsubscribe(self, request: Request) -> Answer:
        self.webhooks.subscriptions.remove(request.record["ID"])
        return Answer(204)
