"""What is wrong with the settings, each with its place; all of it is told at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from integration.errors import Misconfigured
from integration.settings import positions


@dataclass(frozen=True, slots=True)
class Problem:
    """`place` is the file, with its `line`, or the name of an environment variable (line 0); `message` one sentence without secrets."""

    place: str
    line: int
    message: str

    @property
    def where(self) -> str:
        return f"{self.place}:{self.line}" if self.line else self.place

    def __str__(self) -> str:
        # A quoted key may hold anything, and each problem is one line.
        return "".join(character if character.isprintable() else "?" for character in f"{self.where}: {self.message}")


class InvalidSettings(Misconfigured):
    """Every problem found, one a line, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(slots=True)
class Problems:
    """Collects while a file is read. `absent` are values that are referred to but not there (a variable that is not set)."""

    file: Path
    lines: Mapping[positions.Path, int]
    faults: list[Problem] = field(default_factory=list)
    absent: list[Problem] = field(default_factory=list)

    def fault(self, path: positions.Path, message: str) -> None:
        self.faults.append(self._problem(path, message))

    def missing(self, path: positions.Path, message: str) -> None:
        self.absent.append(self._problem(path, message))

    def _problem(self, path: positions.Path, message: str) -> Problem:
        """At the line of `path`, or of the nearest table around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return Problem(str(self.file), self.lines.get(path, 1), message)
