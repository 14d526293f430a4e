"""`integration status` says at a glance whether all is well, what is stuck and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from integration import clock
from integration.ledger import alerts, batches, budgets, pulses, tables
from integration.ledger.alerts import Trouble
from integration.ledger.database import write
from integration.line import backfill, extract
from integration.line.journey import House
from integration.line.stage import work_on
from tests.fixtures.line import drain, order, with_sku
from tests.fixtures.simulators import Simulators
from tests.integration.commands_ops.conftest import Call

Ask = Callable[..., Any]


def test_all_is_well(house: House, simulators: Simulators, ask: Ask, call: Call) -> None:
    simulators.channeladvisor.place([order(1), order(2)])
    drain(house)
    told = ask("status")
    (flow,) = told["flows"]
    assert (flow["state"], flow["booked_hour"], flow["booked_day"], flow["in_flight"], flow["lag"]) == ("running", 2, 2, {}, 0.0)
    assert told["needs_a_person"] == []
    assert [one["limit"] for one in told["connections"]] == [2000, 600]
    assert all(0 < one["requests"] <= one["limit"] for one in told["connections"])
    shown = call("status").stdout
    assert "running" in shown
    assert "Nothing needs a person." in shown
    assert "\x1b" not in shown


def test_what_is_in_flight_is_counted_by_stage(house: House, simulators: Simulators, ask: Ask) -> None:
    simulators.channeladvisor.place([order(1), order(2), order(3)])
    batch_id = extract.poll(house, "orders", 1)
    assert batch_id is not None
    work_on(house, batch_id, "extract")
    (flow,) = ask("status")["flows"]
    assert flow["in_flight"] == {"transform": 3}
    assert flow["lag"] >= 0.0
    with write(house.engine) as connection:
        connection.execute(update(tables.batch).values(due_at=clock.now() - timedelta(seconds=90)))
    (flow,) = ask("status")["flows"]
    assert flow["state"] == "behind"
    assert "no worker took it" in flow["because"]


def test_dead_letters_need_a_person(house: House, simulators: Simulators, ask: Ask, call: Call) -> None:
    simulators.channeladvisor.place([order(1, TotalAmount="1.00")], check=False)
    drain(house)
    told = ask("status", exit_code=3)
    assert told["flows"][0]["dead_letters"] == 1
    assert told["needs_a_person"] == ["orders: 1 dead letter, see `integration dead-letters list`"]
    assert "Needs a person:" in call("status", exit_code=3).stdout


def test_holds_are_told_by_kind_and_need_nobody(house: House, simulators: Simulators, ask: Ask, call: Call) -> None:
    simulators.channeladvisor.place([with_sku(1, "NO-SUCH")])
    drain(house)
    told = ask("status")
    assert (told["flows"][0]["holds"], told["flows"][0]["in_flight"], told["flows"][0]["lag"]) == ({"unknown_sku": 1}, {}, 0.0)
    assert "1 unknown sku" in call("status").stdout


def test_alerts_and_what_is_stuck_are_told(house: House, simulators: Simulators, ask: Ask, call: Call) -> None:
    drain(house)
    long_ago = clock.now() - timedelta(minutes=5)
    alerts.keep(house.engine, [Trouble("outage", "tims", "tims: it does not answer", "Ask.", long_ago)], 60.0)
    pulses.leave(house.engine, ["load", "beat"])
    with write(house.engine) as connection:
        batches.start_run(connection, "orders", "tick", "live", {}, stage="load", size=1)
        connection.execute(update(tables.batch).values(due_at=long_ago))
        connection.execute(update(tables.pulse).where(tables.pulse.c.part == "load").values(at=long_ago))
    told = ask("status", exit_code=3)
    assert [one["message"] for one in told["alerts"]] == ["tims: it does not answer"]
    [stuck] = told["needs_a_person"]
    assert stuck.startswith("load: work has waited at load for 3")
    assert "tims: it does not answer (5 min ago)" in call("status", exit_code=3).stdout


def test_a_flow_that_nobody_runs_is_said_so(house: House, ask: Ask, simulators: Simulators) -> None:
    told = ask("status", exit_code=3)
    assert told["flows"][0]["state"] == "never run"
    drain(house)
    with write(house.engine) as connection:
        connection.execute(update(tables.cursor).values(updated_at=clock.now() - timedelta(minutes=5)))
    told = ask("status", exit_code=3)
    assert told["flows"][0]["state"] == "stopped"
    assert "integration up" in told["needs_a_person"][0]


def test_a_resting_connection_is_told_with_its_reason(house: House, ask: Ask, simulators: Simulators) -> None:
    drain(house)
    budgets.pause(house.engine, "tims", 40, "the system asked for a pause")
    (flow,) = ask("status")["flows"]
    assert flow["state"] == "resting"
    assert "the system asked for a pause" in flow["because"]


def test_refused_credentials_need_a_person(house: House, ask: Ask, simulators: Simulators) -> None:
    simulators.tims.faults(unauthorized=True)
    simulators.channeladvisor.place([order(1)])
    batch_id = extract.poll(house, "orders", 1)
    assert batch_id is not None
    for stage in ("extract", "transform", "validate"):
        work_on(house, batch_id, stage)  # type: ignore[arg-type]
    told = ask("status", exit_code=3)
    assert told["flows"][0]["state"] == "resting"
    assert told["needs_a_person"] == ["tims: its credentials were refused; set them right, then it goes on by itself"]


def test_open_backfills_are_listed(house: House, ask: Ask, call: Call, simulators: Simulators) -> None:
    drain(house)
    since = clock.instant("2026-03-02T00:00:00Z")
    begun = backfill.begin(house.engine, "orders", since, since + timedelta(days=4), "")
    backfill.stop(house.engine, begun.run_id)
    (told,) = ask("status")["backfills"]
    assert (told["run_id"], told["state"]) == (begun.run_id, "stopped")
    assert "stopped" in call("status").stdout


def test_a_database_that_does_not_answer_is_one_sentence(house: House, call: Call, monkeypatch: Any) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    said = call("status", exit_code=1).stderr
    assert said.startswith("Error: the database does not answer (")
    assert said.count("\n") == 1
