"""The first draft of a mapping file: what has the same name on both sides is filled, the rest stands there to be filled, as comments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from marshmallow import Schema, fields

from integration.canonical import CANONICAL
from integration.canonical.money import Money
from integration.schema import Instant, Text

WIDTH = 24


@dataclass(frozen=True, slots=True)
class Draft:
    """The text of a file, and how many of its fields are filled and still to be filled."""

    text: str
    filled: int
    empty: int


def draft(system: str, title: str, entity: str, reads: Schema | None, writes: Schema | None, key: str | None) -> Draft:
    """`reads` and `writes`: what the system gives and takes of the entity; `key`: the member that identifies its record."""
    canonical = CANONICAL[entity]
    lines = [
        "# yaml-language-server: $schema=../schema.json",
        f"# {title}: {entity}, to and from the canonical form.",
        *_names(system, entity),
    ]
    if reads is not None:
        named = {"sourcekey": f"{key} | text"} if key in reads.fields else {}
        lines += [
            _head("read:", f"canonical ← {title}"),
            *_side(canonical, list(_filled(canonical, reads, 1, reading=True, known=named))),
            "",
        ]
    if writes is not None:
        lines += [_head("write:", f"{title} ← canonical"), *_side(writes, list(_filled(writes, canonical, 1, reading=False, known={}))), ""]
    rows = [line.strip() for line in lines[4:] if ":" in line]
    empty = sum(row.startswith("# ") for row in rows)
    return Draft("\n".join(lines).rstrip() + "\n", sum(not row.startswith("#") and not row.endswith(":") for row in rows), empty)


def _names(system: str, entity: str) -> list[str]:
    return [f"system: {system}", f"entity: {entity}", ""]


def _head(side: str, says: str) -> str:
    return f"{side:<{WIDTH}} # {says}; fill in what stands behind #, or delete it"


def _filled(target: Schema, source: Schema, depth: int, *, reading: bool, known: Mapping[str, str]) -> Iterator[str]:
    """A line for each member of `target`, from the member of `source` whose name has the same letters."""
    indent = "  " * depth
    theirs = {_letters(name): (name, member) for name, member in source.fields.items()}
    for name, member in target.fields.items():
        found = theirs.get(_letters(name))
        if isinstance(member, fields.Nested):
            inner = list(_block(member, found[0], found[1], depth + 1, reading=reading)) if found else []
            if any(map(_is_filled, inner)):
                yield f"{indent}{name}:"
                yield from ([f"{indent}  each: {found[0]}"] if found and member.many else [])
                yield from inner
            else:
                yield f"{indent}# {name}:{_wanted(member)}"
            continue
        yield _line(indent, name, member, known.get(_letters(name)) or (found and _expression(found[0], member, found[1], reading=reading)))


def _block(member: fields.Nested, name: str, source: fields.Field[object], depth: int, *, reading: bool) -> Iterator[str]:
    """The lines inside an object, or inside each of a list, from the source's of the same name."""
    if not isinstance(source, fields.Nested) or source.many != member.many:
        return
    if member.many:
        yield from _filled(member.schema, source.schema, depth, reading=reading, known={})
    else:
        paths = {_letters(one): f"{name}.{one}" for one in source.schema.fields}
        yield from _inside(member.schema, source.schema, paths, depth, reading=reading)


def _side(target: Schema, lines: list[str]) -> list[str]:
    """At least one line is filled, with nothing: a side that says nothing cannot be loaded."""
    if not any(map(_is_filled, lines)):
        lines[0] = f"  {next(iter(target.fields))}: = null"
    return lines


def _is_filled(line: str) -> bool:
    return not line.strip().startswith("#")


def _inside(target: Schema, source: Schema, paths: Mapping[str, str], depth: int, *, reading: bool) -> Iterator[str]:
    theirs = {_letters(name): member for name, member in source.fields.items()}
    for name, member in target.fields.items():
        path = paths.get(_letters(name))
        plain = path and not isinstance(member, fields.Nested) and not isinstance(theirs[_letters(name)], fields.Nested)
        yield _line(
            "  " * depth, name, member, _expression(path, member, theirs[_letters(name)], reading=reading) if path and plain else None
        )


def _line(indent: str, name: str, member: fields.Field[object], expression: str | None) -> str:
    return f"{indent}{name}: {expression}" if expression else f"{indent}# {name}:{_wanted(member)}"


def _expression(path: str, filled: fields.Field[object], given: fields.Field[object], *, reading: bool) -> str | None:
    """None where the two have words of their own, which a word list must translate."""
    if isinstance(filled, Text) and filled.among:
        return None
    if reading and isinstance(filled, Money):
        return f"{path} | decimal"
    if reading and isinstance(filled, Instant):
        return f"{path} | instant"
    return f"{path} | money(2)" if isinstance(given, Money) else path


def _wanted(member: fields.Field[object]) -> str:
    words = f"one of {', '.join(member.among)}" if isinstance(member, Text) and member.among else ""
    said = "; ".join(filter(None, ("required" if member.required else "", words)))
    return f"  ({said})" if said else ""


def _letters(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())
