"""The line between a shop and an ERP while the shop does all that its contract warns of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from integration import clock
from integration.ledger import batches, hints, stock, tables
from integration.ledger.database import read, write
from integration.line import extract
from integration.line import hints as taking
from integration.line.holds import release
from integration.line.journey import House
from integration.line.stage import work_on
from tests.fixtures.line import ENVIRONMENT, drain, open_line
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import Clarity, Simulators, Tims
from tests.integration.line.conftest import letters, states

CONFIGURATION = """
[connections.web]
system = "clarity"
url = "{clarity}"
[connections.web.credentials]
client_id = "env:CLARITY_CLIENT_ID"
client_secret = "env:CLARITY_CLIENT_SECRET"
api_key = "env:CLARITY_API_KEY"
[connections.web.overrides]
times = {{connect = 1, total = 3, settle = 0.5}}
paging = {{size = 2}}
[connections.erp]
system = "tims"
url = "{tims}"
[connections.erp.credentials]
client_id = "env:TIMS_CLIENT_ID"
client_secret = "env:TIMS_CLIENT_SECRET"
"""

FLOWS = {
    "orders": ("order", "web", "erp"),
    "order-status": ("order_status", "erp", "web"),
    "shipments": ("shipment", "erp", "web"),
    "stock": ("stock", "erp", "web"),
}
FLOW = """
[flows.{name}]
entity = "{entity}"
source = "{source}"
target = "{target}"
every = "500ms"
look_back_every = "1h"
overlap = "10m"
"""

SECRETS = {
    "CLARITY_CLIENT_ID": "demo-client",
    "CLARITY_CLIENT_SECRET": "demo-client-secret",
    "CLARITY_API_KEY": "demo-api-key",
}


@pytest.fixture
def house(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, clarity_simulator: Clarity, sqlite_url: str
) -> Iterator[House]:
    text = CONFIGURATION.format(clarity=clarity_simulator.url, tims=simulators.tims.url)
    for name, (entity, source, target) in FLOWS.items():
        text += FLOW.format(name=name, entity=entity, source=source, target=target)
    (tmp_path / "integration.toml").write_text(text)
    for name, value in {
        **ENVIRONMENT,
        **SECRETS,
        "INTEGRATION_CONFIG": str(tmp_path / "integration.toml"),
        "DATABASE_URL": sqlite_url,
    }.items():
        monkeypatch.setenv(name, value)
    with open_line() as made:
        yield made
    for simulator in (clarity_simulator, simulators.tims):
        assert simulator.stats()["contract_errors"] == []


@pytest.fixture
def shop(clarity_simulator: Clarity) -> Clarity:
    return clarity_simulator


@pytest.fixture
def erp(simulators: Simulators) -> Tims:
    return simulators.tims


def checkout(number: int, **members: Any) -> dict[str, Any]:
    return {
        "customer": {"email": f"Ana.{number}@buyer.example", "firstName": "Ana", "lastName": "Ruiz"},
        "shippingAddress": {
            "firstName": "Ana",
            "lastName": "Ruiz",
            "line1": f"{number + 1} Orchard Lane",
            "city": "Austin",
            "region": "texas",
            "postalCode": "78701",
            "country": "US",
        },
        "shippingMethod": "ups-ground",
        "shippingAmount": 6.5,
        "items": [
            {"sku": "LAMP-001", "quantity": 2, "unitPrice": 24, "taxAmount": 4.21, "discountAmount": 5},
            {"sku": "LAMP-002", "quantity": 1, "unitPrice": 39.5, "taxAmount": 3.7},
        ],
        **members,
    }


def place(shop: Clarity, count: int, first: int = 0) -> list[dict[str, Any]]:
    return shop.place([checkout(number) for number in range(first, first + count)])


def booked(erp: Tims) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for one in erp.state()["sales_orders"]:
        found.setdefault(one["ExternalOrderID"], []).append(one)
    return found


def assert_booked_once(erp: Tims, placed: list[dict[str, Any]]) -> None:
    found = booked(erp)
    assert sorted(found) == sorted(str(one["id"]) for one in placed)
    for one in placed:
        (sales_order,) = found[str(one["id"])]
        assert float(sales_order["TotalAmount"]) == one["total"]
        assert [line["SKU"] for line in sales_order["LineItems"]] == [line["sku"] for line in one["items"]]


def now(shop: Clarity, one: Mapping[str, Any]) -> dict[str, Any]:
    return next(each for each in shop.state()["orders"] if each["id"] == one["id"])


def position(house: House) -> Any:
    with read(house.engine) as connection:
        return connection.execute(select(tables.cursor.c.position).where(tables.cursor.c.flow == "orders")).scalar_one()


def allocated(erp: Tims, one: Mapping[str, Any]) -> str:
    wait_for(lambda: booked(erp)[str(one["id"])][0]["OrderStatus"] == "Allocated", "the ERP did not allocate the order")
    return str(booked(erp)[str(one["id"])][0]["SalesOrderID"])


def test_no_order_is_missed_while_pages_shift(house: House, shop: Clarity, erp: Tims) -> None:
    drain(house)
    placed = place(shop, 1)
    drain(house)
    placed += place(shop, 7, first=1)
    shop.faults({"page-shift": True})
    drain(house)
    assert_booked_once(erp, placed)
    assert letters(house) == []


def test_the_cursor_moves_when_the_last_page_is_read(house: House, shop: Clarity, erp: Tims) -> None:
    place(shop, 1)
    drain(house)
    stood = position(house)
    placed = place(shop, 3, first=1)
    shop.change(placed[0]["id"], notes="Ring twice.")  # the first by id is the last by change
    reading = extract.poll(house, "orders", int(clock.now().timestamp() * 1000))
    assert reading is not None
    bells = work_on(house, reading, "extract")
    assert position(house) == stood, "what follows by id may have changed before what was read"
    while bells:
        bells += work_on(house, *bells.pop(0))
    assert position(house) == clock.instant(now(shop, placed[0])["updatedAt"])


def test_every_quirk_of_reading_at_once(house: House, shop: Clarity, erp: Tims) -> None:
    shop.customer(email="ana.1@buyer.example", firstName="Ana", lastName="Ruiz")
    for fault in ("page-shift", "number-formatting", "unknown-extra-fields"):
        shop.faults({fault: True})
    shop.faults({"html-5xx": {"times": 2, "operations": ["listOrders"]}, "guest-orders": {"rate": 0.5}})
    placed = [place(shop, 1, first=1 + number % 2)[0] for number in range(7)]
    drain(house)
    drain(house)
    assert_booked_once(erp, placed)
    assert {one["customer"]["id"] for one in placed} > {None}, "some were guests"
    emails = sorted(one["Email"].lower() for one in erp.state()["customers"])
    assert emails == ["ana.1@buyer.example", "ana.2@buyer.example"]
    assert letters(house) == []


def test_a_webhook_that_comes_before_its_order_shows_is_not_lost(house: House, shop: Clarity, erp: Tims) -> None:
    place(shop, 1)
    drain(house)
    shop.faults({"webhook-before-read": {"delay": 1}})
    (one,) = place(shop, 1, first=1)
    shop.clear()
    hint(house, one)
    work(house, taking.take(house))
    assert str(one["id"]) not in booked(erp), "it does not show yet"

    def came() -> bool:
        age_hints(house, seconds=3)
        taking.look_again(house)
        work(house, taking.take(house))
        return str(one["id"]) in booked(erp)

    wait_for(came, "the order that a webhook told of was never read")
    assert letters(house) == []


def hint(house: House, one: Mapping[str, Any]) -> None:
    with write(house.engine) as connection:
        row = {"connection": "web", "event_id": f"msg_{one['id']}", "event": "order.created", "entity": "order", "key": str(one["id"])}
        hints.keep(connection, [{**row, "changed_at": clock.instant(one["updatedAt"]), "received_at": clock.now()}])


def age_hints(house: House, seconds: float) -> None:
    h = tables.hint.c
    with write(house.engine) as connection:
        earlier = clock.now() - timedelta(seconds=seconds)
        connection.execute(update(tables.hint).where(h.taken_at.is_not(None)).values(taken_at=earlier))


def work(house: House, made: list[int]) -> None:
    bells = [(one.batch_id, one.stage) for one in batches.bells(house.engine, made)]
    while bells:
        bells += work_on(house, *bells.pop(0))


def test_the_erps_number_is_written_though_staff_save_the_order_meanwhile(house: House, shop: Clarity, erp: Tims) -> None:
    (one,) = place(shop, 1)
    drain(house)
    shop.faults(
        {
            "version-conflict": {"times": 2},
            "unknown-extra-fields": True,
            "nulls-in-optional-fields": {"operations": ["getOrder", "updateOrder"]},
        }
    )
    drain(house, "order-status")
    assert (now(shop, one)["status"], now(shop, one)["erpOrderNumber"]) == ("Processing", booked(erp)[str(one["id"])][0]["SalesOrderID"])
    assert shop.stats()["refused"]["409"] == 2
    before = now(shop, one)["version"]
    for flow in ("orders", "order-status"):
        drain(house, flow)
    assert now(shop, one)["version"] == before, "an echo changes nothing"
    assert letters(house) == []


def test_a_status_is_written_though_the_shop_still_shows_the_state_before(house: House, shop: Clarity, erp: Tims) -> None:
    (one,) = place(shop, 1)
    drain(house)
    shop.faults({"webhook-before-read": {"delay": 1}, "drop-after-commit": {"times": 1, "operations": ["updateOrder"]}})
    shop.change(one["id"], notes="Ring twice.")
    drain(house, "order-status")
    assert (now(shop, one)["status"], now(shop, one)["erpOrderNumber"]) == ("Processing", booked(erp)[str(one["id"])][0]["SalesOrderID"])
    assert letters(house) == []


def test_an_order_that_ships_before_its_number_is_told_gets_it_all_the_same(house: House, shop: Clarity, erp: Tims) -> None:
    (one,) = place(shop, 1)
    drain(house)
    erp.ship(SalesOrderID=allocated(erp, one))
    drain(house, "shipments")
    drain(house, "order-status")
    there = now(shop, one)
    assert (there["status"], there["erpOrderNumber"]) == ("Shipped", booked(erp)[str(one["id"])][0]["SalesOrderID"])
    assert letters(house) == []


def test_what_staff_decide_reaches_the_erp_and_back(house: House, shop: Clarity, erp: Tims) -> None:
    held, void = place(shop, 2)
    drain(house)
    drain(house, "order-status")
    shop.change(held["id"], status="OnHold")
    shop.change(void["id"], status="Void")
    drain(house)
    found = {key: one["OrderStatus"] for key, (one,) in booked(erp).items()}
    assert found == {str(held["id"]): "OnHold", str(void["id"]): "Cancelled"}
    erp.change(booked(erp)[str(held["id"])][0]["SalesOrderID"], OrderStatus="Cancelled", CancelReason="Damaged.")
    drain(house, "order-status")
    assert now(shop, held)["status"] == "Void"
    assert letters(house) == []


@pytest.mark.parametrize("fault", ["drop-after-commit", "html-5xx", "reset-before-commit"])
def test_a_shipment_whose_answer_was_lost_is_told_and_mailed_once(house: House, shop: Clarity, erp: Tims, fault: str) -> None:
    (one,) = place(shop, 1)
    drain(house)
    number = allocated(erp, one)
    erp.ship(SalesOrderID=number, Lines=[{"LineNumber": 1, "Quantity": 1}], Carrier="United Parcel Service")
    shop.faults(
        {
            fault: {"times": 1, "operations": ["createShipment"], "commit": True}
            if fault == "html-5xx"
            else {"times": 1, "operations": ["createShipment"]}
        }
    )
    drain(house, "shipments")
    assert now(shop, one)["status"] == "Processing"
    erp.ship(SalesOrderID=number)
    drain(house, "shipments")
    assert now(shop, one)["status"] == "Shipped"
    told = shop.state()["shipments"]
    assert [each["carrier"] for each in told] == ["UPS", told[1]["carrier"]]
    assert sorted(shop.state()["mails"]) == sorted(each["externalShipmentId"] for each in told)
    assert letters(house) == []


def test_a_shipment_that_another_told_already_is_taken_as_it_is(house: House, shop: Clarity, erp: Tims) -> None:
    (one,) = place(shop, 1)
    drain(house)
    shipment = erp.ship(SalesOrderID=allocated(erp, one))
    told = house.journey("shipments").target
    items = [{"lineId": line["lineId"], "sku": line["sku"], "quantity": line["quantity"]} for line in one["items"]]
    body = {"externalShipmentId": shipment["ShipmentID"], "orderId": one["id"], "carrier": "UPS", "shippedAt": "2026-03-03T16:20:00Z"}
    told.create("shipment", {**body, "items": items, "notifyCustomer": True})
    drain(house, "shipments")
    (there,) = shop.state()["shipments"]
    assert there["trackingNumber"] == shipment["TrackingNumber"]
    assert len(shop.state()["mails"]) <= 2
    assert [state for _, state in states(house, "shipments")] == ["done"]
    assert letters(house) == []


def test_a_shipment_of_an_order_that_staff_hold_waits_and_of_one_that_is_void_is_a_persons(house: House, shop: Clarity, erp: Tims) -> None:
    held, void = place(shop, 2)
    drain(house)
    for one in (held, void):
        erp.ship(SalesOrderID=allocated(erp, one))
    shop.change(held["id"], status="OnHold")
    shop.change(void["id"], status="Void")
    drain(house, "shipments")
    (letter,) = letters(house)
    assert f"the order {void['id']}, which is cancelled in web" in letter.reason
    shop.change(held["id"], status="Processing")
    with write(house.engine) as connection:
        connection.execute(update(tables.hold).values(check_at=clock.now()))
    release(house)
    drain(house, "shipments")
    assert now(shop, held)["status"] == "Shipped"


def test_a_tracking_number_that_comes_late_is_what_the_customer_gets_a_mail_for(house: House, shop: Clarity, erp: Tims) -> None:
    (one,) = place(shop, 1)
    drain(house)
    erp.faults({"tracking-added-later": {"delay": 1}})
    erp.ship(SalesOrderID=allocated(erp, one))
    drain(house, "shipments")
    assert shop.state()["shipments"] == [], "it waits a while for its number"
    with write(house.engine) as connection:
        connection.execute(update(tables.record).values(extracted_at=clock.now() - timedelta(days=30)))
        connection.execute(update(tables.hold).values(check_at=clock.now(), deadline=clock.now()))
    release(house)
    drain(house, "shipments")
    assert [each["trackingNumber"] for each in shop.state()["shipments"]] == [None]
    assert shop.state()["mails"] == []
    wait_for(lambda: erp.state()["shipments"][0]["TrackingNumber"], "the ERP added no tracking number")
    drain(house, "shipments")
    (there,) = shop.state()["shipments"]
    assert there["trackingNumber"] == erp.state()["shipments"][0]["TrackingNumber"]
    assert shop.state()["mails"] == [there["externalShipmentId"]]
    assert letters(house) == []


def test_units_that_the_shop_has_sold_are_not_put_back_while_their_order_does_not_show(house: House, shop: Clarity, erp: Tims) -> None:
    erp.inventory(SKU="LAMP-001", OnHand=10)
    drain(house)
    drain(house, "stock")
    assert shown(shop, "LAMP-001") == [("MAIN", 10)]
    shop.faults({"webhook-before-read": {"delay": 600}})
    place(shop, 1)
    assert shown(shop, "LAMP-001") == [("MAIN", 8)], "checkout takes them at once"
    erp.inventory(SKU="LAMP-001", OnHand=13)
    batch = extract.poll(house, "stock", int(clock.now().timestamp() * 1000))
    assert batch is not None
    work(house, [batch])
    publish(house)
    assert shown(shop, "LAMP-001") == [("MAIN", 11)]
    assert letters(house) == []


def publish(house: House) -> None:
    """What is due now; unlike `drain` it does not wait for what is due later."""
    with write(house.engine) as connection:
        batch_id = stock.ring(connection, "stock")
    work_on(house, batch_id, "load")


def shown(shop: Clarity, sku: str) -> list[tuple[str, int]]:
    record = next(one for one in shop.state()["inventory"] if one["sku"] == sku)
    return [(each["warehouseCode"], each["quantity"]) for each in record["locations"]]
