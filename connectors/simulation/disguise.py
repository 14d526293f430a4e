"""Answers as the quirks of a contract have them: with members nobody named, and with every member null or gone that may be."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from connectors.simulation.contract import Schema
from connectors.simulation.exchange import to_json

_EXTRA = {"_links": {"self": {"href": "/not/in/the/contract"}}, "ReservedForFutureUse": [1, None, "x"]}


def with_extra_members(value: Any) -> Any:
    if isinstance(value, dict):
        return {**{name: with_extra_members(each) for name, each in value.items()}, **_EXTRA}
    if isinstance(value, list):
        return [with_extra_members(each) for each in value]
    return value


def with_other_empties(value: Any, schema: Schema, chance: Callable[[], float]) -> Any:
    """`schema` is plain. An empty text that may be null is empty, null or absent, by `chance`."""
    if isinstance(value, list) and "items" in schema:
        return [with_other_empties(each, schema["items"], chance) for each in value]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    out = {}
    for name, each in value.items():
        member = schema["properties"].get(name, {})
        if each not in ("", None) or name in schema.get("required", []) or "null" not in member.get("type", []):
            out[name] = with_other_empties(each, member, chance)
        elif (way := chance()) < 2 / 3:
            out[name] = None if way < 1 / 3 or "string" not in member["type"] else ""
    return out


def without_optional(value: Any, schema: Schema, chance: Callable[[], float]) -> Any:
    """`schema` is plain. A member that is not required and admits null becomes null or, by `chance`, absent."""
    if isinstance(value, list) and "items" in schema:
        return [without_optional(each, schema["items"], chance) for each in value]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    out = {}
    for name, each in value.items():
        member = schema["properties"].get(name)
        if member is None:
            out[name] = each
        elif name in schema.get("required", []) or "null" not in member.get("type", []):
            out[name] = without_optional(each, member, chance)
        elif chance() < 0.5:
            out[name] = None
    return out


_tenths = re.compile(rb"(?<=[:,\[])(\d+\.\d)(?=[,}\]])").sub


def loosely_written(value: Any) -> bytes:
    """JSON in which 25.5 is 25.50 and means the same."""
    return _tenths(rb"\g<1>0", to_json(value))
