"""The simulated Clarity keeps the rules of its contract: checkout, versions, shipments told once, stock, pages that shift."""

from __future__ import annotations

from typing import Any

import pytest
import requests


def checkout(**changes: Any) -> dict[str, Any]:
    address = {"firstName": "Lee", "lastName": "Park", "line1": "48 Orchard Lane", "city": "Austin", "region": "Texas"}
    return {
        "customer": {"email": "Buyer@shop.example", "firstName": "Lee", "lastName": "Park"},
        "shippingAddress": {**address, "postalCode": "78701", "country": "US"},
        "shippingMethod": "ups-ground",
        "shippingAmount": 6.99,
        "items": [
            {"sku": "LAMP-001", "quantity": 2, "unitPrice": 24, "taxAmount": 4.21, "discountAmount": 5},
            {"sku": "LAMP-002", "quantity": 1, "unitPrice": 39.5, "taxAmount": 3.71},
        ],
        **changes,
    }


def placed(clarity: Any, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = clarity.world.place([checkout(**changes)])[0]
    return made


def shipment(order: dict[str, Any], **changes: Any) -> dict[str, Any]:
    items = [{"lineId": line["lineId"], "sku": line["sku"], "quantity": line["quantity"]} for line in order["items"]]
    sent = {"externalShipmentId": "SAGE-1", "orderId": order["id"], "carrier": "UPS", "shippedAt": "2026-03-03T16:20:00Z", "items": items}
    return {**sent, **changes}


def code(answer: Any) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_who_sends_no_key_or_anothers_is_not_served(clarity):
    key = clarity.session.headers.pop("X-Api-Key")
    assert code(clarity.call("listOrders")) == (401, "unauthorized")
    clarity.session.headers["X-Api-Key"] = "demo-api-key-of-another-client"
    assert code(clarity.call("listOrders")) == (403, "forbidden")
    clarity.session.headers["X-Api-Key"] = key
    assert clarity.call("listOrders").status_code == 200


def test_checks_come_in_the_order_of_the_contract(clarity):
    order = placed(clarity)
    good = {"version": 9, "status": "Processing"}
    clarity.world.faults({"rate-limited": {"times": 1, "retry_after": 7, "operations": ["updateOrder"]}})
    assert code(clarity.call("updateOrder", order["id"], good, nonsense=1)) == (429, "rate_limited")
    assert code(clarity.call("updateOrder", 9, {"status": "Nonsense"}, nonsense=1)) == (400, "bad_request")
    assert code(clarity.call("updateOrder", 9, {"status": "Nonsense"})) == (404, "not_found")
    broken = clarity.call("updateOrder", order["id"], {"version": 9, "status": "Nonsense", "nonsense": 1})
    assert code(broken) == (422, "validation_failed")
    assert {fault["field"] for fault in broken.json()["errors"]} == {"status", "nonsense"}
    assert code(clarity.call("updateOrder", order["id"], good)) == (409, "version_conflict")
    for query in ({"page": 0}, {"pageSize": 101}, {"sort": "total"}, {"updatedSince": "yesterday"}):
        assert code(clarity.call("listOrders", **query)) == (400, "bad_request"), query
    path = f"{clarity.url}/api/v1/orders/{order['id']}"
    answer = clarity.session.put(path, data=b"{", headers={"Content-Type": "application/json"}, timeout=10)
    assert code(answer) == (400, "bad_request")


def test_a_token_is_asked_for_with_the_client_in_the_form(clarity):
    form = {"grant_type": "client_credentials", "client_id": "demo-client", "client_secret": "demo-client-secret"}

    def ask(auth=None, **changes):
        sent = {name: value for name, value in (form | changes).items() if value}
        answer = requests.post(f"{clarity.url}/oauth2/token", auth=auth, data=sent, timeout=10)
        return answer.status_code, answer.json().get("error")

    assert ask() == (200, None)
    assert ask(client_secret="wrong") == (401, "invalid_client")
    assert ask(grant_type="password") == (400, "unsupported_grant_type")
    assert ask(("demo-client", "demo-client-secret"), client_id=None, client_secret=None) == (400, "invalid_request")
    assert ask(extra="1") == (400, "invalid_request")


def test_a_checkout_sums_up_and_takes_stock_at_once(clarity):
    clarity.ok("updateInventory", body={"items": [quantity("MAIN", 1), quantity("WEST", 5)]})
    order = placed(clarity)
    assert (order["orderNumber"], order["version"], order["status"]) == (f"WEB-{order['id']}", 1, "Pending")
    assert [order[name] for name in ("subtotal", "discountAmount", "taxAmount", "total")] == [87.5, 5, 7.92, 97.41]
    stock = clarity.ok("getInventory", "LAMP-001")
    assert [(each["warehouseCode"], each["quantity"]) for each in stock["locations"]] == [("MAIN", 0), ("WEST", 4)]
    clarity.ok("updateOrder", order["id"], {"version": 1, "status": "Void"})
    assert clarity.ok("getInventory", "LAMP-001")["totalQuantity"] == 6


def quantity(warehouse: str, units: int, **changes: Any) -> dict[str, Any]:
    return {"sku": "LAMP-001", "warehouseCode": warehouse, "quantity": units, "asOf": "2026-03-02T14:05:00Z", **changes}


def test_quantities_are_judged_one_by_one(clarity):
    clarity.ok("updateInventory", body={"items": [quantity("MAIN", 7)]})
    items = [
        quantity("MAIN", 9, asOf="2026-03-02T14:04:59Z"),
        quantity("MAIN", 8),
        quantity("MOON", 8),
        quantity("MAIN", -1),
        quantity("MAIN", 8, sku="NONE-1"),
        quantity("WEST", 1, asOf="2199-01-01T00:00:00Z"),
    ]
    results = clarity.ok("updateInventory", body={"items": items})["results"]
    assert [one["status"] for one in results] == ["stale", "accepted", "invalid", "invalid", "unknown_sku", "invalid"]
    assert clarity.ok("getInventory", "LAMP-001")["totalQuantity"] == 8
    assert code(clarity.call("updateInventory", body={"items": []})) == (422, "validation_failed")


def test_an_update_needs_the_version_and_keeps_to_the_moves(clarity):
    order = placed(clarity)
    assert clarity.ok("updateOrder", order["id"], {"version": 1, "status": "Processing", "erpOrderNumber": "0001234"})["version"] == 2
    stale = clarity.call("updateOrder", order["id"], {"version": 1, "status": "OnHold"})
    assert (code(stale), stale.json()["currentVersion"]) == ((409, "version_conflict"), 2)
    assert code(clarity.call("updateOrder", order["id"], {"version": 2, "status": "Shipped"})) == (409, "invalid_status_transition")
    assert clarity.ok("updateOrder", order["id"], {"version": 2, "status": "Processing"})["version"] == 2, "a no-op changes nothing"


def test_shipments_move_the_order_and_mail_once(clarity):
    order = placed(clarity)
    first = clarity.ok("createShipment", body=shipment(order, items=[{"lineId": 1, "sku": "LAMP-001", "quantity": 1}]))
    assert clarity.ok("getOrder", order["id"])["status"] == "Processing"
    again = clarity.call("createShipment", body=shipment(order))
    assert (code(again), again.json()["existingId"]) == ((409, "duplicate_shipment"), first["id"])
    assert code(clarity.call("createShipment", body=shipment(order, externalShipmentId="S-2"))) == (409, "quantity_exceeds_ordered")
    rest = [{"lineId": 1, "sku": "LAMP-001", "quantity": 1}, {"lineId": 2, "sku": "LAMP-002", "quantity": 1}]
    clarity.ok("createShipment", body=shipment(order, externalShipmentId="S-3", items=rest, notifyCustomer=False))
    assert clarity.ok("getOrder", order["id"])["status"] == "Shipped"
    clarity.ok("updateShipment", first["id"], {"status": "Cancelled"})
    assert clarity.ok("getOrder", order["id"])["status"] == "Processing"
    assert clarity.world.state()["mails"] == ["SAGE-1"]


def test_an_email_is_a_customer_in_any_letter_case(clarity):
    made = clarity.ok("createCustomer", body={"email": "Lee@shop.example"})
    twin = clarity.call("createCustomer", body={"email": "lee@SHOP.example"})
    assert (code(twin), twin.json()["existingId"]) == ((409, "duplicate_email"), made["id"])
    assert placed(clarity, customer={"email": "LEE@shop.example"})["customer"]["id"] == made["id"]
    clarity.world.faults({"guest-orders": True})
    assert placed(clarity, customer={"email": "Lee@shop.example"})["customer"] | {} == {
        "id": None,
        "email": "lEE@SHOP.EXAMPLE",
        **dict.fromkeys(("firstName", "lastName", "companyName", "phone", "erpCustomerNumber")),
    }


@pytest.mark.parametrize(("sort", "missed"), [("updatedAt", True), ("id", False)])
def test_pages_shift_and_miss_records_unless_sorted_by_id(clarity, sort, missed):
    wanted = {placed(clarity)["id"] for _ in range(6)}
    clarity.world.faults({"page-shift": {"times": 1}})
    seen = [one["id"] for page in (1, 2, 3, 4) for one in clarity.ok("listOrders", page=page, pageSize=2, sort=sort)["items"]]
    assert (wanted > set(seen)) is missed
    assert clarity.ok("listOrders", page=9)["items"] == []


def test_a_read_may_lag_behind_its_event(clarity):
    clarity.world.faults({"webhook-before-read": {"delay": 60}})
    order = placed(clarity)
    assert code(clarity.call("getOrder", order["id"])) == (404, "not_found")
    assert clarity.ok("listOrders")["total"] == 0
    clarity.world.reset()


def test_a_change_may_not_show_at_once(clarity):
    order = placed(clarity)
    clarity.world.faults({"webhook-before-read": {"delay": 60}})
    clarity.world.change(order["id"], notes="Ring twice.")
    assert clarity.ok("getOrder", order["id"])["version"] == 1
    changed = clarity.world.state()["orders"][0]["updatedAt"]
    assert clarity.ok("listOrders", updatedSince=order["updatedAt"])["items"][0]["version"] == 1
    assert clarity.ok("listOrders", updatedSince=changed)["items"] == [], "the earlier state did not change since then"
    clarity.world.reset()


def test_money_may_be_written_loosely(clarity):
    placed(clarity, shippingAmount=6.5)
    clarity.world.faults({"number-formatting": True})
    assert '"shippingAmount":6.50' in clarity.call("listOrders").text
