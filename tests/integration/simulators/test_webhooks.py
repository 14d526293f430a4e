"""Deliveries of the simulators: signed, retried, repeated and late as the contracts allow."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from connectors.simulation.faults import Faults
from connectors.simulation.instants import Clock
from connectors.simulation.records import Records
from connectors.simulation.webhooks import Webhooks, Words, sign
from tests.fixtures.processes import wait_for


class Receiver:
    """Keeps what it is sent; answers with `statuses` in turn, then with 200."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks?x=1"

    def events(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.got]

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def subscribe(either, receiver):
    url = {"WebhookUri": receiver.url} if either.system == "channeladvisor" else {"Url": receiver.url}
    return either.ok("createWebhook", body=either.example("createWebhook", **url))


def place(channeladvisor, number="1"):
    return channeladvisor.ok("createOrder", body=channeladvisor.example("createOrder", OrderID=number))["ChannelAdvisorOrderID"]


def holds(either, receiver):
    for _, body in receiver.got:
        event = json.loads(body)
        assert either.contract.events[event["type"]].flaws(event) == []


def test_subscription_life(either, receiver):
    made = subscribe(either, receiver)
    key = made.get("ID") or made["WebhookID"]
    secret = made.pop("SigningSecret" if either.system == "channeladvisor" else "Secret")
    assert secret.startswith("whsec_")
    assert either.ok("getWebhook", key) == made
    off = either.example("updateWebhook", Status="Disabled")
    assert either.ok("updateWebhook", key, off)["Status"] == "Disabled"
    for _ in range(19):
        subscribe(either, receiver)
    refused = 400 if either.system == "channeladvisor" else 422
    assert either.call("createWebhook", body=either.example("createWebhook")).status_code == refused
    for url in ("ftp://sync.example/x", "http:///x", "nonsense"):
        bad = {"WebhookUri": url} if either.system == "channeladvisor" else {"Url": url}
        assert either.call("updateWebhook", key, either.example("updateWebhook", **bad)).status_code == refused
    assert either.call("deleteWebhook", key).status_code == 204
    assert either.call("getWebhook", key).status_code == 404
    page = either.ok("listWebhooks")
    assert len(page.get("value", page.get("items"))) == 19


def test_order_events_are_signed(channeladvisor, receiver):
    secret = subscribe(channeladvisor, receiver)["SigningSecret"]
    key = place(channeladvisor)
    channeladvisor.ok("updateOrder", key, {"OrderStatus": "Cancelled"})
    wait_for(lambda: len(receiver.got) == 3)
    assert sorted(receiver.events()) == ["order.cancelled", "order.created", "order.updated"]
    for headers, body in receiver.got:
        assert abs(time.time() - int(headers["webhook-timestamp"])) < 5
        assert headers["webhook-signature"] == sign(secret, headers["webhook-id"], headers["webhook-timestamp"], body)
    assert len(set(receiver.ids())) == 3
    holds(channeladvisor, receiver)


def test_return_event(channeladvisor, receiver):
    subscribe(channeladvisor, receiver)
    key = place(channeladvisor)
    channeladvisor.world._call("POST", "returns", {"ChannelAdvisorOrderID": key})
    wait_for(lambda: "return.created" in receiver.events())
    holds(channeladvisor, receiver)


def test_stock_and_shipment_events(tims, receiver):
    subscribe(tims, receiver)
    tims.ok("createCustomer", body=tims.example("createCustomer"))
    order = tims.ok("createSalesOrder", body=tims.example("createSalesOrder", CustomerID="C-000001"))
    tims.world.ship(SalesOrderID=order["SalesOrderID"])
    wait_for(lambda: set(receiver.events()) == {"inventory.changed", "shipment.created"} and len(receiver.got) >= 3)
    holds(tims, receiver)
    stock = [json.loads(body)["data"] for _, body in receiver.got if b"inventory" in body]
    assert {each["SKU"]: each["OnHand"] for each in stock} == {"LAMP-001": 99_998, "LAMP-002": 99_999}


