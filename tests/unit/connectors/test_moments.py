"""Polling by local time loses no change, whatever the clock does; and pages by skip and take hide no record, whatever changes meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.rest.moments import LocalHours, ServerTime
from connectors.rest.paging import SkipTake
from connectors.sage100.simulator_clock import LocalClock
from connectors.sage100.simulator_tables import Table
from connectors.simulation.faults import Faults
from integration import clock
from integration.errors import Transient

DECLARED = LocalHours("local_hours", "TimeUpdated", "TimeUpdatedSince", "ServerDate", "ServerTime", "TimeZone")
CHANGES_OF_CLOCK = {
    "America/Chicago": ("2026-11-01T07:00:00Z", "2026-03-08T08:00:00Z"),
    "Europe/Berlin": ("2026-10-25T01:00:00Z", "2026-03-29T01:00:00Z"),
    "Australia/Lord_Howe": ("2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z"),  # half an hour
    "Asia/Kolkata": ("2026-11-01T07:00:00Z", "2026-11-01T18:30:00Z"),  # none
}
STARTS = [(zone, instant) for zone, instants in CHANGES_OF_CLOCK.items() for instant in instants]


class World:
    """A server with a table of three records, and a poller as the line is one: it looks from the newest change that it has seen."""

    def __init__(self, zone: str, start: datetime) -> None:
        self.moment = start
        self.clock = LocalClock(zone, wall=lambda: int(self.moment.timestamp() * 1e9))
        self.table = Table(self.clock, Faults((), ()), "Key")
        for key in "ABC":
            self.table.add({"Key": key, "Text": 0})
        self.server = ServerTime(DECLARED)
        self.cursor: datetime | None = None
        self.seen: dict[str, tuple[str, int]] = {}
        self.changes = 0

    def change(self, key: str) -> None:
        self.changes += 1
        self.table.change(self.table[key], {"Text": self.changes})

    def poll(self) -> None:
        date, hours = self.clock.stamp()
        with patch.object(clock, "now", lambda: self.moment):
            self.server.learn({"ServerDate": date, "ServerTime": hours, "TimeZone": self.clock.zone.key})
            since = self.server.since("Day", self.cursor) if self.cursor else {"Day": "", "TimeUpdatedSince": ""}
            records, _ = self.table.page((since["Day"], since["TimeUpdatedSince"]), lambda _: True, 0, 100)
            for record in records:
                stamp = self.server.stamp(record["DateUpdated"], record)
                assert stamp is not None
                version, changed = stamp
                if version > self.seen.get(record["Key"], ("", 0))[0]:
                    self.seen[record["Key"]] = (version, record["Text"])
                self.cursor = max(self.cursor or changed, changed)


STEPS = st.lists(st.tuples(st.sampled_from([0.0, 0.4, 1.0, 30.0, 599.0, 1800.0, 3599.0]), st.sampled_from(["A", "B", "poll"])), max_size=30)


@settings(max_examples=150, deadline=None)
@given(where=st.sampled_from(STARTS), before=st.integers(0, 7200), steps=STEPS)
@example(where=STARTS[0], before=600, steps=[(0.0, "A"), (1.0, "poll"), (1200.0, "A")])
@example(where=STARTS[0], before=1, steps=[(3599.0, "poll"), (0.0, "A")])
def test_no_change_is_lost(where: tuple[str, str], before: int, steps: list[tuple[float, str]]) -> None:
    zone, instant = where
    world = World(zone, datetime.fromisoformat(instant) - timedelta(seconds=before))
    for gap, what in steps:
        world.moment += timedelta(seconds=gap)
        if what == "poll":
            world.poll()
        else:
            world.change(what)
    world.moment += timedelta(seconds=2)
    world.poll()
    assert {key: text for key, (_, text) in world.seen.items()} == {record["Key"]: record["Text"] for record in world.table}


def test_a_page_without_its_time_is_none() -> None:
    for page in ({}, {"ServerDate": "20260302", "ServerTime": "14.08583", "TimeZone": "Nowhere/Else"}, {"TimeZone": None}):
        with pytest.raises(Transient):
            ServerTime(DECLARED).learn(page)


@pytest.mark.parametrize(("day", "hours"), [("", "14.00000"), (None, None), ("20260302", "nonsense"), ("20260231", "14.00000")])
def test_a_record_without_its_time_is_told_apart(day: Any, hours: Any) -> None:
    server = ServerTime(DECLARED)
    server.learn({"ServerDate": "20260302", "ServerTime": "14.08583", "TimeZone": "America/Chicago"})
    assert server.stamp(day, {"TimeUpdated": hours}) is None


PAGING = SkipTake("Records", "take", 100, "skip_take", "skip", "More", {"Since": "Stamp"}, ("Key",))


class Shifting:
    """A list that is cut at each call from its present order, by stamp and key."""

    def __init__(self, stamps: list[int]) -> None:
        self.records = {f"{key:02d}": stamp for key, stamp in enumerate(stamps)}
        self.now = max(stamps, default=0) + 1

    def answer(self, address: str) -> dict[str, Any]:
        query: Mapping[str, str] = dict(parse_qsl(urlsplit(address).query))
        since, skip, take = query.get("Since", ""), int(query["skip"]), int(query["take"])
        ordered = sorted((f"{stamp:04d}", key) for key, stamp in self.records.items())
        wanted = [{"Stamp": stamp, "Key": key} for stamp, key in ordered if stamp >= since]
        return {"Records": wanted[skip : skip + take], "More": len(wanted) > skip + take}

    def change(self, key: str) -> None:
        if key in self.records:
            self.records[key] = self.now
            self.now += 1


@settings(max_examples=300, deadline=None)
@given(
    stamps=st.lists(st.integers(1, 4), max_size=25),
    size=st.integers(1, 5),
    changes=st.lists(st.lists(st.integers(0, 24), max_size=3), max_size=12),
)
@example(stamps=[1] * 10, size=3, changes=[[0, 1]])
@example(stamps=[1] * 4, size=3, changes=[[0, 1]])
@example(stamps=[1] * 3, size=2, changes=[[0, 1, 2]])
def test_no_record_is_hidden_by_what_changes_meanwhile(stamps: list[int], size: int, changes: list[list[int]]) -> None:
    shifting = Shifting(stamps)
    meanwhile = iter(changes)
    token, seen, pages = None, set(), 0
    while True:
        address = PAGING.address("/list", {}, size, token)
        body = shifting.answer(address.partition("#")[0])
        seen |= {(record["Key"], record["Stamp"]) for record in body["Records"]}
        token = PAGING.token(body, address)
        pages += 1
        assert pages < 500
        if token is None:
            break
        for key in next(meanwhile, []):
            shifting.change(f"{key:02d}")
    assert {key for key, _ in seen} == set(shifting.records)
    assert {(key, f"{stamp:04d}") for key, stamp in shifting.records.items()} <= seen


def test_local_time_is_asked_for_as_it_is_told() -> None:
    server = ServerTime(DECLARED)
    server.learn({"ServerDate": "20260302", "ServerTime": "14.08583", "TimeZone": "America/Chicago"})
    assert server.since("Day", datetime(2026, 3, 2, 20, 5, 9, 999000, UTC)) == {"Day": "20260302", "TimeUpdatedSince": "14.08583"}
