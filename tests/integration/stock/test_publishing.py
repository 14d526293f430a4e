"""What the channel shows, after what the warehouse and the buyers did."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from connectors.rest.connection import RestConnection
from integration import clock
from integration.ledger import commitments, hints, tables
from integration.ledger.database import read, write
from integration.line import hints as taking
from integration.line import stock_publisher
from tests.fixtures.line import order, with_sku
from tests.integration.stock.conftest import Shop


def of(number: int, sku: str, units: int = 1) -> dict[str, Any]:
    """An order for so many units of one SKU."""
    made = order(number)
    made["Items"] = [
        {
            "SKU": sku,
            "Title": "Goods",
            "Quantity": units,
            "UnitPrice": "1.00",
            "TaxAmount": "0.00",
            "DiscountAmount": "0.00",
            "ShippingAmount": "0.00",
        }
    ]
    made["TotalAmount"] = f"{units}.00"
    return made


def test_first_read_publishes_everything_less_buffers(shop: Shop) -> None:
    shop.stocked(LAMP_001=40, DESK_001=12, LAMP_002=0)
    assert (shop.shows("LAMP-001"), shop.shows("DESK-001"), shop.shows("LAMP-002")) == (40, 7, 0)
    assert shop.channel.stats()["contract_errors"] == []
    assert shop.row("LAMP-009").listed is False  # inactive, so the channel has no such product


def test_an_order_that_is_not_booked_yet_is_subtracted(shop: Shop) -> None:
    shop.stocked(LAMP_001=10)
    shop.channel.place([of(1, "LAMP-001", 4)])
    shop.erp.inventory(SKU="LAMP-001", OnHand=11)
    shop.stock()
    assert shop.shows("LAMP-001") == 7


def test_an_order_is_subtracted_once_before_and_after_its_allocation(shop: Shop) -> None:
    shop.stocked(LAMP_001=10)
    shop.channel.place([of(1, "LAMP-001", 4)])
    shop.orders()
    assert shop.shows("LAMP-001") == 6
    shop.allocated(1)
    shop.stock()
    assert (shop.available("LAMP-001"), shop.shows("LAMP-001")) == (6, 6)
    shop.erp.ship(SalesOrderID=shop.sales_orders()[0]["SalesOrderID"])
    shop.erp.inventory(SKU="LAMP-001", OnHand=8)
    shop.stock()
    assert shop.shows("LAMP-001") == 8


def test_a_backorder_stays_subtracted_until_stock_comes(shop: Shop) -> None:
    shop.stocked(LAMP_001=3)
    shop.channel.place([of(1, "LAMP-001", 3)])
    shop.erp.inventory(SKU="LAMP-001", OnHand=2)  # one was lost before the order came
    shop.orders()
    shop.stock()
    assert shop.shows("LAMP-001") == 0
    shop.erp.inventory(SKU="LAMP-001", OnHand=7)
    shop.allocated(1)
    shop.stock()
    assert shop.shows("LAMP-001") == 4


def test_units_that_the_warehouse_gives_up_are_still_promised(shop: Shop) -> None:
    shop.stocked(LAMP_001=10)
    shop.channel.place([of(1, "LAMP-001", 4)])
    shop.orders()
    shop.allocated(1)
    shop.stock()
    shop.erp.change(shop.sales_orders()[0]["SalesOrderID"], OrderStatus="OnHold")
    assert shop.available("LAMP-001") == 10
    shop.stock()
    assert shop.shows("LAMP-001") == 6


def test_a_cancellation_gives_units_back_once(shop: Shop) -> None:
    shop.stocked(LAMP_001=10)
    (placed,) = shop.channel.place([of(1, "LAMP-001", 4)])
    shop.orders()
    shop.allocated(1)
    shop.stock()
    shop.erp.change(shop.sales_orders()[0]["SalesOrderID"], OrderStatus="Cancelled")
    shop.stock()
    assert shop.shows("LAMP-001") == 6  # the channel's order still wants them
    shop.channel.change(placed["ChannelAdvisorOrderID"], OrderStatus="Cancelled")
    assert shop.shows("LAMP-001") == 10
    shop.stock()
    shop.publish("LAMP-001")
    assert shop.shows("LAMP-001") == 10


def test_several_changes_become_one_write(shop: Shop) -> None:
    shop.stocked(LAMP_001=10)
    before = shop.puts()
    for on_hand in (9, 8, 7):
        shop.erp.inventory(SKU="LAMP-001", OnHand=on_hand)
    shop.stock()
    assert (shop.shows("LAMP-001"), shop.puts() - before) == (7, 1)


def test_a_quantity_that_the_channel_shows_already_is_not_written(shop: Shop) -> None:
    shop.stocked(LAMP_001=10)
    shop.channel.place([of(1, "LAMP-001", 4)])
    shop.orders()
    shop.allocated(1)
    before = shop.puts()
    shop.stock()
    assert (shop.shows("LAMP-001"), shop.puts() - before) == (6, 0)


def test_an_order_between_the_guards_look_and_the_write_is_corrected(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.stocked(LAMP_001=10)
    sold = []

    def late_buyer(self: RestConnection, bodies: Any) -> Any:
        if not sold:
            sold.extend(shop.channel.place([of(1, "LAMP-001", 4)]))
        return set_levels(self, bodies)

    set_levels = RestConnection.set_levels
    monkeypatch.setattr(RestConnection, "set_levels", late_buyer)
    shop.erp.inventory(SKU="LAMP-001", OnHand=12)
    shop.stock()
    assert sold
    assert shop.shows("LAMP-001") == 8


def test_an_order_that_becomes_visible_late_is_corrected(shop: Shop) -> None:
    shop.stocked(LAMP_001=10)
    shop.channel.place([of(1, "LAMP-002", 1)])
    shop.orders()
    shop.erp.inventory(SKU="LAMP-001", OnHand=12)
    shop.stock()
    # It was placed before, with its units taken before: what we wrote since has put them back.
    shop.channel.faults({"late-arriving-orders": {"delay": 500}})
    shop.channel.place([of(2, "LAMP-001", 4)])
    shop.channel.clear()
    with write(shop.house.engine) as connection:
        connection.execute(update(tables.cursor).values(looked_back_at=None))
    shop.orders()
    assert shop.shows("LAMP-001") == 8


def test_a_look_reads_what_is_new_and_looks_back_once_a_minute(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integration.line.stock_guard.OVERLAP", timedelta(0))
    shop.stocked(LAMP_001=50)
    shop.channel.place([of(number, "LAMP-002", 1) for number in range(250)])
    shop.publish("LAMP-001")

    def pages(units: int) -> int:
        before = shop.channel.stats()["requests"]["listOrders"]
        shop.erp.inventory(SKU="LAMP-001", OnHand=units)
        shop.tick()
        assert shop.shows("LAMP-001") == units
        return int(shop.channel.stats()["requests"]["listOrders"]) - before

    few = pages(40)
    assert few <= 4, "one before each write and one after"
    with write(shop.house.engine) as connection:
        connection.execute(update(tables.cursor).values(looked_back_at=clock.now() - timedelta(minutes=2)))
    assert pages(30) > few
    assert pages(20) <= few


def test_a_look_back_finds_an_order_that_was_listed_late(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integration.line.stock_guard.OVERLAP", timedelta(0))
    shop.stocked(LAMP_001=10)
    shop.channel.place([of(1, "LAMP-002", 1)])
    shop.publish("LAMP-001")
    shop.channel.faults({"late-arriving-orders": {"delay": 500}})
    shop.channel.place([of(2, "LAMP-001", 4)])
    shop.channel.clear()
    shop.publish("LAMP-001")
    assert promised(shop, "LAMP-001") == 0, "it was listed behind what was read, and nobody has looked back"
    with write(shop.house.engine) as connection:
        connection.execute(update(tables.cursor).values(looked_back_at=clock.now() - timedelta(minutes=2)))
    shop.publish("LAMP-001")
    assert promised(shop, "LAMP-001") == 4
    assert shop.shows("LAMP-001") == 6


def promised(shop: Shop, sku: str) -> int:
    with read(shop.house.engine) as connection:
        return commitments.waiting_orders(connection, "ca", [sku])


def test_a_stale_answer_is_no_error_and_ours_comes_again_later(shop: Shop) -> None:
    shop.stocked(LAMP_001=10)
    shop.set_by_somebody("LAMP-001", 99, clock.now() + timedelta(minutes=4))
    shop.erp.inventory(SKU="LAMP-001", OnHand=9)
    shop.tick()
    row = shop.row("LAMP-001")
    assert shop.shows("LAMP-001") == 99
    assert row.due_at > clock.now() + timedelta(minutes=4)
    assert "newer quantity" in row.note
    with read(shop.house.engine) as connection:
        assert connection.execute(select(tables.dead_letter)).all() == []


def test_a_worker_that_dies_behind_the_write_is_followed_by_a_newer_instant(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.stocked(LAMP_001=10)
    shop.erp.inventory(SKU="LAMP-001", OnHand=12)
    sent: list[Any] = []

    class Killed(BaseException):
        pass

    def die(self: Any, offers: Any, results: Any) -> None:
        sent.extend(offers)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(stock_publisher.Publisher, "_settle", die)
        with pytest.raises(Killed):
            shop.stock()
    assert shop.shows("LAMP-001") == 12
    shop.channel.place([of(1, "LAMP-001", 4)])
    with write(shop.house.engine) as connection:
        connection.execute(update(tables.batch).values(owner=None, lease_until=None))
    shop.publish()
    assert shop.shows("LAMP-001") == 8
    # Were the first write to land only now, it would be refused.
    assert shop.set_by_somebody("LAMP-001", 12, sent[0].as_of) == "stale"
    assert shop.shows("LAMP-001") == 8


def test_an_answer_that_never_comes_is_followed_by_a_newer_instant(shop: Shop) -> None:
    shop.stocked(LAMP_001=10)
    before = shop.row("LAMP-001").as_of
    shop.channel.faults({"drop-after-commit": {"times": 1, "operations": ["updateInventory"]}})
    shop.erp.inventory(SKU="LAMP-001", OnHand=12)
    shop.stock()
    row = shop.row("LAMP-001")
    assert (shop.shows("LAMP-001"), row.sent_at, row.due_at) == (12, None, None)
    assert row.as_of > before


def test_units_sold_under_an_alias_count_and_each_listing_has_its_part(shop: Shop) -> None:
    shop.stocked(LAMP_001=10)
    shop.list("AMZ-LMP-1")
    shop.channel.place([of(1, "AMZ-LMP-1", 3)])
    shop.orders()
    shop.stock()
    shown = [shop.shows("LAMP-001"), shop.shows("AMZ-LMP-1")]
    assert sum(one or 0 for one in shown) == 7
    shop.allocated(1)
    shop.stock()
    assert (shop.shows("LAMP-001") or 0) + (shop.shows("AMZ-LMP-1") or 0) == 7


def test_a_quantity_that_the_channel_refuses_is_one_dead_letter(shop: Shop) -> None:
    shop.stocked(LAMP_001=10)
    shop.erp.inventory(SKU="LAMP-001", OnHand=12)
    with write(shop.house.engine) as connection:
        ahead = clock.now() + timedelta(minutes=20)
        connection.execute(update(tables.stock).where(tables.stock.c.sku == "LAMP-001").values(as_of=ahead, available=12))
    shop.publish("LAMP-001")
    with read(shop.house.engine) as connection:
        (letter,) = connection.execute(select(tables.dead_letter)).all()
    assert (letter.source_key, letter.kind, letter.state) == ("LAMP-001", "invalid", "open")
    assert shop.shows("LAMP-001") == 10


def test_nothing_is_published_before_the_open_orders_are_known(shop: Shop) -> None:
    shop.channel.place([with_sku(1, "LAMP-001")])
    shop.tick()
    assert shop.puts() == 0
    shop.orders()
    time.sleep(1)  # so long does the publisher wait before it looks again
    shop.publish()
    assert shop.shows("LAMP-001") == 100_000 - 2


def test_a_quantity_that_was_read_is_not_read_for_again(shop: Shop) -> None:
    """A quantity may change twice within an instant, so a webhook of the same instant is read for once; but it was read then."""
    shop.stocked(LAMP_001=40)
    record = next(one for one in shop.erp.state()["inventory"] if one["SKU"] == "LAMP-001")
    moment = clock.now()
    row = {"connection": "tims", "event_id": "msg_1", "event": "inventory.changed", "entity": "stock", "key": "LAMP-001"}
    with write(shop.house.engine) as connection:
        hints.keep(connection, [{**row, "changed_at": clock.instant(record["UpdatedAt"]), "received_at": moment}])
    assert len(taking.take(shop.house)) == 1
    shop.stock()
    with write(shop.house.engine) as connection:
        connection.execute(update(tables.hint).values(taken_at=moment - timedelta(seconds=3)))
    taking.look_again(shop.house)
    with read(shop.house.engine) as connection:
        assert hints.groups(connection) == []
