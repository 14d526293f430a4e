"""What Clarity has of its own: pages that shift, a key beside the token, versions without the record, shipments told once, quantities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors import registry
from connectors.rest import RestConnection
from connectors.rest.webhooks import hints
from integration import clock
from integration.errors import Refused, Unauthorized, VersionConflict
from integration.ports import EXISTS, NOT_NOW, TOO_LATE, PageRequest, SourceRecord
from integration.settings.model import Secret
from tests.fixtures.connections import CountingBudget, connection
from tests.fixtures.simulators import Clarity

SHOWN_AT = "2026-03-02T14:05:00.000Z"


@pytest.fixture
def shop(clarity_simulator: Clarity) -> Iterator[Clarity]:
    yield clarity_simulator
    assert clarity_simulator.stats()["contract_errors"] == []


@pytest.fixture
def link(shop: Clarity) -> RestConnection:
    return registry.connect(connection("clarity", shop.url), CountingBudget())


def checkout(**members: Any) -> dict[str, Any]:
    return {
        "customer": {"email": "ana@buyer.example", "firstName": "Ana", "lastName": "Ruiz"},
        "shippingAddress": {"line1": "48 Orchard Lane", "city": "Austin", "region": "Texas", "postalCode": "78701", "country": "US"},
        "items": [{"sku": "LAMP-001", "quantity": 2, "unitPrice": 24.5, "taxAmount": 4.2, "discountAmount": 5}],
        **members,
    }


def read(link: RestConnection, size: int = 2, **request: Any) -> list[SourceRecord]:
    """Every record of the orders' list, page by page."""
    wanted = PageRequest(size=size, **request)
    records: list[SourceRecord] = []
    while True:
        page = link.fetch_page("order", wanted)
        records += page.records
        assert not page.in_order
        if page.next_token is None:
            return records
        wanted = replace(wanted, token=page.next_token)


def test_nothing_is_missed_while_what_was_read_moves_to_the_end(shop: Clarity, link: RestConnection) -> None:
    start = clock.now() - timedelta(hours=1)
    placed = shop.place([checkout() for _ in range(7)])
    shop.faults({"page-shift": True})
    assert {record.key for record in read(link, since=start)} == {str(one["id"]) for one in placed}


def test_the_last_page_is_known_by_its_size_and_a_full_one_is_looked_behind(shop: Clarity, link: RestConnection) -> None:
    shop.place([checkout() for _ in range(4)])
    assert len(read(link)) == 4
    assert shop.stats()["requests"]["listOrders"] == 3


def test_a_window_of_creation_is_half_open_though_the_shop_cannot_filter_by_it(shop: Clarity, link: RestConnection) -> None:
    instants = [f"2026-03-02T{hour:02}:00:00.000Z" for hour in range(3)]
    placed = shop.place([checkout(placedAt=instant) for instant in instants])
    window = (clock.instant(instants[0]), clock.instant(instants[2]))
    assert [record.key for record in read(link, size=1, created=window)] == [str(one["id"]) for one in placed[:2]]


def test_money_means_the_same_however_it_is_written(shop: Clarity, link: RestConnection) -> None:
    shop.place([checkout()])
    shop.faults({"number-formatting": True})
    (record,) = read(link)
    assert record.body["items"][0]["unitPrice"] == Decimal("24.5")
    assert record.body["total"] == Decimal("48.20")


@pytest.mark.parametrize("wrong", ["api_key", "client_secret"])
def test_a_wrong_key_beside_a_good_token_is_told(shop: Clarity, wrong: str) -> None:
    configured = connection("clarity", shop.url)
    of_another = Secret("env:WRONG", "demo-api-key-of-another-client")
    spoilt = replace(configured, credentials={**configured.credentials, wrong: of_another})
    link = registry.connect(spoilt, CountingBudget())
    with pytest.raises(Unauthorized) as denied:
        read(link)
    assert "demo-api-key-of-another-client" not in str(denied.value)


def test_a_version_that_is_not_the_newest_is_a_conflict_of_versions(shop: Clarity, link: RestConnection) -> None:
    (order,) = shop.place([checkout()])
    shop.change(order["id"], notes="Ring twice.")
    with pytest.raises(VersionConflict) as conflict:
        link.update("order_status", str(order["id"]), {"status": "Processing"}, order["version"])
    assert conflict.value.current is None
    present = link.get("order_status", str(order["id"]))
    assert present is not None
    assert link.update("order_status", str(order["id"]), {"status": "Processing"}, present.version).version == 3


