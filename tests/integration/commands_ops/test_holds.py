"""`integration holds`: what waits is listed with what to do; a person lets it go on, corrects it, or ends it; all of it is on record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from integration.ledger import tables
from integration.ledger.database import read
from integration.line.journey import House
from tests.fixtures.line import assert_booked_once, booked, drain, key, order, with_sku
from tests.fixtures.simulators import Simulators
from tests.integration.commands_ops.conftest import Call

Ask = Callable[..., Any]


def bad_address(number: int) -> dict[str, Any]:
    made = order(number)
    return {**made, "ShippingAddress": {**made["ShippingAddress"], "PostalCode": "nowhere"}}


def trail(house: House) -> list[tuple[str, str | None]]:
    with read(house.engine) as connection:
        return [(row.action, row.subject) for row in connection.execute(select(tables.audit).order_by(tables.audit.c.id))]


def test_holds_are_listed_by_what_they_wait_for(house: House, simulators: Simulators, call: Call, ask: Ask) -> None:
    assert call("holds", "list").stdout == "No holds: nothing waits for anything.\n"
    simulators.channeladvisor.place([with_sku(1, "NO-SUCH"), with_sku(2, "NO-SUCH"), bad_address(3)])
    drain(house)
    shown = call("holds", "list").stdout
    assert shown.count("NO-SUCH") == 1
    assert "add the item in the target" in " ".join(shown.split())
    assert shown.count("nowhere") == 0
    assert call("holds", "list", "--each").stdout.count("unknown_sku") == 2
    assert sorted(one["kind"] for one in ask("holds", "list")) == ["address", "unknown_sku", "unknown_sku"]
    assert [one["kind"] for one in ask("holds", "list", "--kind", "address")] == ["address"]
    assert "there is no flow `x`" in call("holds", "list", "--flow", "x", exit_code=2).stderr


def test_an_address_is_corrected_on_the_way(house: House, simulators: Simulators, call: Call, ask: Ask) -> None:
    (placed,) = simulators.channeladvisor.place([bad_address(1)])
    drain(house)
    (hold,) = ask("holds", "list")
    assert "address cannot be done without" in call("holds", "release", str(hold["id"])).stdout
    drain(house)
    (same,) = ask("holds", "list")
    assert (same["id"], same["since"], same["deadline"]) == (hold["id"], hold["since"], hold["deadline"])
    said = call("holds", "release", str(hold["id"]), "--set", "ShippingAddress.PostalCode=78702").stdout
    assert "cannot be done without" not in said
    drain(house)
    assert booked(simulators)[key(placed)][0]["ShippingAddress"]["PostalCode"] == "78702"
    assert ask("holds", "list") == []
    assert trail(house) == [("release hold", key(placed))] * 2
    with read(house.engine) as connection:
        details = connection.execute(select(tables.audit.c.detail).order_by(tables.audit.c.id)).scalars().all()
    assert [one["set"] for one in details] == [[], ["ShippingAddress.PostalCode"]]
    assert "78702" not in str(details)


def test_credit_is_waived_for_the_one_order(house: House, simulators: Simulators, call: Call, ask: Ask) -> None:
    simulators.tims.customer(Name="Ana Ruiz", Email="ana.1@buyer.example", CreditLimit="5.00")
    (paid,) = simulators.channeladvisor.place([order(1)])
    drain(house)
    unpaid = [order(1, PaymentStatus="Submitted", OrderID=f"113-000000{number}-7654321") for number in range(2)]
    first, second = simulators.channeladvisor.place(unpaid)
    drain(house)
    chosen = next(one for one in ask("holds", "list") if one["source_key"] == key(first))
    call("holds", "release", str(chosen["id"]))
    drain(house)
    assert_booked_once(simulators, [paid, first])
    assert [one["source_key"] for one in ask("holds", "list")] == [key(second)]
    (told,) = ask("trace", key(first))
    assert [event["what"] for event in told["events"] if event["what"] in ("held", "waived")] == ["held", "waived"]


def test_a_hold_is_cancelled_with_a_note_and_the_channel_is_left_alone(house: House, simulators: Simulators, call: Call, ask: Ask) -> None:
    (placed, other) = simulators.channeladvisor.place([with_sku(1, "NO-SUCH"), bad_address(2)])
    drain(house)
    hold = next(one for one in ask("holds", "list") if one["source_key"] == key(placed))
    assert "The source was not told" in call("holds", "cancel", str(hold["id"]), "--note", "a test order").stdout
    (told,) = ask("trace", key(placed))
    assert told["state"] == "skipped"
    assert "a test order" in str(told["events"][-1])
    assert all(one["OrderStatus"] != "Cancelled" for one in simulators.channeladvisor.state()["orders"])
    assert trail(house) == [("cancel hold", key(placed))]
    assert "there is no open hold" in call("holds", "cancel", str(hold["id"]), exit_code=2).stderr
    assert "nothing was done" in call("holds", "cancel", "--all", input="n\n", exit_code=1).stderr
    assert [one["source_key"] for one in ask("holds", "list")] == [key(other)]


def test_which_holds_must_be_said(house: House, call: Call) -> None:
    for words in ([], ["1", "--all"], ["--all", "--kind", "credit"]):
        assert "say which holds" in call("holds", "release", *words, exit_code=2).stderr
    assert "nothing was done" in call("holds", "release", "--all", "--yes", exit_code=1).stderr
