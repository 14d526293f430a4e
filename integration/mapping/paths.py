"""Paths into a record, `Address.City`, `Lines[0].Sku`, `Lines[].Sku` (of every line), as functions that fetch."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from integration.errors import Invalid

Getter = Callable[[Any], Any]

_index = re.compile(r"\[\d+\]")


def general(path: str) -> str:
    """The path as schemas name it: `Lines[0].Sku` is `Lines[].Sku`, `Lines[]` is `Lines`."""
    return _index.sub("[]", path).removesuffix("[]")


def getter(path: str) -> Getter:
    """What fetches the value: None where anything on the way is null or absent. Raises Invalid where it is no object or list."""
    steps = [step for part in path.split(".") for step in _steps(part)]
    if len(steps) == 1 and not path.endswith("]"):
        return lambda record: record.get(path)
    get: Getter = _identity
    for step in reversed(steps):
        get = step(get)
    return get


def _identity(value: Any) -> Any:
    return value


def _steps(part: str) -> list[Callable[[Getter], Getter]]:
    name, bracket, index = part.partition("[")
    if not bracket:
        return [lambda rest: _member(name, rest)]
    if index == "]":
        return [lambda rest: _member(name, lambda value: _every(value, rest))]
    place = int(index[:-1])
    return [lambda rest: _member(name, lambda value: _element(value, place, rest))]


def _member(name: str, rest: Getter) -> Getter:
    def get(record: Any) -> Any:
        if record is None:
            return None
        if not isinstance(record, dict):
            raise Invalid(f"is to come from {name}, but what should hold it is no object")
        value = record.get(name)
        return value if rest is _identity else rest(value)

    return get


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise Invalid("is to come from a list, but there is none")
    return value


def _every(value: Any, rest: Getter) -> list[Any]:
    return [rest(element) for element in _list(value)]


def _element(value: Any, place: int, rest: Getter) -> Any:
    elements = _list(value)
    return rest(elements[place]) if place < len(elements) else None
