"""Each trouble is seen when it is there, and only then; its words say how many and what to do, and nothing personal."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from connectors.registry import definition
from connectors.rest.observe import Exchange
from connectors.rest.tally import Tally
from integration import clock
from integration.ledger import batches, budgets, pulses, tables
from integration.ledger.alerts import Trouble
from integration.ledger.batches import Lane
from integration.ledger.budgets import moment_of
from integration.ledger.database import write
from integration.line.journey import House
from integration.troubles import troubles


def found(house: House) -> dict[tuple[str, str], Trouble]:
    limits = {name: definition(one).limits for name, one in house.settings.connections.items()}
    return {(one.kind, one.subject): one for one in troubles(house.engine, house.settings, limits)}


def ago(seconds: float) -> datetime:
    return clock.now() - timedelta(seconds=seconds)


def record(house: House, extracted_at: datetime, *, lane: Lane = "live", state: str = "validated", **values: Any) -> None:
    with write(house.engine) as connection:
        _, batch_id = batches.start_run(connection, "orders", "tick", lane, {}, stage="load", size=1)
        row = {"batch_id": batch_id, "flow": "orders", "source_key": str(batch_id), "version": "1", "state": state, **values}
        connection.execute(insert(tables.record).values(**row, extracted_at=extracted_at))


def called(house: House, *statuses: int | None, operation: str = "order.create") -> None:
    tally = Tally(house.engine)
    for status in statuses:
        tally.count(Exchange("tims", operation, "POST", status, 0.1))
        tally.write()


def test_all_is_well_where_nothing_is_wrong(house: House) -> None:
    record(house, ago(10))
    called(house, 200, 429, 404)
    pulses.leave(house.engine, ["beat", "control"])
    assert not found(house)


def test_a_flow_is_behind_by_its_live_records_that_are_on_their_way(house: House) -> None:
    late = house.settings.flows["orders"].behind_after
    record(house, ago(late + 100), lane="backfill")
    record(house, ago(late + 100), state="held")
    record(house, ago(late + 100), state="done", finished_at=clock.now())
    record(house, ago(late - 100))
    assert not found(house)
    record(house, ago(late + 100))
    behind = found(house)["behind", "orders"]
    assert behind.message == "orders: 1 record on the way for longer than 300 s"
    assert (clock.now() - behind.since).total_seconds() == pytest.approx(100, abs=10)


def test_a_flow_that_has_not_looked(house: House) -> None:
    with write(house.engine) as connection:
        connection.execute(insert(tables.cursor).values(flow="orders", tick=1, updated_at=ago(30)))
    assert not found(house)
    with write(house.engine) as connection:
        connection.execute(update(tables.cursor).values(updated_at=ago(90)))
    assert found(house).keys() == {("not looking", "orders")}


def test_refused_credentials_and_an_outage_are_told_apart(house: House) -> None:
    budgets.pause(house.engine, "tims", 30, "unauthorized: tims: the token was refused")
    budgets.pause(house.engine, "ca", 30, "unreachable: ca: no connection")
    assert found(house).keys() == {("unauthorized", "tims"), ("outage", "ca")}
    budgets.resume(house.engine, "tims")
    budgets.resume(house.engine, "ca")
    assert not found(house)


def test_a_pause_that_the_system_asked_for_is_no_outage(house: House) -> None:
    budgets.pause(house.engine, "tims", 30, "the system asked for a pause")
    assert not found(house)


@pytest.mark.parametrize("failure", [500, None])
def test_a_system_whose_last_answers_were_failures_has_an_outage(house: House, failure: int | None) -> None:
    called(house, 200, failure)
    called(house, 200, operation="token")
    assert found(house).keys() == {("outage", "tims")}
    called(house, 422)
    assert not found(house)


def test_a_failure_of_long_ago_is_no_outage(house: House) -> None:
    called(house, 500)
    with write(house.engine) as connection:
        connection.execute(update(tables.api_call).values(last_at=ago(600)))
    assert not found(house)


def test_a_budget_that_is_nearly_used(house: House) -> None:
    with write(house.engine) as connection:
        connection.execute(insert(tables.budget_grant).values(connection="tims", granted_at=moment_of(connection), requests=500))
    assert not found(house)
    with write(house.engine) as connection:
        connection.execute(insert(tables.budget_grant).values(connection="tims", granted_at=moment_of(connection), requests=45))
    assert found(house)["budget", "tims"].message == "tims: more than 90% of its 600 requests in 60 s are used"


def hold(house: House, kind: str, since: datetime, deadline: datetime) -> None:
    row = {
        "flow": "orders",
        "record_id": 1,
        "source_key": f"{kind} until {deadline}",
        "kind": kind,
        "awaits": "LAMP",
        "reason": "no",
        "fields": [],
        "state": "open",
    }
    with write(house.engine) as connection:
        moments = {"since": since, "deadline": deadline, "check_at": since, "created_at": since}
        connection.execute(insert(tables.hold).values(**row, **moments))


def test_a_hold_is_told_before_its_end_and_not_at_its_beginning(house: House) -> None:
    moment = clock.now()
    hold(house, "credit", moment, moment + timedelta(hours=2))
    hold(house, "tracking", moment, moment + timedelta(minutes=5))
    assert not found(house)
    hold(house, "credit", moment, moment + timedelta(minutes=30))
    hold(house, "credit", moment, moment - timedelta(minutes=1))
    told = found(house)["holds", "orders: credit"]
    assert told.count == 2
    assert told.message.startswith("orders: 2 records held for credit will soon ask for a person, the first at ")


def test_a_part_that_does_not_move_and_one_that_was_restarted(house: House) -> None:
    record(house, ago(10))
    pulses.leave(house.engine, ["beat", "control", "load", "restarted worker-load"])
    with write(house.engine) as connection:
        connection.execute(update(tables.batch).values(due_at=ago(100)))
        connection.execute(update(tables.pulse).where(tables.pulse.c.part == "load").values(at=ago(100)))
    assert {kind for kind, _ in found(house)} == {"stuck", "restarted"}
    assert found(house)["stuck", "load"].message.startswith("load: work has waited at load for 10")


def test_dead_letters_by_flow_and_cause(house: House) -> None:
    row = {"flow": "orders", "batch_id": 1, "source_key": "1", "stage": "load", "kind": "refused", "reason": "Ana Ruiz", "fields": []}
    with write(house.engine) as connection:
        for cause in ("refused: SKU", "refused: SKU", "bug: KeyError"):
            connection.execute(insert(tables.dead_letter).values(**row, cause=cause, state="open", created_at=ago(5)))
    told = found(house)
    assert {(subject, one.count) for (_, subject), one in told.items()} == {("orders: refused: SKU", 2), ("orders: bug: KeyError", 1)}
    assert "Ana" not in str(told)