def test_what_the_shop_does_not_do_is_told_in_our_words(shop: Clarity, link: RestConnection) -> None:
    (order,) = shop.place([checkout()])
    with pytest.raises(Refused) as refusal:
        link.update("order_status", str(order["id"]), {"status": "Completed"}, 1)
    assert link.writable("order_status").meaning(refusal.value) == TOO_LATE
    shop.change(order["id"], status="OnHold")
    with pytest.raises(Refused) as refusal:
        link.create("shipment", parcel(order))
    assert link.writable("shipment").meaning(refusal.value) == NOT_NOW


def parcel(order: dict[str, Any]) -> dict[str, Any]:
    items = [{"lineId": line["lineId"], "sku": line["sku"], "quantity": line["quantity"]} for line in order["items"]]
    named = {"externalShipmentId": "0100457", "orderId": order["id"], "carrier": "UPS", "shippedAt": "2026-03-03T16:20:00Z"}
    return {**named, "items": items, "notifyCustomer": True}


def test_a_shipment_that_is_told_twice_is_found_by_our_number(shop: Clarity, link: RestConnection) -> None:
    (order,) = shop.place([checkout()])
    made = link.create("shipment", parcel(order))
    with pytest.raises(Refused) as refusal:
        link.create("shipment", parcel(order))
    assert link.writable("shipment").meaning(refusal.value) == EXISTS
    assert [one.key for one in link.find("shipment", "0100457")] == [made.key]
    assert list(link.find("shipment", "0100458")) == []
    link.update("shipment", made.key, {"trackingNumber": "1Z999AA10123456784"}, None)
    assert shop.state()["mails"] == ["0100457"], "a change that says nothing of it mails nobody"
    link.update("shipment", made.key, {"trackingNumber": "1Z999AA10123456785", "notifyCustomer": True}, None)
    assert shop.state()["mails"] == ["0100457", "0100457"]


def quantity(sku: str, units: int, as_of: str = SHOWN_AT, warehouse: str = "MAIN") -> dict[str, Any]:
    return {"sku": sku, "warehouseCode": warehouse, "quantity": units, "asOf": as_of}


def test_each_quantity_has_an_answer_of_its_own(shop: Clarity, link: RestConnection) -> None:
    future = clock.text(clock.now() + timedelta(hours=1))
    sent = [quantity("LAMP-001", 5), quantity("LAMP-001", 4, "2026-03-02T14:04:59.000Z"), quantity("NONE-1", 1)]
    sent += [quantity("LAMP-002", 1, future), quantity("LAMP-002", 1, warehouse="MOON"), quantity("LAMP-002", 7, warehouse="WEST")]
    results = link.set_levels(sent)
    assert [one.result for one in results] == ["accepted", "stale", "unknown", "invalid", "invalid", "accepted"]
    assert [one.sku for one in results] == [one["sku"] for one in sent]
    lamp = link.get("stock", "LAMP-001")
    assert lamp is not None
    level = link.level(lamp.body, link.usual_center())
    assert (level.quantity, level.as_of, level.pending) == (5, datetime.fromisoformat(SHOWN_AT), None)
    assert link.level(lamp.body, "WEST").quantity is None


def test_a_subscription_is_made_off_switched_on_and_ended(shop: Clarity, link: RestConnection) -> None:
    events = ["order.created", "order.updated"]
    made = link.subscriptions.subscribe("http://127.0.0.1:9/hooks/web", events)
    assert made.secret.startswith("whsec_")
    assert not made.subscription.active
    assert link.subscriptions.change(made.subscription.key, "http://127.0.0.1:9/hooks/web", events).active
    (listed,) = link.subscriptions.list()
    assert (listed.key, listed.events, listed.active) == (made.subscription.key, tuple(events), True)
    link.subscriptions.unsubscribe(listed.key)
    link.subscriptions.unsubscribe(listed.key)
    assert link.subscriptions.list() == []


def test_an_event_names_its_record_and_the_time_of_its_change(shop: Clarity, link: RestConnection) -> None:
    (order,) = shop.place([checkout()])
    declared = registry.definition(connection("clarity", shop.url)).webhooks
    assert declared is not None
    (hint,) = hints(declared, {"type": "order.created", "timestamp": SHOWN_AT, "data": order})
    assert (hint.entity, hint.key, hint.changed_at) == ("order", str(order["id"]), clock.instant(order["updatedAt"]))
