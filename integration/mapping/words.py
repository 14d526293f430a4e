"""Functions of the mapping language that look around them: at the file's word lists, and at the record that another one stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from integration.errors import Invalid, Misconfigured
from integration.mapping.document import WordList
from integration.mapping.values import Step, of_text
from integration.schema import PART, REFERENCE
from integration.suggest import did_you_mean

ANY_OTHER = "*"
"""In a word list: whatever else there is."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What surrounds a call: the file's word lists, the side, and the entities whose keys may be asked for.

    `path` is the whole canonical path of the line, on whichever side it stands, and `vocabulary` the closed list of words of that path.
    `zone`: that of the days which the system tells, as its connection says.
    """

    words: Mapping[str, WordList]
    reading: bool
    path: str
    vocabulary: tuple[str, ...]
    entities: frozenset[str]
    zone: str | None = None


def word(scope: Scope, name: str) -> Step:
    """The other side's word for this one, by a word list of the file. A word that the list lacks is a fault."""
    words = _words(scope, name)
    table = _read_table(words) if scope.reading else {ours: word.theirs[0] for ours, word in words.items()}

    def step(value: Any) -> str:
        try:
            return table[value]
        except (KeyError, TypeError):
            raise Invalid(f"{str(value)[:40]!r} is not in the word list {name}") from None

    return step


def word_like(scope: Scope, name: str) -> Step:
    """As `word`, comparing letters and digits in any case; null for what the list lacks. Writes only."""
    if scope.reading:
        raise ValueError("word_like cannot read, use word")
    table = {_letters(ours): word.theirs[0] for ours, word in _words(scope, name).items() if ours != ANY_OTHER}
    return of_text(lambda value: table.get(_letters(value)))


def code_like(scope: Scope, name: str) -> Step:
    """As `word_like`, but what the list lacks has the list's word for `*`, and is a fault where there is none. Writes only."""
    like = word_like(scope, name)
    others = _words(scope, name).get(ANY_OTHER)

    def step(value: str) -> str:
        code = like(value) or (others.theirs[0] if others else None)
        if code is None:
            raise Invalid(f'{value[:40]!r} is not in the word list {name}; add it there, or "{ANY_OTHER}" for all that it lacks')
        return str(code)

    return of_text(step)


def known_as(scope: Scope, name: str) -> Step:
    """As `word_like`, but what the list lacks stays as it is; it reads as well."""
    if scope.reading:
        table = {_letters(theirs): ours for theirs, ours in _read_table(_words(scope, name)).items()}
        return of_text(lambda value: table.get(_letters(value), value))
    like = word_like(scope, name)
    return lambda value: like(value) or value


def key_in_target(scope: Scope, part: int = 0) -> Step:
    """The target's key of the record of this entity, or the first or second part of one that has two; delivery puts it in."""
    if not 0 <= part <= 2:
        raise ValueError("key_in_target takes 1 or 2, the part of a key such as 01-0000123")
    if scope.reading or scope.path not in scope.entities:
        raise ValueError(f"key_in_target takes the name of an entity and writes its key; {did_you_mean(scope.path, scope.entities)}")
    reference = {REFERENCE: scope.path, PART: part} if part else {REFERENCE: scope.path}
    return lambda _: dict(reference)


def _words(scope: Scope, name: str) -> WordList:
    if name not in scope.words:
        raise ValueError(f"there is no word list {name}; {did_you_mean(name, scope.words)}")
    words = scope.words[name]
    if scope.vocabulary:
        for ours, word in words.items():
            if ours not in scope.vocabulary:
                raise Misconfigured(f"{scope.path} cannot be {ours}; {did_you_mean(ours, scope.vocabulary)}", word.where)
    return words


def _read_table(words: WordList) -> dict[str, str]:
    table: dict[str, str] = {}
    for ours, entry in words.items():
        for theirs in entry.theirs:
            if table.setdefault(theirs, ours) != ours:
                both = f"{theirs} is read as {table[theirs]} and as {ours}"
                raise Misconfigured(f"{both}; give reading a word list of its own, with each word once", entry.where)
    return table


def _letters(value: str) -> str:
    return "".join(character for character in value.casefold() if character.isalnum())
