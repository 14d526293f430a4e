"""What a channel may do within its contract, and what reading must make of it: nothing is lost, and nobody is told twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, select, update

from integration.errors import PageExpired
from integration.ledger import letters, tables
from integration.ledger.database import read, write
from integration.line import extract
from integration.line.journey import House
from integration.line.stage import work_on
from integration.ports import Page, PageRequest, SourceRecord
from tests.fakes import FakeSystem
from tests.fixtures.line import FLOW, configure, drain, let_holds_expire, open_line, order, with_sku
from tests.fixtures.loading import line
from tests.fixtures.simulators import Simulators

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PAGE = 2


class Channel(FakeSystem):
    """Lists what it shows by (time of change, key), two to a page; a token names the place after which the next page begins."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[SourceRecord] = []
        self.expired = False

    def show(self, key: str, minutes: float) -> None:
        """An order that changed so many minutes after noon becomes visible."""
        changed = NOON + timedelta(minutes=minutes)
        self.shown.append(SourceRecord(key, changed.isoformat(), changed, {"key": key}))

    def fetch_page(self, entity: str, request: PageRequest) -> Page:
        if self.expired and request.token:
            self.expired = False
            raise PageExpired("too old")
        places = sorted(self.shown, key=lambda one: (one.version, one.key))
        since = [one for one in places if request.since is None or one.changed_at >= request.since]
        after = [one for one in since if request.token is None or f"{one.version} {one.key}" > request.token]
        page = after[:PAGE]
        return Page(page, f"{page[-1].version} {page[-1].key}" if len(after) > PAGE else None)


@pytest.fixture
def channel() -> Channel:
    return Channel()


@pytest.fixture
def reading(channel: Channel, sqlite_url: str) -> Iterator[House]:
    with line(channel, sqlite_url) as house:
        yield house


def begin(house: House, tick: int) -> list[int]:
    """Read the first page of a tick's run; gives the batches of pages that are left to read."""
    batch_id = extract.poll(house, "orders", tick)
    assert batch_id is not None
    return go_on(house, [batch_id])


def go_on(house: House, pages: Sequence[int]) -> list[int]:
    return [following for page in pages for following, stage in work_on(house, page, "extract") if stage == "extract"]


def finish(house: House, pages: Sequence[int]) -> None:
    while pages:
        pages = go_on(house, pages)


def look_back(house: House, tick: int) -> None:
    with write(house.engine) as connection:
        connection.execute(update(tables.cursor).values(looked_back_at=None))
    finish(house, begin(house, tick))


def kept(house: House) -> set[str]:
    with read(house.engine) as connection:
        return set(connection.execute(select(tables.record.c.source_key)).scalars())


def test_what_arrives_late_behind_a_read_that_goes_on_for_long_is_not_lost(reading: House, channel: Channel) -> None:
    """Late is late against what was read when it became visible; by the next look back the read is hours further."""
    for number in range(6):
        channel.show(f"order {number}", 60 * number)
    pages = begin(reading, 1)
    channel.show("late in the first read", 60 - 15)  # a quarter of an hour before the newest on the first page
    finish(reading, pages)
    look_back(reading, 2)
    assert "late in the first read" in kept(reading)
    for number in range(6, 10):
        channel.show(f"order {number}", 60 * number)
    pages = begin(reading, 3)
    channel.show("late in a tick", 60 * 6 - 15)
    finish(reading, pages)
    look_back(reading, 4)
    assert "late in a tick" in kept(reading)


def test_a_look_back_that_breaks_off_is_made_up_for(reading: House, channel: Channel) -> None:
    for number in range(4):
        channel.show(f"order {number}", number)
    finish(reading, begin(reading, 1))
    channel.show("late", -11)
    for number in range(4, 8):
        channel.show(f"order {number}", 60 * number)
    finish(reading, begin(reading, 2))  # the first look back ends before the late one is asked for again
    channel.show("later", 3 - 15)
    channel.expired = True
    look_back(reading, 3)
    look_back(reading, 4)
    assert {"late", "later"} <= kept(reading)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, sqlite_url: str) -> Iterator[House]:
    configure(monkeypatch, tmp_path, simulators, sqlite_url)
    with open_line() as made:
        yield made


