"""`integration dead-letters`: what needs a person is grouped, shown, sent once more with corrections, or dismissed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select, update

from integration.ledger import tables
from integration.ledger.database import read, write
from integration.line.journey import House
from tests.fixtures.line import booked, drain, key, let_holds_expire, order, with_sku
from tests.fixtures.simulators import Simulators
from tests.integration.commands_ops.conftest import Call

Ask = Callable[..., Any]


def test_letters_are_grouped_by_cause_with_what_to_do(house: House, simulators: Simulators, call: Call, ask: Ask) -> None:
    unknown = simulators.channeladvisor.place([with_sku(1, "NO-SUCH"), with_sku(2, "NEITHER"), order(3)])[:2]
    simulators.channeladvisor.place([order(4, TotalAmount="1.00")], check=False)
    drain(house)
    let_holds_expire(house)
    groups = ask("dead-letters", "list", exit_code=3)
    assert [letter["source_key"] for letter in groups[0]["letters"]] == [key(one) for one in unknown]
    assert [(group["cause"], group["count"]) for group in groups] == [("held: lines[].sku", 2), (groups[1]["cause"], 1)]
    assert "replay" in groups[0]["advice"]
    shown = call("dead-letters", "list", exit_code=3).stdout
    assert "held: lines[].sku" in shown
    assert len(call("dead-letters", "list", "--cause", "SKU", exit_code=3).stdout.splitlines()) > len(shown.splitlines()) - 3
    assert "no dead letter has the cause `colour`" in call("dead-letters", "list", "--cause", "colour", exit_code=2).stderr
    assert "there is no flow `x`" in call("dead-letters", "list", "--flow", "x", exit_code=2).stderr


def test_none_is_said_so(house: House, call: Call) -> None:
    assert call("dead-letters", "list").stdout == "No dead letters: nothing needs a person.\n"
    assert "no open dead letters" in call("dead-letters", "replay", "--all", "--yes", exit_code=1).stderr


def test_a_letter_is_shown_with_its_fields_its_story_and_the_next_commands(
    house: House, simulators: Simulators, call: Call, ask: Ask
) -> None:
    (placed,) = simulators.channeladvisor.place([with_sku(1, "NO-SUCH")])
    drain(house)
    let_holds_expire(house)
    (group,) = ask("dead-letters", "list", exit_code=3)
    letter = group["example"]["id"]
    shown = call("dead-letters", "show", str(letter)).stdout
    assert "NO-SUCH is no item of the target" in shown
    assert placed["OrderID"] in shown
    assert f"integration dead-letters replay {letter} --set PATH=VALUE" in shown
    assert "Orchard" not in shown
    assert ask("dead-letters", "show", str(letter))["story"]["dead_letters"] == [letter]
    assert "there is no dead letter 999" in call("dead-letters", "show", "999", exit_code=2).stderr


def test_a_replay_with_an_edit_books_the_order_and_tells_the_edit_without_its_value(
    house: House, simulators: Simulators, call: Call, ask: Ask
) -> None:
    (placed,) = simulators.channeladvisor.place([with_sku(1, "NO-SUCH")])
    drain(house)
    let_holds_expire(house)
    letter = str(ask("dead-letters", "list", exit_code=3)[0]["example"]["id"])
    done = ask("dead-letters", "replay", letter, "--set", "Items[0].SKU=LAMP-003", "--set", "ShippingAddress.AddressLine1=9 Secret Path")
    assert done["replayed"] == [int(letter)]
    drain(house)
    (sales_order,) = booked(simulators)[key(placed)]
    assert sales_order["LineItems"][0]["SKU"] == "LAMP-003"
    assert "9 Secret Path" in str(sales_order["ShippingAddress"])
    (told,) = ask("trace", key(placed))
    assert told["versions"][0]["edited"] is True
    (event,) = [event for event in told["events"] if event["what"] == "replayed"]
    assert "with Items[0].SKU, ShippingAddress.AddressLine1 set" in event["detail"]
    assert "Secret" not in call("trace", key(placed)).stdout
    call("dead-letters", "list")
    again = call("dead-letters", "replay", letter, exit_code=1).stderr
    assert f"{letter} is replayed since" in again


def test_a_replay_of_an_order_that_others_marked_books_it_all_the_same(house: House, simulators: Simulators, ask: Ask) -> None:
    simulators.channeladvisor.place([order(9)])
    drain(house)  # from here on looks see marked orders too
    (placed,) = simulators.channeladvisor.place([with_sku(1, "NO-SUCH")])
    simulators.channeladvisor.change(key(placed), Exported=True)
    drain(house)
    let_holds_expire(house)
    letter = str(ask("dead-letters", "list", exit_code=3)[0]["example"]["id"])
    ask("dead-letters", "replay", letter, "--set", "Items[0].SKU=LAMP-001")
    drain(house)
    assert len(booked(simulators)[key(placed)]) == 1


def test_a_wrong_edit_is_one_sentence_and_replays_nothing(house: House, simulators: Simulators, call: Call, ask: Ask) -> None:
    simulators.channeladvisor.place([with_sku(1, "NO-SUCH")])
    drain(house)
    let_holds_expire(house)
    letter = str(ask("dead-letters", "list", exit_code=3)[0]["example"]["id"])
    for edit, words in {
        "Items[0].SKUU=X": "did you mean `SKU`?",
        "Items[7].SKU=X": "Items has no entry 7; it has Items[0] to Items[1]",
        "Items[0].Quantity=many": "Items[0].Quantity must be a whole number",
        "Items=X": "Items is no single value",
        "OrderStatus.Word=X": "OrderStatus is no object",
        "nonsense": "--set",
        "=x": "--set",
    }.items():
        said = call("dead-letters", "replay", letter, "--set", edit, exit_code=2).stderr
        assert words in said, said
        assert said.count("\n") == 1, said
    assert ask("dead-letters", "list", exit_code=3)[0]["count"] == 1
    with read(house.engine) as connection:
        assert connection.execute(select(tables.run.c.id).where(tables.run.c.kind == "replay")).all() == []


def test_a_group_is_replayed_after_a_question(house: House, simulators: Simulators, call: Call, ask: Ask) -> None:
    placed = simulators.channeladvisor.place([with_sku(number, f"LATE-{number}") for number in range(1, 4)])
    drain(house)
    let_holds_expire(house)
    simulators.tims.items(*({"SKU": f"LATE-{number}", "Description": "Late", "Status": "Active"} for number in range(1, 4)))
    assert "nothing was done" in call("dead-letters", "replay", "--cause", "sku", input="n\n", exit_code=1).stderr
    assert "add --yes" in call("dead-letters", "replay", "--all", input="", exit_code=2).stderr
    assert "3 dead letters replayed" in call("dead-letters", "replay", "--cause", "sku", input="y\n").stdout
    drain(house)
    assert set(booked(simulators)) == {key(one) for one in placed}


def test_letters_are_dismissed_with_a_note(house: House, simulators: Simulators, call: Call, ask: Ask) -> None:
    (placed,) = simulators.channeladvisor.place([with_sku(1, "NO-SUCH")])
    drain(house)
    let_holds_expire(house)
    assert call("dead-letters", "dismiss", "--all", "--yes", "--note", "a test order").stdout == "1 dead letter dismissed.\n"
    call("dead-letters", "list")
    (told,) = ask("trace", key(placed))
    assert "a test order" in told["events"][-1]["detail"]
    assert told["dead_letters"] == []
    assert ask("dead-letters", "list", "--all")[0]["state"] == "dismissed"


def test_a_letter_without_its_payload_is_said_to_be_gone(house: House, simulators: Simulators, call: Call, ask: Ask) -> None:
    simulators.channeladvisor.place([with_sku(1, "NO-SUCH"), with_sku(2, "NEITHER")])
    drain(house)
    let_holds_expire(house)
    with write(house.engine) as connection:
        gone = connection.execute(select(tables.record.c.id).order_by(tables.record.c.id).limit(1)).scalar_one()
        connection.execute(update(tables.record).where(tables.record.c.id == gone).values(raw=None))
    result = call("dead-letters", "replay", "--all", "--yes", exit_code=1)
    assert "1 dead letter replayed" in result.stdout
    assert "there is no payload to replay of" in result.stderr
    assert ask("dead-letters", "list", exit_code=3)[0]["count"] == 1


def test_a_record_that_is_on_its_way_is_not_sent_twice(house: House, simulators: Simulators, call: Call, ask: Ask) -> None:
    simulators.channeladvisor.place([with_sku(1, "NO-SUCH")])
    drain(house)
    let_holds_expire(house)
    letter = str(ask("dead-letters", "list", exit_code=3)[0]["example"]["id"])
    call("dead-letters", "replay", letter)
    with write(house.engine) as connection:  # as a second replay sees it that began at the same moment
        connection.execute(update(tables.dead_letter).values(state="open"))
    assert "is on its way already" in call("dead-letters", "replay", letter, exit_code=1).stderr
    with read(house.engine) as connection:
        assert len(connection.execute(select(tables.run.c.id).where(tables.run.c.kind == "replay")).all()) == 1


def test_which_letters_must_be_said(house: House, call: Call) -> None:
    for words in ([], ["1", "--all"], ["--all", "--cause", "x"]):
        assert "say which letters" in call("dead-letters", "replay", *words, exit_code=2).stderr
