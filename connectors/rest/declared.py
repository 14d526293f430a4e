"""Reads a YAML file into dataclasses, strictly: an unknown key, a wrong type or a missing entry is refused with its place and a suggestion.

The shape is the dataclass itself: its type hints say what is allowed, a default makes an entry optional, a union of dataclasses is told
apart by their `kind`, and what a ValueError of `__post_init__` says becomes the refusal; it begins with the entry that it is about.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from integration import yaml_file
from integration.errors import Misconfigured
from integration.suggest import did_you_mean

Shape = TypeVar("Shape")
Route = tuple[str | int, ...]
"""The keys and positions that lead to a value: ("entities", "order", "key")."""

_KINDS: Mapping[Any, str] = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, and where it says it: `places` has `file:line` (or the override) of every route."""

    data: Any
    places: Mapping[Route, str]

    def refuse(self, route: Route, sentence: str) -> Misconfigured:
        while route not in self.places:
            route = route[:-1]
        return Misconfigured(sentence, where=self.places[route])


def read(path: Path) -> Document:
    """Raises Misconfigured where the file is missing, is no YAML or says a key twice."""
    yaml = YAML(typ="safe", pure=True)

    def take(text: str) -> Document:
        return Document(yaml.load(text), {(): f"{path}:1", **dict(_places(yaml.compose(text), (), str(path)))})

    return yaml_file.read(path, take)


def _places(node: Node, route: Route, file: str) -> Iterator[tuple[Route, str]]:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield (*route, key.value), f"{file}:{key.start_mark.line + 1}"
            yield from _places(value, (*route, key.value), file)
    elif isinstance(node, SequenceNode):
        for place, value in enumerate(node.value):
            yield (*route, place), f"{file}:{value.start_mark.line + 1}"
            yield from _places(value, (*route, place), file)


def override(document: Document, changes: Mapping[str, Any], owner: str) -> Document:
    """The document with `changes` merged in: mappings by key, everything else replaced, and a section of another `kind` as a whole."""
    places = dict(document.places)
    return Document(_merged(document.data, changes, (), owner, places), places)


def _merged(old: Any, new: Any, route: Route, owner: str, places: dict[Route, str]) -> Any:
    if route:
        places[route] = f"{owner}, overrides.{dotted(route)}"
    if not isinstance(new, Mapping):
        return new
    kept: Mapping[str, Any] = old if isinstance(old, Mapping) and new.get("kind", old.get("kind")) == old.get("kind") else {}
    return {**kept, **{key: _merged(kept.get(key), value, (*route, key), owner, places) for key, value in new.items()}}


def dotted(route: Route) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in route).lstrip(".")


def build(shape: type[Shape], document: Document) -> Shape:
    """The document as `shape`; raises Misconfigured for the first thing that does not fit."""
    built: Shape = _value(shape, document.data, (), document)
    return built


def _value(hint: Any, value: Any, route: Route, document: Document) -> Any:
    origin, choices = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return _choice(choices, value, route, document)
    if dataclasses.is_dataclass(hint):
        return _section(hint, value, route, document)
    if origin is Literal:
        fault = "" if value in choices else f"is {value!r}; {did_you_mean(value, choices)}"
    elif origin is not None:
        return _collection(origin, choices, value, route, document)
    else:
        # A bool is an int to Python, but `size: true` is a mistake; an int is a good float.
        good = hint is Any or type(value) is hint or (hint is float and type(value) is int)
        fault = "" if good else f"must be {_KINDS[hint]}"
    if fault:
        raise document.refuse(route, f"{dotted(route)} {fault}")
    return value


def _collection(origin: Any, choices: tuple[Any, ...], value: Any, route: Route, document: Document) -> Any:
    if origin is tuple:
        if not isinstance(value, list):
            raise document.refuse(route, f"{dotted(route)} must be a list")
        return tuple(_value(choices[0], entry, (*route, place), document) for place, entry in enumerate(value))
    if not isinstance(value, Mapping):
        raise document.refuse(route, f"{dotted(route)} must be a section of keys and values")
    return {key: _value(choices[1], entry, (*route, key), document) for key, entry in value.items()}


def _choice(choices: tuple[Any, ...], value: Any, route: Route, document: Document) -> Any:
    if value is None and types.NoneType in choices:
        return None
    shapes = [choice for choice in choices if choice is not types.NoneType]
    if len(shapes) == 1:
        return _value(shapes[0], value, route, document)
    kinds = {get_args(get_type_hints(shape)["kind"])[0]: shape for shape in shapes}
    kind = value.get("kind") if isinstance(value, Mapping) else None
    if not isinstance(kind, str) or kind not in kinds:
        raise document.refuse((*route, "kind"), f"{dotted(route)} needs a kind: {did_you_mean(kind, kinds)}")
    return _section(kinds[kind], value, route, document)


def _section(shape: Any, value: Any, route: Route, document: Document) -> Any:
    name = dotted(route) or "the file"
    if not isinstance(value, Mapping):
        raise document.refuse(route, f"{name} must be a section of keys and values")
    hints, entries = get_type_hints(shape), {entry.name: entry for entry in dataclasses.fields(shape)}
    for key in value:
        if key not in entries:
            raise document.refuse((*route, key), f"{name} knows no {key!r}; {did_you_mean(key, entries)}")
    for key, entry in entries.items():
        if key not in value and entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING:
            raise document.refuse(route, f"{name} lacks {key!r}")
    built = {key: _value(hints[key], entry, (*route, key), document) for key, entry in value.items()}
    try:
        return shape(**built)
    except ValueError as fault:
        raise document.refuse((*route, str(fault).split()[0]), f"{name}: {fault}") from None
