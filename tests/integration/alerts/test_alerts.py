"""An alert is told once when its trouble has lasted and once when it is over, to everybody, whatever comes and goes in between."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, update

from integration.ledger import alerts, tables
from integration.ledger.alerts import Trouble
from integration.ledger.database import read, write
from tests.integration.alerts.conftest import AFTER, Watcher

EACH = 2
"""Addresses that are configured."""


def dead_letter(watcher: Watcher, cause: str = "refused: SKU") -> None:
    values = {"flow": "orders", "batch_id": 1, "source_key": "1", "stage": "load", "kind": "refused", "cause": cause, "reason": "no"}
    with write(watcher.house.engine) as connection:
        connection.execute(insert(tables.dead_letter).values(**values, fields=[], state="open", created_at=watcher.clock.now()))


def settle(watcher: Watcher) -> None:
    with write(watcher.house.engine) as connection:
        connection.execute(update(tables.dead_letter).values(state="dismissed"))


def rows(watcher: Watcher) -> int:
    with read(watcher.house.engine) as connection:
        return connection.execute(select(func.count()).select_from(tables.alert)).scalar_one()


def test_a_trouble_that_lasts_is_told_once_with_what_since_when_how_many_and_what_to_do(watcher: Watcher) -> None:
    dead_letter(watcher)
    dead_letter(watcher)
    watcher.look()
    assert not watcher.people.got
    watcher.look(AFTER + 1)
    for _ in range(20):
        dead_letter(watcher)
        watcher.look(15)
    assert watcher.people.titles() == ["Integration: 1 alert"] * EACH
    said = watcher.people.got[0][2]
    assert said.startswith("orders: 2 dead letters, refused: SKU (since ")
    assert said.endswith("Look with `integration dead-letters list --flow orders`.")
    (alert,) = alerts.listed(watcher.house.engine)
    assert alert.count == 22


def test_what_is_over_soon_is_not_told(watcher: Watcher) -> None:
    dead_letter(watcher)
    watcher.look()
    settle(watcher)
    for _ in range(20):
        watcher.look(15)
    assert not watcher.people.got
    assert not alerts.listed(watcher.house.engine)


def test_the_end_is_told_once(watcher: Watcher) -> None:
    dead_letter(watcher)
    watcher.look()
    watcher.look(AFTER + 1)
    settle(watcher)
    for _ in range(40):
        watcher.look(15)
    assert watcher.people.titles() == ["Integration: 1 alert"] * EACH + ["Integration: 1 alert over"] * EACH
    assert watcher.people.got[-1][2].startswith("Over: orders: 1 dead letter, refused: SKU (since ")


def test_what_comes_and_goes_is_one_alert_and_one_all_clear(watcher: Watcher) -> None:
    for _ in range(30):
        dead_letter(watcher)
        watcher.look(40)
        settle(watcher)
        watcher.look(40)
    assert rows(watcher) == 1
    assert watcher.people.titles() == ["Integration: 1 alert"] * EACH
    watcher.look(10 * AFTER)
    assert watcher.people.titles()[EACH:] == ["Integration: 1 alert over"] * EACH


def test_a_new_cause_is_an_alert_of_its_own_and_a_bad_day_is_one_message(watcher: Watcher) -> None:
    for number in range(30):
        dead_letter(watcher, f"refused: {'x' * number}")
    watcher.look()
    watcher.look(AFTER + 1)
    assert watcher.people.titles() == ["Integration: 30 alerts"] * EACH
    assert watcher.people.got[0][2].endswith("and 10 more: `integration alerts` lists them all.")
    dead_letter(watcher, "invalid: quantity")
    watcher.look()
    watcher.look(AFTER + 1)
    assert watcher.people.titles()[EACH:] == ["Integration: 1 alert"] * EACH


def test_an_address_that_fails_is_tried_again_and_the_other_is_not_told_twice(watcher: Watcher, capsys: pytest.CaptureFixture[str]) -> None:
    dead_letter(watcher)
    watcher.people.deaf = {"env:CHAT"}
    watcher.look()
    for _ in range(10):
        watcher.look(AFTER + 1)
    assert [address for address, _, _ in watcher.people.got] == ["env:MAIL"]
    watcher.people.deaf = set()
    watcher.look(alerts.TRY_AGAIN_SECONDS + 1)
    assert [address for address, _, _ in watcher.people.got] == ["env:MAIL", "env:CHAT"]
    said = "".join(capsys.readouterr())
    assert "env:CHAT" in said
    assert "invalid/token" not in said


def test_whom_the_alert_never_reached_hears_no_all_clear(watcher: Watcher) -> None:
    dead_letter(watcher)
    watcher.people.deaf = {"env:CHAT"}
    watcher.look()
    watcher.look(AFTER + 1)
    settle(watcher)
    watcher.people.deaf = set()
    watcher.look()
    for _ in range(5):
        watcher.look(2 * AFTER)
    assert [(address, title) for address, title, _ in watcher.people.got] == [
        ("env:MAIL", "Integration: 1 alert"),
        ("env:MAIL", "Integration: 1 alert over"),
    ]


def test_of_many_watchers_one_tells(watcher: Watcher) -> None:
    dead_letter(watcher)
    watcher.look()
    watcher.clock.move(AFTER + 1)
    threads = [threading.Thread(target=watcher.look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert watcher.people.titles() == ["Integration: 1 alert"] * EACH
    assert rows(watcher) == 1


def test_a_watcher_that_died_while_telling_is_followed_by_another(watcher: Watcher) -> None:
    dead_letter(watcher)
    watcher.look()
    watcher.clock.move(AFTER + 1)
    assert alerts.take(watcher.house.engine, ["env:MAIL", "env:CHAT"], AFTER)
    watcher.look()
    assert not watcher.people.got
    watcher.look(alerts.TELLING_SECONDS + 1)
    assert watcher.people.titles() == ["Integration: 1 alert"] * EACH


def test_without_addresses_alerts_are_kept_all_the_same(watcher: Watcher) -> None:
    trouble = Trouble("outage", "tims", "tims: it does not answer", "Ask.", watcher.clock.now())
    alerts.keep(watcher.house.engine, [trouble], AFTER)
    assert [one.message for one in alerts.listed(watcher.house.engine)] == ["tims: it does not answer"]
    for _ in range(3):
        watcher.clock.move(2 * AFTER)
        alerts.keep(watcher.house.engine, [], AFTER)
    assert not alerts.listed(watcher.house.engine)
    assert [one.state for one in alerts.listed(watcher.house.engine, everything=True)] == ["closed"]
    alerts.forget(watcher.house.engine, watcher.clock.now() + timedelta(seconds=1))
    assert rows(watcher) == 0