def look_back_for_real(house: House) -> None:
    with write(house.engine) as connection:
        connection.execute(update(tables.cursor).values(looked_back_at=None))
    drain(house)


def all_letters(house: House) -> list[Row[Any]]:
    with read(house.engine) as connection:
        return list(connection.execute(select(tables.dead_letter).order_by(tables.dead_letter.c.id)).all())


def test_members_that_come_and_go_make_no_new_letter(house: House, simulators: Simulators) -> None:
    simulators.channeladvisor.place([with_sku(1, "NO-SUCH")])
    drain(house)
    let_holds_expire(house)
    (letter,) = all_letters(house)
    for faults in ("unknown-extra-fields", "nulls-in-optional-fields"):
        simulators.channeladvisor.faults({faults: True})
        look_back_for_real(house)
        (present,) = all_letters(house)
        assert (present.id, present.state) == (letter.id, "open")


def test_a_letter_that_a_person_has_dismissed_stays_so(house: House, simulators: Simulators) -> None:
    simulators.channeladvisor.place([with_sku(1, "NO-SUCH")])
    drain(house)
    let_holds_expire(house)
    with write(house.engine) as connection:
        letters.dismiss(connection, letters.still_open(connection), "booked by hand")
    simulators.channeladvisor.faults({"nulls-in-optional-fields": True})
    simulators.tims.items({"SKU": "NO-SUCH"})
    look_back_for_real(house)
    (letter,) = all_letters(house)
    assert letter.state == "dismissed"
    assert simulators.tims.state()["sales_orders"] == []


def test_an_order_has_one_open_letter_that_of_its_newest_version(house: House, simulators: Simulators) -> None:
    (wrong,) = simulators.channeladvisor.place([order(1, TotalAmount="1.00")], check=False)
    drain(house)
    simulators.channeladvisor.change(wrong["ChannelAdvisorOrderID"], PaymentStatus="Failed")
    drain(house)
    older, newer = all_letters(house)
    assert (older.state, newer.state) == ("closed", "open")
    assert older.version < newer.version


def test_an_older_version_that_was_delayed_makes_no_second_letter(house: House, simulators: Simulators) -> None:
    (wrong,) = simulators.channeladvisor.place([order(1, TotalAmount="1.00")], check=False)
    delayed = extract.poll(house, FLOW, 1)
    assert delayed is not None
    assert work_on(house, delayed, "extract")
    simulators.channeladvisor.change(wrong["ChannelAdvisorOrderID"], PaymentStatus="Failed")
    newer = extract.poll(house, FLOW, 2)
    assert newer is not None
    bells = work_on(house, newer, "extract")
    while bells:
        bells = [bell for batch_id, stage in bells for bell in work_on(house, batch_id, stage)]
    (letter,) = all_letters(house)
    drain(house)
    assert all_letters(house) == [letter]
    with read(house.engine) as connection:
        records = connection.execute(select(tables.record.c.state).order_by(tables.record.c.id)).scalars().all()
    assert records == ["superseded", "dead"]


def test_an_order_that_is_cancelled_instead_of_corrected_needs_nobody(house: House, simulators: Simulators) -> None:
    (wrong,) = simulators.channeladvisor.place([order(1, TotalAmount="1.00")], check=False)
    drain(house)
    right = order(1)["TotalAmount"]
    simulators.channeladvisor.change(wrong["ChannelAdvisorOrderID"], OrderStatus="Cancelled", TotalAmount=right)
    drain(house)
    (letter,) = all_letters(house)
    assert letter.state == "closed"
    assert simulators.tims.state()["sales_orders"] == []