def test_shop_events(clarity, receiver):
    events = ["order.created", "order.updated", "product.updated"]
    made = clarity.ok("createWebhook", body={"url": receiver.url, "events": events, "status": "disabled"})
    assert clarity.ok("updateWebhook", made["id"], {"status": "active"})["status"] == "active"
    clarity.world.faults({"duplicate-webhooks": {"times": 1}})
    clarity.ok("updateProduct", "LAMP-001", {"price": 27.99})
    wait_for(lambda: len(receiver.got) == 2)  # or the order's may be the one that comes twice
    address = {"line1": "48 Orchard Lane", "city": "Austin", "country": "US"}
    line = {"sku": "LAMP-001", "quantity": 1, "unitPrice": 24}
    (order,) = clarity.world.place([{"customer": {"email": "a@b.example"}, "shippingAddress": address, "items": [line]}])
    wait_for(lambda: len(receiver.got) == 3)
    clarity.ok("updateOrder", order["id"], {"version": 1, "status": "Processing"})
    wait_for(lambda: len(receiver.got) == 4)
    assert sorted(receiver.events()) == ["order.created", "order.updated", "product.updated", "product.updated"]
    assert len(set(receiver.ids())) == 3
    for headers, body in receiver.got:
        assert headers["webhook-signature"] == sign(made["secret"], headers["webhook-id"], headers["webhook-timestamp"], body)
    holds(clarity, receiver)
    receiver.statuses = [410]
    clarity.world.change(order["id"], notes="Ring twice.")
    wait_for(lambda: clarity.ok("getWebhook", made["id"])["status"] == "disabled")


def test_disabled_and_unwanted_events_are_not_sent(channeladvisor, receiver):
    body = channeladvisor.example("createWebhook", WebhookUri=receiver.url)
    channeladvisor.ok("createWebhook", body={**body, "Status": "Disabled"})
    channeladvisor.ok("createWebhook", body={**body, "EventTypes": ["order.cancelled"]})
    key = place(channeladvisor)
    channeladvisor.ok("updateOrder", key, {"OrderStatus": "Cancelled"})
    wait_for(lambda: receiver.got)
    place(channeladvisor, "2")
    assert receiver.events() == ["order.cancelled"]


def test_duplicates_have_the_same_id(channeladvisor, receiver):
    subscribe(channeladvisor, receiver)
    channeladvisor.world.faults({"duplicate-webhooks": {"times": 1}})
    place(channeladvisor)
    wait_for(lambda: len(receiver.got) == 2)
    assert len(set(receiver.ids())) == 1


def test_out_of_order(channeladvisor, receiver):
    subscribe(channeladvisor, receiver)
    channeladvisor.world.faults({"out-of-order-webhooks": {"times": 1, "delay": 0.4}})
    key = place(channeladvisor)
    channeladvisor.ok("updateOrder", key, {"OrderStatus": "Pending"})
    wait_for(lambda: len(receiver.got) == 2)
    assert receiver.events() == ["order.updated", "order.created"]


def test_410_disables(channeladvisor, receiver):
    receiver.statuses = [410]
    key = subscribe(channeladvisor, receiver)["ID"]
    place(channeladvisor)
    wait_for(lambda: channeladvisor.ok("getWebhook", key)["Status"] == "Disabled")


def delivered(receiver: Receiver, statuses: list[int], delays: list[float], wanted: int) -> None:
    """One event through a queue of its own, with delays that a test can wait for."""
    receiver.statuses = statuses

    async def run() -> None:
        words = Words(url="Url", events="Events", on="Active", off="Disabled", secret="Secret")
        webhooks = Webhooks(Records(Clock(), "ID", "UpdatedAt"), words, Faults([], []), delays)
        webhooks.subscribe({"ID": 1, "Url": receiver.url, "Events": ["e"], "Status": "Active"})
        webhooks.publish("e", "2026-03-02T14:05:09.120Z", {"x": 1})
        task = asyncio.create_task(webhooks.deliver())
        async with asyncio.timeout(5):
            # The receiver is a thread, which sets no asyncio.Event.
            while len(receiver.got) < wanted or webhooks._queue:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(run())


def test_what_is_not_accepted_is_tried_again_with_the_same_id(receiver):
    delivered(receiver, [500, 302, 404], [0.01, 0.02, 0.03, 0.04], wanted=4)
    assert len(receiver.got) == 4
    assert len(set(receiver.ids())) == 1


def test_and_dropped_when_the_delays_are_used_up(receiver):
    delivered(receiver, [500, 500, 500, 500], [0.01, 0.02], wanted=3)
    time.sleep(0.1)
    assert len(receiver.got) == 3
