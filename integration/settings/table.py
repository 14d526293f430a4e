"""Reads one table of the settings strictly: a key is asked for with the reader of its value, and whatever nobody asked for is unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from integration.settings import positions
from integration.settings.problems import Problems
from integration.settings.values import Absent, free_table
from integration.suggest import did_you_mean

T = TypeVar("T")


class Table:
    """`values` at `path` of the file. Readers take a raw value; they raise ValueError with the rest of the sentence, or Absent."""

    def __init__(self, problems: Problems, values: Mapping[str, Any], path: positions.Path = ()) -> None:
        self.problems = problems
        self.path = path
        self._values = values
        self._asked: list[str] = []

    def get(self, key: str, read: Callable[[Any], T], *, required: str = "") -> T | None:
        """None where the key is missing, or wrong (the problem is noted). `required` says what a key that must be there is for."""
        self._asked.append(key)
        if key not in self._values:
            if required:
                self.problems.fault(self.path, f"{self._title} needs `{key}`: {required}; add it.")
            return None
        try:
            return read(self._values[key])
        except ValueError as fault:
            self.problems.fault((*self.path, key), f"`{key}` {fault}")
        except Absent as absent:
            self.problems.missing((*self.path, key), f"`{key}`: {absent}")
        return None

    def given(self, readers: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
        """The good values of those keys that are there; the others keep the default of whoever takes them."""
        values = {key: self.get(key, read) for key, read in readers.items()}
        return {key: value for key, value in values.items() if value is not None}

    def table(self, key: str) -> Table:
        """The table under `key`; empty where there is none."""
        return Table(self.problems, self.get(key, free_table) or {}, (*self.path, key))

    def tables(self) -> dict[str, Table]:
        """Every member of this table that is one itself; a problem is noted for the others."""
        return {key: table for key, table in ((key, self.table(key)) for key in self._values) if isinstance(self._values[key], dict)}

    def close(self) -> None:
        """Notes every key that was not asked for."""
        for key in self._values:
            if key not in self._asked:
                kind = "table" if isinstance(self._values[key], dict) else "key"
                self.problems.fault((*self.path, key), f"unknown {kind} `{key}` in {self._title}; {did_you_mean(key, self._asked)}")

    @property
    def _title(self) -> str:
        return f"[{'.'.join(map(str, self.path))}]" if self.path else "the file"
