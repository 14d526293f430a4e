"""What becomes of hints: one read takes any number, late ones are fetched by key, and what is known already costs no request."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from connectors.rest import RestConnection
from integration import clock
from integration.errors import Refused
from integration.ledger import batches, hints, tables
from integration.ledger.database import read, write
from integration.line import extract
from integration.line import hints as taking
from integration.line.journey import House
from integration.line.stage import work_on
from integration.ports import SourceRecord
from tests.fixtures.line import BACK_FLOWS, assert_booked_once, configure, drain, key, open_line, place
from tests.fixtures.simulators import Simulators

numbers = itertools.count(1)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, database_url: str) -> Iterator[House]:
    configure(monkeypatch, tmp_path, simulators, database_url, more=BACK_FLOWS)
    with open_line() as made:
        yield made


def hint(house: House, one: Any, changed: datetime | None = None, *, entity: str = "order", connection: str = "ca") -> None:
    with write(house.engine) as database:
        row = {"connection": connection, "event_id": f"msg_{next(numbers)}", "event": "order.updated", "entity": entity, "key": one}
        hints.keep(database, [{**row, "changed_at": changed, "received_at": clock.now()}])


def changed(order: dict[str, Any]) -> datetime:
    return clock.instant(order["UpdatedDate"])


def waiting(house: House) -> int:
    with read(house.engine) as database:
        return database.execute(select(func.count()).where(tables.hint.c.taken_at.is_(None))).scalar_one()


def kinds(house: House, flow: str = "orders") -> list[str]:
    with read(house.engine) as database:
        return list(database.execute(select(tables.run.c.kind).where(tables.run.c.flow == flow).order_by(tables.run.c.id)).scalars())


def finish(house: House, made: list[int]) -> None:
    """Work on these batches until nothing is open; no tick comes."""
    bells = [(one.batch_id, one.stage) for one in batches.bells(house.engine, made)]
    while bells:
        batch_id, stage = bells.pop(0)
        bells += work_on(house, batch_id, stage)
    assert batches.open_batches(house.engine) == 0


@contextlib.contextmanager
def requests(simulators: Simulators) -> Iterator[Callable[[str], int]]:
    """How many requests of an operation of the channel came since the block began."""
    before = simulators.channeladvisor.stats()["requests"]
    yield lambda operation: simulators.channeladvisor.stats()["requests"].get(operation, 0) - before.get(operation, 0)


def test_one_read_takes_any_number_of_hints_and_books_each_order_once(house: House, simulators: Simulators) -> None:
    placed = place(simulators, 1)
    drain(house)
    placed += place(simulators, 5, first=1)
    for one in reversed(placed[1:]):
        hint(house, key(one), changed(one))
        hint(house, key(one), changed(one))
    with requests(simulators) as asked:
        finish(house, taking.take(house))
        assert asked("listOrders") == 1
    assert waiting(house) == 0
    assert kinds(house)[-1] == "webhook"
    assert_booked_once(simulators, placed)


def test_what_is_known_in_this_version_or_a_later_one_costs_no_request(house: House, simulators: Simulators) -> None:
    (placed,) = place(simulators, 1)
    simulators.channeladvisor.change(key(placed), OrderStatus="Pending")
    drain(house)
    now = next(one for one in simulators.channeladvisor.state()["orders"] if key(one) == key(placed))
    drain(house)
    for moment in (changed(placed), changed(now)):
        hint(house, key(placed), moment)
    with requests(simulators) as asked:
        assert taking.take(house) == []
        assert asked("listOrders") == asked("getOrder") == 0
    assert waiting(house) == 0


def test_our_own_writes_ring_too_and_cost_one_read(house: House, simulators: Simulators) -> None:
    placed = place(simulators, 3)
    drain(house)
    drain(house)
    before = sum(simulators.tims.stats()["requests"].values())
    for one in simulators.channeladvisor.state()["orders"]:
        simulators.channeladvisor.change(key(one), SellerOrderID="SO-1")
    for one in simulators.channeladvisor.state()["orders"]:
        hint(house, key(one), changed(one))
    with requests(simulators) as asked:
        finish(house, taking.take(house))
        assert asked("listOrders") == 1
        assert asked("getOrder") == 0
    assert sum(simulators.tims.stats()["requests"].values()) == before
    assert_booked_once(simulators, placed)


def test_a_late_record_is_fetched_by_its_key_and_moves_no_cursor(
    house: House, simulators: Simulators, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch_one = RestConnection.fetch_one

    def fetch(self: RestConnection, entity: str, wanted: str) -> SourceRecord | None:
        if wanted == "no key at all":
            raise Refused("ca: order.get was answered 400")
        return fetch_one(self, entity, wanted)

    monkeypatch.setattr(RestConnection, "fetch_one", fetch)
    placed = place(simulators, 1)
    drain(house)
    late = place(simulators, 2, first=1)
    moment = clock.now() + timedelta(hours=1)
    c = tables.cursor.c
    with write(house.engine) as database:  # as if both had become visible behind what was read already
        database.execute(update(tables.cursor).where(c.flow == "orders").values(position=moment))
    simulators.channeladvisor.change(key(late[0]), UpdatedDate=clock.text(moment + timedelta(hours=1)))
    for one in (*late, {"ChannelAdvisorOrderID": 999999, "UpdatedDate": late[0]["UpdatedDate"]}):
        hint(house, key(one), changed(one))
    hint(house, "no key at all", changed(late[0]))
    with requests(simulators) as asked:
        finish(house, taking.take(house))
        assert asked("listOrders") == 0
        assert asked("getOrder") == 3
    with read(house.engine) as database:
        assert database.execute(select(c.position).where(c.flow == "orders")).scalar_one() == moment
        assert database.execute(select(func.count()).select_from(tables.dead_letter)).scalar_one() == 0
    assert_booked_once(simulators, placed + late)


def age(house: House, seconds: float, *columns: str) -> None:
    """As if so many seconds had passed since the hints were received or taken."""
    with write(house.engine) as database:
        for row in database.execute(select(tables.hint)).mappings().all():
            earlier = {name: row[name] - timedelta(seconds=seconds) for name in columns if row[name] is not None}
            database.execute(update(tables.hint).where(tables.hint.c.id == row["id"]).values(**earlier))


def test_a_webhook_that_comes_before_its_record_shows_is_read_for_again(house: House, simulators: Simulators) -> None:
    (placed,) = place(simulators, 1)
    drain(house)
    soon = changed(placed) + timedelta(seconds=1)
    hint(house, key(placed), soon)
    finish(house, taking.take(house))
    taking.look_again(house)
    assert waiting(house) == 0, "its read may still be under way"
    age(house, 3, "taken_at")
    taking.look_again(house)
    assert waiting(house) == 1
    simulators.channeladvisor.change(key(placed), UpdatedDate=clock.text(soon))
    finish(house, taking.take(house))
    age(house, 3, "taken_at")
    taking.look_again(house)
    assert waiting(house) == 0, "it has come"


def test_what_never_shows_is_not_asked_for_for_ever(house: House, simulators: Simulators) -> None:
    (placed,) = place(simulators, 1)
    drain(house)
    hint(house, key(placed), changed(placed) + timedelta(hours=1))
    hint(house, key(placed), changed(placed) + timedelta(hours=1), entity="return")
    finish(house, taking.take(house))
    age(house, 21, "taken_at", "received_at")
    with read(house.engine) as database:
        before = database.execute(select(tables.hint.c.taken_at)).scalars().all()
    taking.look_again(house)
    with read(house.engine) as database:
        assert database.execute(select(tables.hint.c.taken_at)).scalars().all() == before


def test_hints_without_key_or_time_are_read_from_the_cursor(house: House, simulators: Simulators) -> None:
    placed = place(simulators, 1)
    drain(house)
    placed += place(simulators, 1, first=1)
    hint(house, None)
    hint(house, key(placed[1]))
    finish(house, taking.take(house))
    assert_booked_once(simulators, placed)


def test_what_comes_during_a_read_waits_for_the_next(house: House, simulators: Simulators) -> None:
    placed = place(simulators, 1)
    drain(house)
    hint(house, None)
    (reading,) = taking.take(house)
    placed += place(simulators, 1, first=1)
    hint(house, key(placed[1]), changed(placed[1]))
    assert taking.take(house) == []
    assert waiting(house) == 1
    finish(house, [reading])
    finish(house, taking.take(house))
    assert waiting(house) == 0
    assert_booked_once(simulators, placed)


def test_reads_that_never_end_hold_up_no_look_back(house: House, simulators: Simulators) -> None:
    """A look back finds what webhooks did not tell of, however many they are; and it does not make them wait."""
    place(simulators, 1)
    drain(house)
    drain(house)
    hint(house, None)
    assert len(taking.take(house)) == 1, "and nobody works on it"
    with write(house.engine) as database:
        database.execute(update(tables.cursor).values(looked_back_at=clock.now()))
    tick = int(clock.now().timestamp() * 1000)
    assert extract.poll(house, "orders", tick) is None, "what is new is being read"
    with write(house.engine) as database:
        database.execute(update(tables.cursor).values(looked_back_at=clock.now() - timedelta(minutes=1)))
    looking_back = extract.poll(house, "orders", tick + 1)
    assert looking_back is not None
    assert kinds(house)[-1] == "look back"


def test_hints_of_what_no_flow_reads_are_ignored_and_each_connection_has_its_own(house: House, simulators: Simulators) -> None:
    place(simulators, 1)
    drain(house)
    hint(house, "1", entity="return")
    hint(house, "1", connection="gone")
    hint(house, None)
    assert taking.take(house, "gone") == taking.take(house, "tims") == []
    assert waiting(house) == 2
    assert len(taking.take(house, "ca")) == 1
    assert waiting(house) == 0


def test_before_the_first_read_there_is_nothing_to_hint_at(house: House, simulators: Simulators) -> None:
    placed = place(simulators, 2)
    hint(house, key(placed[0]), changed(placed[0]))
    assert taking.take(house) == []
    drain(house)
    assert_booked_once(simulators, placed)


def test_a_day_later_hints_are_forgotten(house: House) -> None:
    hint(house, "1")
    with write(house.engine) as database:
        hints.forget(database, clock.now() - timedelta(hours=26))
    assert waiting(house) == 1
    with write(house.engine) as database:
        hints.forget(database, clock.now() + timedelta(seconds=1))
    assert waiting(house) == 0
