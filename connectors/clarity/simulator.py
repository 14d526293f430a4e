"""The simulated Clarity, by `contract.yaml` beside it: what its parts share, and what buyers and store staff do to it."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from connectors.clarity.simulator_orders import Orders
from connectors.clarity.simulator_seen import Seen
from connectors.clarity.simulator_shipments import Shipments
from connectors.clarity.simulator_shop import Customers, Products, Stock
from connectors.simulation.answers import Answer, Flaw, Record, Refusal, Request
from connectors.simulation.catalogue import goods
from connectors.simulation.contract import load
from connectors.simulation.exchange import Exchange
from connectors.simulation.instants import to_text
from connectors.simulation.records import Records, Slice, since
from connectors.simulation.simulator import ListWords, Options, Select, Simulator
from connectors.simulation.tokens import Tokens
from connectors.simulation.webhooks import MOST_SUBSCRIPTIONS, Webhooks, Words, deliverable

CLIENT_ID = "demo-client"
CLIENT_SECRET = "demo-client-secret"  # noqa: S105 - obviously fake
API_KEY = "demo-api-key"
OTHER_KEY = "demo-api-key-of-another-client"
TOKEN_SECONDS = 3600
TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class ClaritySimulator(Simulator):
    words: ClassVar = ListWords(since="updatedSince", size="pageSize", token="page")  # noqa: S106 - a parameter's name
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
        tokens = Tokens((CLIENT_ID, CLIENT_SECRET), "Bearer", options.token_seconds or TOKEN_SECONDS, in_form=True)
        super().__init__(contract, options, tokens)
        subscriptions = Records(self.clock, "id", "updatedAt")
        words = Words(url="url", events="events", on="active", off="disabled", secret="secret", status="status")  # noqa: S106
        self.webhooks = Webhooks(subscriptions, words, self.faults, contract.document["x-webhook-delivery"]["retry_delays_seconds"])
        self._subscriptions = 0
        self._seen = Seen(self.clock, self.faults)

        self.customers = Customers(self)
        self.stock = Stock(self)
        self.products = Products(self, self.stock, self.webhooks, self._seen)
        self.orders = Orders(self, self.customers, self.stock, self.webhooks, self._seen)
        self.shipments = Shipments(self, self.orders)
        for part in (self.customers, self.stock, self.products, self.orders, self.shipments):
            self.handlers |= part.handlers
        self.handlers |= {
            "listWebhooks": self._subscribers,
            "createWebhook": self._subscribe,
            "getWebhook": lambda request: Answer(200, request.record),
            "updateWebhook": self._change_subscription,
            "deleteWebhook": self._unsubscribe,
        }
        base = "/api/v1"
        self.named = {
            f"{base}/orders/{{id}}": (self.orders.records, "Order"),
            f"{base}/customers/{{id}}": (self.customers.records, "Customer"),
            f"{base}/products/{{sku}}": (self.products.records, "Product"),
            f"{base}/inventory/{{sku}}": (self.stock.records, "Stock record"),
            f"{base}/shipments/{{id}}": (self.shipments.records, "Shipment"),
            f"{base}/webhooks/{{id}}": (subscriptions, "Subscription"),
        }
        self.controls = {
            ("POST", "orders"): self.orders.place,
            ("POST", "orders/"): self.orders.edit,
            ("POST", "customers"): self.customers.place,
            ("POST", "products"): self.products.place,
            ("GET", "inventory"): lambda _: {"inventory": list(self.stock.records)},
        }

        for each in goods(options.items):
            if each.status == "Active":
                sent = {"sku": each.sku, "name": each.title, "currency": "USD", "status": "Active", "barcode": each.upc}
                self.products.store(sent | {"price": each.list_price / 100})

    async def run(self) -> None:
        await self.webhooks.deliver()

    def knows(self, exchange: Exchange) -> bool:
        key = exchange.headers.get(b"x-api-key", b"").decode("latin-1")
        if super().knows(exchange) and hmac.compare_digest(key.encode(), OTHER_KEY.encode()):
            raise Refusal(403, "forbidden", "Key of another client.")
        return super().knows(exchange) and hmac.compare_digest(key.encode(), API_KEY.encode())

    def touch(self, records: Records, record: Record) -> None:
        records.change(record, {"version": record["version"] + 1} if "version" in record else None)

    def listing(self, request: Request, records: Records, select: Select | None = None) -> Answer:
        """Pages are cut at each call from the present order, so that a change shifts what follows."""
        filters = dict(request.query)
        number, size, sort = filters.pop("page"), filters.pop("pageSize"), filters.pop("sort")
        part = replace(select(filters) if select else Slice(), since=since(filters.get("updatedSince")))
        found, _ = records.page(part, len(records) + 1)
        earliest = "" if part.since is None else to_text(part.since)
        shown = [seen for each in found if (seen := self._seen.peek(records, each)) is not None and seen[records.changed] >= earliest]
        shown.sort(key=lambda record: record[records.key] if sort == "id" else (record[records.changed], record[records.key]))
        page = shown[(number - 1) * size : number * size]
        answer = {"page": number, "pageSize": size, "total": len(shown), "items": page}
        if number == 1:
            self._moved.clear()
        if page and number * size < len(shown) and self.faults.strikes("page-shift", request.operation):
            answer["items"] = [dict(record) for record in page]
            self._move_one(records, page)
        return Answer(200, answer, check=request.operation != "listOrders" or self.orders.sound(page))

    def page_answer(self, request: Request, page: Sequence[Record], token: str | None) -> Answer:
        return Answer(200, {"page": 1, "pageSize": MOST_SUBSCRIPTIONS, "total": len(page), "items": page})

    def error(self, refusal: Refusal) -> Answer:
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": TITLES.get(refusal.status, "Error"),
            "status": refusal.status,
            "code": refusal.code,
            "detail": refusal.message[:1000],
            **refusal.members,
        }
        if refusal.code == self.codes["invalid"]:
            body["errors"] = [{"field": flaw.field, "message": flaw.message} for flaw in refusal.flaws[:50]]
        return Answer(refusal.status, body, refusal.headers, media="application/problem+json")

    def bad_request(self, field_name: str, message: str) -> Refusal:
        return Refusal(400, self.codes["bad_request"], message)

    def state(self) -> dict[str, Any]:
        return {
            "orders": list(self.orders.records),
            "customers": list(self.customers.records),
            "products": list(self.products.records),
            "inventory": list(self.stock.records),
            "shipments": list(self.shipments.records),
            "mails": list(self.shipments.mails),
            "messages": list(self.orders.messages),
            "webhooks": list(self.webhooks.subscriptions),
        }

    def _subscribers(self, request: Request) -> Answer:
        return self.page_answer(request, list(self.webhooks.subscriptions), None)

    def _subscribe(self, request: Request) -> Answer:
        self._check_url(request)
        if len(self.webhooks.subscriptions) >= MOST_SUBSCRIPTIONS:
            raise self.invalid(Flaw("", "too_many", f"There are {MOST_SUBSCRIPTIONS} subscriptions, which is the most."))
        self._subscriptions += 1
        identity = {"id": self._subscriptions, "status": "active", "createdAt": self.clock.text()}
        return Answer(201, self.webhooks.subscribe({**identity, **request.body}))

    def _check_url(self, request: Request) -> None:
        if "url" in request.body and not deliverable(request.body["url"]):
            raise self.invalid(Flaw("url", "invalid_format", "Must be an http or https address."))

    def _change_subscription(self, request: Request) -> Answer:
        self._check_url(request)
        if any(request.record[name] != value for name, value in request.body.items()):
            self.webhooks.subscriptions.change(request.record, request.body)
        return Answer(200, request.record)

    def _unsubscribe(self, request: Request) -> Answer:
        self.webhooks.subscriptions.remove(request.record["id"])
        return Answer(204)
