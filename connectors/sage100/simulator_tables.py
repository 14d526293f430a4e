"""A table of the simulated Sage 100: records in the order of local day, decimal hours and key, with pages cut by skip and take."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from connectors.sage100.simulator_clock import LocalClock
from connectors.simulation.answers import Record
from connectors.simulation.faults import Faults

Key = tuple[str, ...]
Place = tuple[str, str, Key]
USER_KEY = "0000000012"
TIE_SECONDS = 60.0


class Table:
    """`keys` are the members that identify a record. One that is asked for by a single member is found by its plain value."""

    def __init__(self, clock: LocalClock, faults: Faults, *keys: str) -> None:
        self._clock, self._faults, self._keys = clock, faults, keys
        self._records: dict[Key, Record] = {}
        self._order: list[Place] = []
        self._newest_at = 0

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def get(self, key: Any) -> Record | None:
        return self._records.get(key if isinstance(key, tuple) else (key,))

    def __getitem__(self, key: Any) -> Record:
        return self._records[key if isinstance(key, tuple) else (key,)]

    def key(self, record: Record) -> Key:
        return tuple(record[name] for name in self._keys)

    def where(self, **members: Any) -> list[Record]:
        """Those whose members have these values, by key."""
        found = [one for one in self if all(one.get(name) == value for name, value in members.items())]
        return sorted(found, key=self.key)

    def add(self, record: Record) -> Record:
        """Store a new record as of now."""
        self._records[self.key(record)] = record
        self._stamp(record)
        record |= {"DateCreated": record["DateUpdated"], "TimeCreated": record["TimeUpdated"], "UserCreatedKey": USER_KEY}
        return record

    def change(self, record: Record, members: Mapping[str, Any] | None = None) -> Record:
        """Set members, and move the record to now."""
        del self._order[bisect_left(self._order, self._place(record))]
        record.update(members or {})
        self._stamp(record)
        return record

    def page(self, since: tuple[str, str], keep: Callable[[Record], bool], skip: int, take: int) -> tuple[list[Record], bool]:
        """`take` records behind the first `skip` of those at or after `since`, and whether more follow."""
        start = bisect_left(self._order, since)  # a shorter tuple comes first
        kept = filter(keep, (self._records[place[2]] for place in self._order[start:]))
        page = list(islice(kept, skip, skip + take + 1))
        return page[:take], len(page) > take

    def _place(self, record: Record) -> Place:
        return record["DateUpdated"], record["TimeUpdated"], self.key(record)

    def _stamp(self, record: Record) -> None:
        date, hours = self._clock.stamp()
        if self._order and (switch := self._faults.strikes("same-second-ties")):
            newest, still = self._order[-1][:2], self._clock.now() - self._newest_at <= (switch.delay or TIE_SECONDS) * 1000
            # It joins the second of the newest, unless it is there already: what changes twice would not show it.
            if still and (record.get("DateUpdated"), record.get("TimeUpdated")) != newest:
                date, hours = newest
        if not self._order or (date, hours) != self._order[-1][:2]:
            self._newest_at = self._clock.now()
        record |= {"DateUpdated": date, "TimeUpdated": hours, "UserUpdatedKey": USER_KEY}
        insort(self._order, self._place(record))
