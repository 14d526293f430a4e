"""Every key of a TOML text is found on its line, however it is written."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.settings.positions import Path, find_lines

TEXT = '''\
# a comment with [brackets] and "quotes"
title = "a # no comment"

[connections.ca]
url = "https://x.example" # [not.a.table]
credentials = { id = "env:A", "quoted.key" = { deep = 1 } }
credentials-2.secret = 'env:B'

[connections.ca.overrides]
text = """
[fake]
key = "1\\"""
""""
after = \'\'\'
fake = 2\'\'\'
list = [
  1, # one
  [2, 3],

  { a = 1 },
]

[[flows]]
name = 1979-05-27 07:32:00.5
[flows.guests]
rule = -1.5e3

[[flows]]
[flows.guests]
rule = inf
[[flows.rules]]
x = 1
[[flows.rules]]
x = 2
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("connections",), 4),
        (("connections", "ca"), 4),
        (("connections", "ca", "url"), 5),
        (("connections", "ca", "credentials", "id"), 6),
        (("connections", "ca", "credentials", "quoted.key", "deep"), 6),
        (("connections", "ca", "credentials-2", "secret"), 7),
        (("connections", "ca", "overrides"), 9),
        (("connections", "ca", "overrides", "text"), 10),
        (("connections", "ca", "overrides", "after"), 14),
        (("connections", "ca", "overrides", "list"), 16),
        (("connections", "ca", "overrides", "list", 0), 17),
        (("connections", "ca", "overrides", "list", 1, 1), 18),
        (("connections", "ca", "overrides", "list", 2, "a"), 20),
        (("flows", 0), 23),
        (("flows", 0, "name"), 24),
        (("flows", 0, "guests", "rule"), 26),
        (("flows", 1), 28),
        (("flows", 1, "guests", "rule"), 30),
        (("flows", 1, "rules", 0, "x"), 32),
        (("flows", 1, "rules", 1), 33),
        (("flows", 1, "rules", 1, "x"), 34),
    ],
)
def test_finds_the_line_of(path: Path, line: int) -> None:
    assert find_lines(TEXT)[path] == line


def routes(value: Any, path: Path = ()) -> set[Path]:
    if isinstance(value, dict):
        return {path, *(route for key, inner in value.items() for route in routes(inner, (*path, key)))}
    if isinstance(value, list):
        return {path, *(route for place, inner in enumerate(value) for route in routes(inner, (*path, place)))}
    return {path}


def test_finds_exactly_the_keys_that_the_parser_finds() -> None:
    assert set(find_lines(TEXT)) | {()} == routes(tomllib.loads(TEXT))


KEYS = st.sampled_from(["a", "b.c", '"x y"', "'q\"'", '"\\u00e9]"', "1", "true"])
SCALARS = st.sampled_from(["1", "-1.5", '"a]}#"', "'''x\n[y]'''", '"""a\\\n  b"c"""', "1979-05-27T07:32:00Z", "07:32:00.9", "nan", "''"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3).map(lambda items: "[\n" + ",\n# c ]\n".join(items) + "\n]"),
    max_leaves=6,
)


@given(st.lists(st.tuples(st.sampled_from(["", "[{}]\n", "[[{}]]\n", "[t.{}]\n"]), KEYS, VALUES), max_size=6))
def test_agrees_with_the_parser_on_any_valid_text(parts: list[tuple[str, str, str]]) -> None:
    text = "".join(f"{header.format(f'h{place}.{key}')}{key} = {value} # end\n" for place, (header, key, value) in enumerate(parts))
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = find_lines(text)
    assert set(lines) | {()} == routes(parsed)
    written = text.split("\n")
    for path, line in lines.items():
        if isinstance(path[-1], str) and path[-1].isalnum() and path[-1].isascii():
            assert path[-1] in written[line - 1]
