"""Where each key of a TOML text stands, so that an error can name the line; the parsers themselves keep no positions."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import NamedTuple

Path = tuple[str | int, ...]
"""Keys from the root down; an int is the place in an array."""

_TOKEN = re.compile(
    r'''(?P<string>"""(?:[^\\]|\\.)*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:'{0,2})|"(?:\\.|[^"\\\n])*"|'[^'\n]*')'''
    r"|(?P<comment>\#[^\n]*)|(?P<newline>\n)|(?P<space>[ \t\r]+)|(?P<mark>[\[\]{}=,.])|(?P<bare>[^\s\[\]{}=,.\"'\#]+)",
    re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind not in ("comment", "space"):
            yield _Token(kind, match.group(), line)
        line += match.group().count("\n")
    yield _Token("end", "", line)


class _Scan:
    """A walk over the tokens of a text that tomllib has accepted; it therefore checks nothing."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._tables: dict[Path, int] = {}
        self.lines: dict[Path, int] = {}

    def document(self) -> None:
        table: Path = ()
        while self._token.kind != "end":
            if self._token.kind == "newline":
                self._at += 1
            elif self._token.text == "[":
                table = self._header()
            else:
                self._pair(table)

    @property
    def _token(self) -> _Token:
        return self._tokens[self._at]

    def _skip_lines(self) -> None:
        while self._token.kind == "newline":
            self._at += 1

    def _header(self) -> Path:
        line = self._token.line
        many = self._tokens[self._at + 1].text == "["
        self._at += 2 if many else 1
        *parents, last = self._key()
        self._at += 2 if many else 1
        path: Path = ()
        for key in parents:
            path = self._last_table((*path, key))
            self.lines.setdefault(path, line)
        path = (*path, last)
        if many:
            self.lines.setdefault(path, line)
            self._tables[path] = self._tables.get(path, 0) + 1
        path = self._last_table(path)
        self.lines[path] = line
        return path

    def _last_table(self, path: Path) -> Path:
        """What a header means by the name of an array of tables: its last table."""
        return (*path, self._tables[path] - 1) if path in self._tables else path

    def _key(self) -> list[str]:
        keys = []
        while True:
            token = self._token
            self._at += 1
            keys.append(tomllib.loads(f"k={token.text}")["k"] if token.kind == "string" else token.text)
            if self._token.text != ".":
                return keys
            self._at += 1

    def _pair(self, table: Path) -> None:
        line = self._token.line
        path = table
        for key in self._key():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self._at += 1
        self._value(path)

    def _value(self, path: Path) -> None:
        if self._token.text == "[":
            self._at += 1
            self._items(path)
        elif self._token.text == "{":
            self._at += 1
            self._members(path)
        else:
            while self._token.kind in ("string", "bare") or self._token.text == ".":
                self._at += 1

    def _items(self, path: Path) -> None:
        place = 0
        while True:
            self._skip_lines()
            if self._token.text == "]":
                break
            self.lines[*path, place] = self._token.line
            self._value((*path, place))
            place += 1
            self._skip_lines()
            if self._token.text == ",":
                self._at += 1
        self._at += 1

    def _members(self, path: Path) -> None:
        while self._token.text != "}":
            self._pair(path)
            if self._token.text == ",":
                self._at += 1
        self._at += 1


def find_lines(text: str) -> dict[Path, int]:
    """The line (from 1) of every key, table header and array item of `text`, which must be valid TOML."""
    scan = _Scan(text)
    scan.document()
    return scan.lines
