"""`integration reconcile orders`: what is not booked once with equal money is found, told with its cause, and repaired where it can be."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from integration import clock
from integration.ledger import tables
from integration.ledger.database import write
from integration.line import reconcile_orders as line
from integration.line.journey import House
from tests.fixtures.line import assert_booked_once, booked, drain, key, order, with_sku
from tests.fixtures.simulators import Simulators
from tests.integration.care.conftest import Ask, Call

QUIRKS = ("same-updated-date-across-pages", "changed-while-paging", "unknown-extra-fields", "nulls-in-optional-fields")


def late(house: House) -> None:
    """The flow has read everything, long ago: what it does not know by now it has missed."""
    with write(house.engine) as connection:
        connection.execute(update(tables.cursor).values(position=clock.now() + timedelta(hours=1)))


def found(told: Any) -> dict[str, str]:
    return {one["source_key"]: one["verdict"] for one in told["findings"]}


def cause(told: Any, placed: dict[str, Any]) -> str:
    return str(next(one["cause"] for one in told["findings"] if one["source_key"] == key(placed)))


def again_by_hand(house: House, simulators: Simulators, placed: dict[str, Any], **members: Any) -> str:
    """Somebody books the order once more; gives the new sales order."""
    (there,) = booked(simulators)[key(placed)]
    lines = [{name: line[name] for name in ("SKU", "Quantity", "Price", "TaxAmount", "DiscountAmount")} for line in there["LineItems"]]
    names = ("ExternalOrderID", "CustomerID", "OrderDate", "Currency", "ShippingAddress", "TotalAmount", "ShippingAmount")
    remote = house.journey("orders").target.create("order", {name: there[name] for name in names} | {"LineItems": lines} | members)
    return remote.key


def test_all_that_is_booked_once_is_proven_to_the_cent(house: House, simulators: Simulators, ask: Ask) -> None:
    placed = simulators.channeladvisor.place([order(number) for number in range(5)])
    drain(house)
    before = simulators.tims.stats()["requests"]
    told = ask("reconcile", "orders", "--since", "1h")
    assert (told["orders"], told["proven"], told["findings"]) == (5, 5, [])
    total = str(sum(Decimal(one["TotalAmount"]) for one in placed))
    (money,) = told["sums"]
    assert (money["placed_amount"], money["booked_amount"], money["difference"]) == (total, total, "0.00")
    after = simulators.tims.stats()["requests"]
    assert after["listSalesOrders"] - before.get("listSalesOrders", 0) == 1  # in bulk, not one by one


def test_double_missing_and_different_orders_are_told_with_what_to_do(house: House, simulators: Simulators, ask: Ask, call: Call) -> None:
    good, twice, other, lines = simulators.channeladvisor.place([order(number) for number in range(4)])
    drain(house)
    second = again_by_hand(house, simulators, twice)
    (there,) = booked(simulators)[key(other)]
    simulators.tims.change(there["SalesOrderID"], TotalAmount="1.00")
    (there,) = booked(simulators)[key(lines)]
    simulators.tims.change(there["SalesOrderID"], LineItems=[{**there["LineItems"][0], "Quantity": 9}, *there["LineItems"][1:]])
    late(house)
    (missing,) = simulators.channeladvisor.place([order(9)])
    told = ask("reconcile", "orders", "--since", "1h", exit_code=3)
    assert found(told) == {key(twice): "double", key(other): "different", key(lines): "different", key(missing): "missing"}
    assert second in cause(told, twice)
    assert "but 1.00 USD in tims" in cause(told, other)
    assert "are 9" in cause(told, lines)
    assert [one["source_key"] for one in told["findings"] if one["repairable"]] == [key(missing)]
    (money,) = told["sums"]
    assert (money["placed"], money["booked"]) == (5, 5)
    shown = call("reconcile", "orders", "--since", "1h", exit_code=3).stdout
    assert "cancel all but" in shown
    assert key(good) not in shown


def test_repair_books_what_is_missing_once_and_leaves_the_rest_to_a_person(house: House, simulators: Simulators, ask: Ask) -> None:
    twice, _ = simulators.channeladvisor.place([order(1), order(2)])
    drain(house)
    again_by_hand(house, simulators, twice)
    late(house)
    missing = simulators.channeladvisor.place([order(number) for number in (7, 8)])
    told = ask("reconcile", "orders", "--since", "1h", "--repair", "--yes", exit_code=3)
    assert (told["repaired"], found(told)) == (2, {key(twice): "double"})
    for one in missing:
        assert [sales["TotalAmount"] for sales in booked(simulators)[key(one)]] == [one["TotalAmount"]]
    assert len(booked(simulators)[key(twice)]) == 2
    (entry,) = ask("audit", "--action", "repair orders")
    assert entry["detail"]["orders"] == 2
    assert entry["actor"] != "the service"


def test_an_order_that_others_booked_meanwhile_is_not_booked_again_by_a_repair(house: House, simulators: Simulators, ask: Ask) -> None:
    (first,) = simulators.channeladvisor.place([order(1)])
    drain(house)
    late(house)
    (missing,) = simulators.channeladvisor.place([order(2)])
    assert found(ask("reconcile", "orders", "--since", "1h", exit_code=3)) == {key(missing): "missing"}
    again_by_hand(house, simulators, first, ExternalOrderID=key(missing))
    line.repair(house, "orders", [key(missing)])
    drain(house)
    assert len(booked(simulators)[key(missing)]) == 1


def test_a_newer_version_that_never_arrived_is_sent(house: House, simulators: Simulators, ask: Ask) -> None:
    (one,) = simulators.channeladvisor.place([order(1)])
    drain(house)
    late(house)
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], OrderStatus="Cancelled")
    told = ask("reconcile", "orders", "--since", "1h", exit_code=3)
    assert "still counts in tims" in cause(told, one)
    told = ask("reconcile", "orders", "--since", "1h", "--repair", "--yes")
    assert (told["proven"], booked(simulators)[key(one)][0]["OrderStatus"]) == (1, "Cancelled")


def test_what_the_line_can_explain_needs_nobody(house: House, simulators: Simulators, ask: Ask) -> None:
    dead, held, cancelled, taken = simulators.channeladvisor.place(
        [order(1), with_sku(2, "NO-SUCH"), order(3, OrderStatus="Cancelled"), order(4)], check=False
    )
    simulators.channeladvisor.change(dead["ChannelAdvisorOrderID"], TotalAmount="1.00")
    simulators.channeladvisor.change(taken["ChannelAdvisorOrderID"], Exported=True)
    drain(house)
    (fresh,) = simulators.channeladvisor.place([order(5)])
    told = ask("reconcile", "orders", "--since", "1h")
    assert found(told) == {key(one): "explained" for one in (dead, held, cancelled, taken, fresh)}
    assert cause(told, dead).startswith("dead letter")
    assert cause(told, held).startswith("on hold, unknown_sku")
    assert "cancelled before" in cause(told, cancelled)
    assert "taken over by somebody else" in cause(told, taken)
    assert "not read yet" in cause(told, fresh)
    (money,) = told["sums"]
    assert money["difference"] == money["explained"]


def test_an_order_under_an_alias_is_the_same_order(house: House, simulators: Simulators, ask: Ask) -> None:
    simulators.tims.items({"SKU": "LAMP-900", "Aliases": ["LAMP-OLD"]})
    simulators.channeladvisor.place([with_sku(1, "LAMP-OLD")])
    drain(house)
    assert ask("reconcile", "orders", "--since", "1h")["proven"] == 1


def test_it_goes_on_where_it_was_stopped(
    house: House, simulators: Simulators, ask: Ask, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = simulators.channeladvisor.place(
        [order(number, CreatedDate=clock.text(clock.now() - timedelta(days=number))) for number in range(5)]
    )
    drain(house)
    reads: list[Any] = []
    real = line.Reconciliation._read_window

    def stopped(self: Any, start: Any, end: Any) -> Any:
        reads.append(start)
        if len(reads) == 4:
            raise KeyboardInterrupt
        yield from real(self, start, end)

    monkeypatch.setattr(line.Reconciliation, "_read_window", stopped)
    assert "the same command goes on" in call("reconcile", "orders", "--since", "6d", "--until", "now", exit_code=130).stderr
    result = call("reconcile", "orders", "--since", "6d", "--until", "now", "--json")
    assert "goes on at" in result.stderr
    assert reads[4:] == sorted(reads[4:])
    assert reads[4] == reads[3]  # the three days before are not read again
    assert f'"proven": {len(placed)}' in result.stdout


def test_a_system_that_stumbles_is_asked_again_and_one_that_stays_away_ends_it(
    house: House, simulators: Simulators, ask: Ask, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "backoff", lambda _: 0.01)
    placed = simulators.channeladvisor.place([order(1)])
    drain(house)
    simulators.tims.faults({"server-error": {"times": 2, "operations": ["listSalesOrders"]}})
    assert ask("reconcile", "orders", "--since", "1h")["proven"] == 1
    simulators.tims.faults({"server-error": {"times": 50, "operations": ["listSalesOrders"]}})
    call("reconcile", "orders", "--since", "2h", exit_code=1)
    simulators.tims.clear()
    assert ask("reconcile", "orders", "--since", "2h")["proven"] == 1
    assert_booked_once(simulators, placed, injected={"500"})


def test_an_order_that_the_target_itself_has_doubled_is_found_whatever_the_lists_do(house: House, simulators: Simulators, ask: Ask) -> None:
    simulators.tims.faults({"duplicate-external-order": {"times": 1}})
    placed = simulators.channeladvisor.place([order(number) for number in range(30)])
    drain(house)
    (doubled,) = [number for number, sales in booked(simulators).items() if len(sales) > 1]
    simulators.channeladvisor.faults(**dict.fromkeys(QUIRKS, True))
    simulators.tims.faults({"early-token-expiry": {"times": 1}}, **dict.fromkeys(QUIRKS, True))
    told = ask("reconcile", "orders", "--since", "1h", exit_code=3)
    assert found(told) == {doubled: "double"}
    assert told["proven"] == len(placed) - 1
    (money,) = told["sums"]
    assert (money["placed"], money["booked"]) == (30, 31)
