"""Records of one kind, kept sorted by (instant of the last change, key) so that a page costs its own size and not the store's."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from connectors.simulation.answers import Record
from connectors.simulation.instants import Clock, to_ms, to_text

Key = Any  # an int or a str, the same for all records of one store
Position = tuple[int, Key]
Index = Callable[[Record], Iterable[Hashable]]


@dataclass(frozen=True, slots=True)
class Slice:
    """What to list: at or after `since`, or strictly behind `after`; only records of `found` (index, value) that `keep` admits."""

    since: int | None = None
    after: Position | None = None
    found: tuple[tuple[str, Hashable], ...] = ()
    keep: Callable[[Record], bool] | None = None


class Records:
    """`key` and `changed` name the members that identify a record and date its last change; `indexes` find records by a value."""

    def __init__(self, clock: Clock, key: str, changed: str, indexes: Mapping[str, Index] | None = None) -> None:
        self.key = key
        self.changed = changed
        self._clock = clock
        self._records: dict[Key, Record] = {}
        self._order: list[Position] = []
        self._at: dict[Key, int] = {}
        self._indexes: dict[str, tuple[Index, dict[Hashable, set[Key]]]] = {name: (index, {}) for name, index in (indexes or {}).items()}

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def __contains__(self, key: Key) -> bool:
        return key in self._records

    def get(self, key: Key) -> Record | None:
        return self._records.get(key)

    def __getitem__(self, key: Key) -> Record:
        return self._records[key]

    def find(self, index: str, value: Hashable) -> list[Record]:
        """By key."""
        return [self._records[key] for key in sorted(self._indexes[index][1].get(value, ()))]

    def newest(self) -> int | None:
        """Instant of the latest change of all, in ms."""
        return self._order[-1][0] if self._order else None

    def add(self, record: Record, at: int | None = None) -> Record:
        """Store a new record as of `at` (ms; now by default)."""
        key = record[self.key]
        self._records[key] = record
        self._place(key, self._clock.now() if at is None else at)
        self._index(record)
        return record

    def change(self, record: Record, members: Mapping[str, Any] | None = None, at: int | None = None) -> Record:
        """Set members and move the record's instant forward (or to `at`, where a test says so)."""
        self._unindex(record)
        record.update(members or {})
        key = record[self.key]
        before = self._at[key]
        del self._order[bisect_left(self._order, (before, key))]
        self._place(key, max(self._clock.now(), before + 1) if at is None else at)
        self._index(record)
        return record

    def remove(self, key: Key) -> None:
        self._unindex(self._records.pop(key))
        del self._order[bisect_left(self._order, (self._at.pop(key), key))]

    def page(self, part: Slice, size: int) -> tuple[list[Record], Position | None]:
        """Up to `size` records, and the position of the last of them where more follow."""
        order = self._order
        if part.found:
            keys = set.intersection(*(self._indexes[index][1].get(value, set()) for index, value in part.found))
            order = sorted((self._at[key], key) for key in keys)
        start = 0
        if part.after is not None:
            start = bisect_right(order, part.after)
        elif part.since is not None:
            start = bisect_left(order, (part.since,))
        rest = (self._records[order[place][1]] for place in range(start, len(order)))
        page = list(islice(filter(part.keep, rest) if part.keep else rest, size + 1))
        if len(page) <= size:
            return page, None
        del page[size:]
        last = page[-1][self.key]
        return page, (self._at[last], last)

    def _place(self, key: Key, at: int) -> None:
        self._records[key][self.changed] = to_text(at)
        self._at[key] = at
        insort(self._order, (at, key))

    def _index(self, record: Record) -> None:
        for values, found in self._indexes.values():
            for value in values(record):
                found.setdefault(value, set()).add(record[self.key])

    def _unindex(self, record: Record) -> None:
        for values, found in self._indexes.values():
            for value in values(record):
                found[value].discard(record[self.key])


def since(text: str | None) -> int | None:
    return None if text is None else to_ms(text)
