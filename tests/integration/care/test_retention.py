"""Payloads and stories are deleted in time, and what comes after meets no gap: nothing is booked twice, sent again or disputed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from integration.forgotten import is_forgotten
from integration.ledger import retention as ledger
from integration.ledger import tables
from integration.ledger.database import read
from integration.line import backfill, retention
from integration.line.journey import House
from tests.fixtures.line import assert_booked_once, booked, drain, key, open_line, order, with_sku
from tests.fixtures.simulators import Simulators
from tests.integration.care.conftest import Ask, Call

DaysPass = Callable[[float], None]

STOCK = """
[flows.stock]
entity = "stock"
source = "tims"
target = "ca"
every = "500ms"
"""


def payloads(house: House, flow: str = "orders") -> list[tuple[str, bool]]:
    """Key of each record, and whether any payload is there."""
    r = tables.record.c
    with read(house.engine) as connection:
        rows = connection.execute(select(r.source_key, r.raw, r.canonical, r.parcel).where(r.flow == flow).order_by(r.id)).all()
    return [(row[0], any(value is not None for value in row[1:])) for row in rows]


def count(house: House, table: Any) -> int:
    with read(house.engine) as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def delivered(house: House, source_key: str) -> dict[str, Any]:
    c = tables.crosswalk.c
    with read(house.engine) as connection:
        members: dict[str, Any] = house.vault.open(
            connection.execute(select(c.delivered).where(c.entity == "order", c.source_key == source_key)).scalar_one()
        )
    return members


def updates(simulators: Simulators) -> int:
    return int(simulators.tims.stats()["requests"].get("updateSalesOrder", 0))


def read_again(house: House) -> None:
    """A backfill of what was placed in this test, whatever the house's clock says."""
    moment = datetime.now(UTC)
    backfill.begin(house.engine, "orders", moment - timedelta(hours=1), moment + timedelta(hours=1), "")
    drain(house)


def test_payloads_go_with_their_time_and_what_is_open_keeps_them(house: House, simulators: Simulators, days_pass: DaysPass) -> None:
    done, dead, held = simulators.channeladvisor.place([order(1), order(2), with_sku(3, "NO-SUCH")])
    simulators.channeladvisor.change(dead["ChannelAdvisorOrderID"], TotalAmount="1.00")
    drain(house)
    days_pass(89)
    assert retention.forget(house)["payloads"] == 0
    days_pass(2)
    assert retention.forget(house)["payloads"] == 1
    assert dict(payloads(house)) == {key(done): False, key(dead): True, key(held): True}


def test_an_order_keeps_all_versions_until_the_newest_is_old(house: House, simulators: Simulators, days_pass: DaysPass) -> None:
    (one,) = simulators.channeladvisor.place([order(1)])
    drain(house)
    days_pass(80)
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], PaymentStatus="Deposited")
    drain(house)
    days_pass(20)
    assert retention.forget(house)["payloads"] == 0
    days_pass(75)
    assert retention.forget(house)["payloads"] == 2


def test_what_stays_of_a_delivery_is_for_the_books_and_nothing_personal(house: House, simulators: Simulators, days_pass: DaysPass) -> None:
    (one,) = simulators.channeladvisor.place([order(1)])
    drain(house)
    days_pass(91)
    retention.forget(house)
    left = delivered(house, key(one))
    assert (left["TotalAmount"], left["Currency"], left["OrderDate"]) == (one["TotalAmount"], "USD", "2026-03-02")
    assert [line["SKU"] for line in left["LineItems"]] == [line["SKU"] for line in one["Items"]]
    assert is_forgotten(left["ShippingAddress"])
    assert is_forgotten(left["Notes"])
    assert "Orchard" not in str(left)


def test_a_change_after_the_payloads_are_gone_sends_that_change_alone(house: House, simulators: Simulators, days_pass: DaysPass) -> None:
    """Staff have edited the address meanwhile: sent again it would undo that, or be a conflict."""
    (one,) = simulators.channeladvisor.place([order(1, PaymentStatus="Submitted")])
    drain(house)
    (there,) = booked(simulators)[key(one)]
    simulators.tims.change(there["SalesOrderID"], ShippingAddress={**there["ShippingAddress"], "City": "Houston"})
    days_pass(91)
    retention.forget(house)
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], PaymentStatus="Cleared")
    drain(house)
    (there,) = booked(simulators)[key(one)]
    assert (there["PaymentStatus"], there["ShippingAddress"]["City"]) == ("Paid", "Houston")
    assert count(house, tables.dead_letter) == 0


