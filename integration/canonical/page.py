"""Writes docs/canonical.md from the schemas and what they say of each field: `python -m integration.canonical.page`."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path

from marshmallow import Schema, fields

from integration.canonical import CANONICAL, Money
from integration.schema import Day, Email, Flag, Instant, Number, Part, Parts, Text, Whole

PAGE = Path(__file__).parents[2] / "docs" / "canonical.md"

HEAD = """# The canonical form

Every record is translated into this form, and from it into the form of the system that it goes to. So a system is mapped once, and meets
all others. The systems' own names are in [`mappings/`](mapping-files.md).

*Written by `python -m integration.canonical.page` from the schemas in `integration/canonical/`; change them, not this page.*

Amounts are exact decimals, never rounded on the way. Moments are in UTC, as 2026-03-02T14:05:09.120Z; days have no zone. A field that is
not required may be missing or null, which means the same. *Written only*: worked out on the way to the target, never read.
"""

TYPES: Mapping[type, str] = {Email: "e-mail address", Instant: "moment", Day: "day", Whole: "whole number", Flag: "yes or no"}


def page() -> str:
    sections = [HEAD, "| entity | what it is |\n|---|---|\n" + "\n".join(_entry(name, schema) for name, schema in CANONICAL.items()) + "\n"]
    sections += [_section(name, type(schema)) for name, schema in CANONICAL.items()]
    parts = sorted(dict.fromkeys(part for schema in CANONICAL.values() for part in _parts(type(schema))), key=_title)
    sections += ["# Parts\n\nWhat the entities hold.\n"] + [_section(_title(part), part) for part in parts]
    return "\n".join(sections)


def _entry(name: str, schema: Schema) -> str:
    return f"| [`{name}`](#{name}) | {_told(type(schema)).partition('. ')[0].rstrip('.')} |"


def _section(title: str, schema: type[Schema]) -> str:
    rows = [
        f"| `{name}` | {_kind(member)} | {'yes' if member.required else ''} | {_limits(member)} | {_meanings(schema)[name]} |"
        for name, member in schema().fields.items()
    ]
    table = "\n".join(["| field | type | required | limits | meaning |", "|---|---|---|---|---|", *rows])
    return f"## {title}\n\n{_told(schema)}\n\n{table}\n"


def _parts(schema: type[Schema]) -> Iterator[type[Schema]]:
    for member in schema().fields.values():
        if isinstance(member, fields.Nested):
            yield type(member.schema)
            yield from _parts(type(member.schema))


def _kind(member: fields.Field[object]) -> str:
    if isinstance(member, Part | Parts):
        part = _title(type(member.schema))
        link = f"[{part}](#{part.replace(' ', '-')})"
        return f"list of {link}" if isinstance(member, Parts) else link
    if isinstance(member, Money | Number):
        return "amount"
    return TYPES.get(type(member), "text")


def _limits(member: fields.Field[object]) -> str:
    if isinstance(member, Parts):
        return f"{member.least} to {member.most}" if member.least else f"at most {member.most}"
    if isinstance(member, Whole):
        return f"{member.least:,} to {member.most:,}"
    if isinstance(member, Number):
        return f"zero or more, at most {member.decimals} decimals"
    if not isinstance(member, Text) or isinstance(member, Instant | Day):
        return ""
    if member.among:
        return ", ".join(f"`{word}`" for word in member.among)
    return member.shape or f"{f'{member.least} to ' if member.least else 'at most '}{member.most} characters"


def _title(schema: type[Schema]) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", schema.__name__).lower()
    return f"{words} of another" if words in CANONICAL else words


def _told(schema: type[Schema]) -> str:
    return " ".join((inspect.getdoc(schema) or "").split())


@cache
def _meanings(schema: type[Schema]) -> dict[str, str]:
    """By field, the text below it in the source. Raises KeyError where a field has none."""
    found: dict[str, str] = {}
    for base in reversed(schema.__mro__):
        if base.__module__.startswith(__package__ or ""):
            found.update(_texts(base))
    return {name: found[name] for name in schema().fields}


def _texts(schema: type) -> Iterator[tuple[str, str]]:
    (declared,) = ast.parse(inspect.getsource(schema)).body
    assert isinstance(declared, ast.ClassDef)
    for line, below in pairwise(declared.body):
        said = below.value if isinstance(below, ast.Expr) else None
        if isinstance(line, ast.Assign) and isinstance(said, ast.Constant) and isinstance(line.targets[0], ast.Name):
            yield line.targets[0].id, " ".join(str(said.value).split())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
