"""What a source may claim of its records by mistake or by malice: nothing else is hidden by it, and nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from integration import clock
from integration.ledger import tables
from integration.ledger.database import read
from integration.line import extract
from integration.line.journey import House
from integration.line.stage import work_on
from integration.ports import Page, PageRequest, SourceRecord
from tests.fakes import FakeSystem
from tests.fixtures.line import FLOW, booked, configure, drain, key, open_line, order
from tests.fixtures.loading import line
from tests.fixtures.simulators import Simulators


class Channel(FakeSystem):
    """Lists what it shows, from `since` on."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[SourceRecord] = []

    def show(self, name: str, changed: datetime) -> None:
        self.shown.append(SourceRecord(name, clock.text(changed), changed, {"key": name}))

    def fetch_page(self, entity: str, request: PageRequest) -> Page:
        return Page([one for one in self.shown if request.since is None or one.changed_at >= request.since], None)


def poll(house: House, tick: int) -> set[str]:
    """Read once; the keys that are kept."""
    batch_id = extract.poll(house, FLOW, tick)
    assert batch_id is not None
    work_on(house, batch_id, "extract")
    with read(house.engine) as connection:
        return set(connection.execute(select(tables.record.c.source_key)).scalars())


@pytest.mark.parametrize("claimed", [datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)])
def test_an_order_from_the_future_hides_none_of_today(sqlite_url: str, claimed: datetime) -> None:
    channel = Channel()
    with line(channel, sqlite_url) as house:
        channel.show("first", clock.now() - timedelta(minutes=1))
        channel.show("from the future", claimed)
        assert poll(house, 1) == {"first", "from the future"}
        channel.show("second", clock.now())
        assert "second" in poll(house, 2)
        channel.show("third", clock.now())
        assert "third" in poll(house, 3)


def test_an_order_from_the_first_century_is_kept_as_it_is(sqlite_url: str) -> None:
    channel = Channel()
    with line(channel, sqlite_url) as house:
        channel.show("ancient", datetime(1, 1, 1, tzinfo=UTC))
        channel.show("new", clock.now())
        assert poll(house, 1) == {"ancient", "new"}


def test_an_order_whose_key_has_no_room_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path, simulators: Simulators, database_url: str
) -> None:
    configure(monkeypatch, tmp_path, simulators, database_url)
    (placed,) = simulators.channeladvisor.place([order(1)])
    with open_line() as house:
        source = house.journey(FLOW).source
        page = source.fetch_page("order", PageRequest(only_new=True))
        client = source._client  # type: ignore[attr-defined]
        original = client.call

        def with_one_more(call):
            body = original(call)
            if call.name == "order.list" and body is not None:
                items = next(value for value in body.values() if isinstance(value, list))
                items.append({**page.records[0].body, "ChannelAdvisorOrderID": "9" * 500})
            return body

        monkeypatch.setattr(client, "call", with_one_more)
        drain(house)
        assert set(booked(simulators)) == {key(placed)}
        with read(house.engine) as connection:
            (letter,) = connection.execute(select(tables.dead_letter.c.source_key)).scalars()
        assert letter.startswith("unreadable ")