def test_an_address_that_changes_after_that_is_told(house: House, simulators: Simulators, days_pass: DaysPass) -> None:
    (one,) = simulators.channeladvisor.place([order(1)])
    drain(house)
    days_pass(91)
    retention.forget(house)
    address = {**one["ShippingAddress"], "City": "Dallas", "PostalCode": "75201"}
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], ShippingAddress=address)
    drain(house)
    assert booked(simulators)[key(one)][0]["ShippingAddress"]["City"] == "Dallas"
    assert count(house, tables.dead_letter) == 0


def test_an_order_that_is_read_again_costs_nothing_and_changes_nothing(house: House, simulators: Simulators, days_pass: DaysPass) -> None:
    placed = simulators.channeladvisor.place([order(number) for number in range(3)])
    drain(house)
    days_pass(91)
    retention.forget(house)
    read_again(house)
    assert payloads(house) == [(key(one), False) for one in placed]
    days_pass(300)
    retention.forget(house)
    assert payloads(house) == []
    read_again(house)
    assert payloads(house) == [(key(one), True) for one in placed]
    assert_booked_once(simulators, placed)
    assert updates(simulators) == 0


def test_the_story_goes_in_the_end_and_what_guards_against_a_second_booking_stays(
    house: House, simulators: Simulators, days_pass: DaysPass, call: Call
) -> None:
    placed = simulators.channeladvisor.place([order(1), order(2, TotalAmount="1.00")], check=False)
    drain(house)
    (letter,) = [str(row[0]) for row in rows(house, tables.dead_letter.c.id)]
    call("dead-letters", "dismiss", letter)
    days_pass(366)
    retention.forget(house)
    retention.forget(house)
    for table in (tables.record, tables.dead_letter, tables.delivery, tables.batch):
        assert count(house, table) == 0, table.name
    assert count(house, tables.order_line) == 2
    assert key(placed[0]) in {row[0] for row in rows(house, tables.crosswalk.c.source_key)}
    assert "is in" not in call("trace", key(placed[0]), exit_code=1).stdout


def test_a_letter_whose_payload_is_gone_cannot_be_replayed_and_says_so(
    house: House, simulators: Simulators, days_pass: DaysPass, call: Call
) -> None:
    simulators.channeladvisor.place([order(2, TotalAmount="1.00")], check=False)
    drain(house)
    (letter,) = [str(row[0]) for row in rows(house, tables.dead_letter.c.id)]
    call("dead-letters", "dismiss", letter)
    days_pass(91)
    assert retention.forget(house)["payloads"] == 1
    assert "is dismissed since" in call("dead-letters", "replay", letter, exit_code=1).stderr


def test_it_goes_in_pieces_and_one_entry_a_day_tells_how_many(
    house: House, simulators: Simulators, days_pass: DaysPass, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulators.channeladvisor.place([order(number) for number in range(5)])
    drain(house)
    days_pass(91)
    monkeypatch.setattr(ledger, "AT_ONCE", 2)
    assert retention.forget(house)["payloads"] == 5
    simulators.channeladvisor.place([order(7)])
    (entry,) = ask("audit", "--action", "retention")
    assert (entry["actor"], entry["detail"]) == ("the service", {"payloads": 5})


def test_readings_of_stock_are_kept_for_a_week(house: House, simulators: Simulators, days_pass: DaysPass, tmp_path: Path) -> None:
    (tmp_path / "integration.toml").write_text((tmp_path / "integration.toml").read_text() + STOCK)
    with open_line() as made:
        simulators.channeladvisor.place([order(1)])
        drain(made)
        drain(made, "stock")
        simulators.tims.inventory(SKU="LAMP-001", OnHand=7)
        drain(made, "stock")
        assert payloads(made, "stock")
        days_pass(8)
        retention.forget(made)
        assert payloads(made, "stock") == []
        assert [kept for _, kept in payloads(made)] == [True]


def rows(house: House, *columns: Any) -> list[Any]:
    with read(house.engine) as connection:
        return list(connection.execute(select(*columns)).all())


def test_what_flows_of_the_past_have_left_goes_too(house: House, simulators: Simulators, days_pass: DaysPass, tmp_path: Path) -> None:
    (one,) = simulators.channeladvisor.place([order(1)])
    drain(house)
    configuration = tmp_path / "integration.toml"
    configuration.write_text(configuration.read_text().replace("[flows.orders]", "[flows.other]").split("[flows.order-status]")[0])
    configuration.write_text(configuration.read_text().replace('source = "ca"\ntarget = "tims"', 'source = "other"\ntarget = "tims"'))
    shop = configuration.read_text().split("[connections.tims]")[0].replace("connections.ca", "connections.other")
    configuration.write_text(shop + configuration.read_text())
    with open_line() as made:
        days_pass(91)
        retention.forget(made)
        assert payloads(made) == [(key(one), False)]
        assert {row[0] for row in rows(made, tables.crosswalk.c.delivered)} == {None}
        assert key(one) in {row[0] for row in rows(made, tables.crosswalk.c.source_key)}
