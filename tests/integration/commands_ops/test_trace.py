"""`integration trace` tells an order's whole story by any of its ids, and personal data only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.mappings import mapping_of
from integration.line.journey import House
from tests.fixtures.line import booked, drain, key, let_holds_expire, order, with_sku
from tests.fixtures.simulators import Simulators
from tests.integration.commands_ops.conftest import Call

Ask = Callable[..., Any]


def test_an_order_that_was_booked_is_found_by_each_of_its_ids(house: House, simulators: Simulators, call: Call, ask: Ask) -> None:
    placed, _ = simulators.channeladvisor.place([order(1), order(2)])
    drain(house)
    sales_order = booked(simulators)[key(placed)][0]["SalesOrderID"]
    (told,) = ask("trace", key(placed))
    record = told["versions"][0]["record"]
    for wanted in (placed["OrderID"], sales_order, f"record {record}"):
        assert ask("trace", wanted) == [told] or ask("trace", wanted)[0]["events"] == told["events"]
    assert [event["what"] for event in told["events"]] == ["seen", "mapped", "validated", "created", "acknowledged"]
    assert told["target_key"] == sales_order
    assert told["state"] == "done"
    assert told["events"][3]["lasted"] > 0
    mapping = "+".join(mapping_of(name, None).version for name in ("channeladvisor/order", "tims/order", "tims/customer"))
    assert told["versions"][0]["mapping"] == mapping
    assert told["events"][1]["detail"] == f"with mapping {mapping}"
    assert sales_order in told["next"]
    shown = call("trace", key(placed)).stdout
    assert placed["OrderID"] in shown
    assert "Orchard" not in shown
    assert "ana.1" not in shown


def test_a_later_version_and_a_cancellation_are_in_the_same_story(house: House, simulators: Simulators, ask: Ask) -> None:
    (placed,) = simulators.channeladvisor.place([order(1)])
    drain(house)
    simulators.channeladvisor.change(key(placed), OrderStatus="Cancelled")
    drain(house)
    (told,) = ask("trace", key(placed))
    assert len(told["versions"]) >= 2
    assert [event["what"] for event in told["events"] if event["what"] in ("created", "updated")] == ["created", "updated"]


def test_payloads_are_shown_only_with_the_flag_and_a_warning(house: House, simulators: Simulators, call: Call) -> None:
    (placed,) = simulators.channeladvisor.place([order(1)])
    drain(house)
    result = call("trace", key(placed), "--payload")
    assert "1 Orchard Lane" in result.stdout or "2 Orchard Lane" in result.stdout
    assert "ana.1@buyer.example" in result.stdout
    assert "personal data" in result.stderr


def test_a_batch_is_told_with_its_records(house: House, simulators: Simulators, call: Call, ask: Ask) -> None:
    placed = simulators.channeladvisor.place([order(1), order(2)])
    drain(house)
    (told,) = ask("trace", key(placed[0]))
    batch = next(event["detail"] for event in told["events"]).partition("batch ")[2].partition(",")[0]
    assert [row["source_key"] for row in ask("trace", "batch", batch)["records"]] == [key(one) for one in placed]
    assert key(placed[1]) in call("trace", f"batch {batch}").stdout


def test_a_dead_letter_is_told_with_every_field_error_and_what_to_do(house: House, simulators: Simulators, call: Call, ask: Ask) -> None:
    (placed,) = simulators.channeladvisor.place([with_sku(1, "NO-SUCH")])
    drain(house)
    let_holds_expire(house)
    (told,) = ask("trace", placed["OrderID"])
    (event,) = [event for event in told["events"] if event["what"] == "put aside"]
    assert [fault["field"] for fault in event["fields"]] == ["lines[0].sku"]
    assert "needs a person" in told["next"]
    assert f"integration dead-letters replay {told['dead_letters'][0]}" in call("trace", placed["OrderID"]).stdout


def test_a_hold_is_told_with_what_it_waits_for_and_until_when(house: House, simulators: Simulators, call: Call, ask: Ask) -> None:
    (placed,) = simulators.channeladvisor.place([with_sku(1, "NO-SUCH")])
    drain(house)
    (told,) = ask("trace", placed["OrderID"])
    assert told["state"] == "held"
    (event,) = [event for event in told["events"] if event["what"] == "held"]
    assert "unknown sku, waits for NO-SUCH" in event["detail"]
    assert "goes on by itself when that is there" in told["next"] and "becomes a dead letter in 3 days" in told["next"]
    assert "waits for NO-SUCH" in call("trace", placed["OrderID"]).stdout


def test_a_record_on_its_way_says_what_comes_next(house: House, simulators: Simulators, ask: Ask) -> None:
    from integration.line import extract
    from integration.line.stage import work_on

    (placed,) = simulators.channeladvisor.place([order(1)])
    batch_id = extract.poll(house, "orders", 1)
    assert batch_id is not None
    work_on(house, batch_id, "extract")
    (told,) = ask("trace", key(placed))
    assert told["next"] == f"transform with batch {batch_id}, which is due now"


def test_what_nobody_knows_is_one_sentence(house: House, call: Call) -> None:
    result = call("trace", "nothing-like-it", exit_code=1)
    assert result.stderr.startswith("Error: nothing is known by `nothing-like-it`; give ")
    assert "SalesOrderID" in result.stderr
    assert result.stdout == ""
    assert "there is no batch 77" in call("trace", "batch 77", exit_code=1).stderr
    assert call("trace", "batch 99999999999999999999999", exit_code=1).stderr.count("\n") == 1
    assert call("trace", "9" * 60, exit_code=1).stderr.count("\n") == 1
    assert call("trace", "record 99999999999999999999", exit_code=1).stderr.count("\n") == 1
