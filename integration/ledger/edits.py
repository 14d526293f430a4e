"""Edits of a source payload by a person, `Items[0].SKU=LAMP-001`: the type stays what it is, or is what the system's schema says."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from marshmallow import Schema
from marshmallow import fields as marshmallow

from integration.errors import Misconfigured
from integration.ports import Body
from integration.schema import Flag, Whole
from integration.suggest import did_you_mean

_STEP = re.compile(r"\.?([A-Za-z_][A-Za-z0-9_]*)|\[(\d{1,6})\]")


@dataclass(frozen=True, slots=True)
class Edit:
    """`value` may be personal data: only `path` may be told."""

    path: str
    steps: tuple[str | int, ...]
    value: str = field(repr=False)


def parse(text: str) -> Edit:
    """Raises Misconfigured where it is no `path=value`."""
    path, sign, value = text.partition("=")
    path = path.strip()
    steps: list[str | int] = []
    place = 0
    while sign and (match := _STEP.match(path, place)):
        steps.append(match[1] or int(match[2]))
        place = match.end()
    if not steps or place < len(path) or path.startswith((".", "[")):
        raise Misconfigured("give a path and a value, as in OrderStatus=Pending or Items[0].SKU=LAMP-001", "--set")
    return Edit(path, tuple(steps), value)


def apply(raw: Body, edits: Sequence[Edit], schema: Schema | None) -> Body:
    """The payload with every edit made. `schema` knows members that the payload lacks, and the type of what is null.

    Raises Misconfigured for a path that neither knows, or a value that cannot have the type of what it replaces.
    """
    edited = copy.deepcopy(raw)
    for edit in edits:
        _set(edited, edit, schema)
    return edited


def _set(payload: Any, edit: Edit, schema: Schema | None) -> None:
    holder, known = payload, schema
    before = ""
    for number, step in enumerate(edit.steps):
        last = number == len(edit.steps) - 1
        if isinstance(step, int):
            _check_place(holder, step, before)
            kind: Any = None
        else:
            members = known.fields if known is not None else {}
            _check_name(holder, step, members, before)
            kind = members.get(step)
        present = holder[step] if isinstance(step, int) else holder.get(step)
        before = f"{before}[{step}]" if isinstance(step, int) else f"{before}.{step}".lstrip(".")
        if last:
            holder[step] = _typed(edit, present, kind)
            return
        # An entry of a list is of the schema that the list's member names.
        known = kind.schema if isinstance(kind, marshmallow.Nested) else known if isinstance(step, int) else None
        if present is None and isinstance(kind, marshmallow.Nested) and not kind.many:
            present = holder[step] = {}
        holder = present


def _check_name(holder: Any, name: str, members: Iterable[str], before: str) -> None:
    if not isinstance(holder, dict):
        raise Misconfigured(f"{before or 'the payload'} is no object, so it has no member {name}", "--set")
    known = {*holder, *members}
    if name not in known:
        whole = f"{before}.{name}".lstrip(".")
        raise Misconfigured(f"the payload has no {whole}; {did_you_mean(name, known)}", "--set")


def _check_place(holder: Any, place: int, before: str) -> None:
    if not isinstance(holder, list):
        raise Misconfigured(f"{before} is no list, so it has no entry {place}", "--set")
    if place >= len(holder):
        entries = f"it has {before}[0] to {before}[{len(holder) - 1}]" if holder else "it is empty"
        raise Misconfigured(f"{before} has no entry {place}; {entries}", "--set")


def _typed(edit: Edit, present: Any, kind: Any) -> Any:
    """`present` decides; where it is null, the schema's word."""
    if isinstance(present, dict | list) or (present is None and isinstance(kind, marshmallow.Nested)):
        names = list(present)[:1] if isinstance(present, dict) else []
        example = f"{edit.path}.{names[0]}" if names else f"{edit.path}[0]" if isinstance(present, list) else f"{edit.path}.…"
        raise Misconfigured(f"{edit.path} is no single value; name a member of it, such as {example}", "--set")
    if isinstance(present, bool) or (present is None and isinstance(kind, Flag)):
        words: Mapping[str, bool] = {"true": True, "false": False}
        if edit.value.lower() not in words:
            raise Misconfigured(f"{edit.path} must be true or false", "--set")
        return words[edit.value.lower()]
    if isinstance(present, int) or (present is None and isinstance(kind, Whole)):
        if not re.fullmatch(r"-?\d{1,18}", edit.value):
            raise Misconfigured(f"{edit.path} must be a whole number", "--set")
        return int(edit.value)
    if isinstance(present, Decimal):
        try:
            number = Decimal(edit.value)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite():
            raise Misconfigured(f"{edit.path} must be a number", "--set")
        return number
    return edit.value
