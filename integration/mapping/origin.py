"""Where each field of a mapped record came from: its line of the mapping, beside its value."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from integration.errors import FieldError
from integration.mapping.compiled import MappedField
from integration.mapping.paths import general
from integration.schema import REFERENCE


@dataclass(frozen=True, slots=True)
class Filled:
    """A field of a record as it stands in it (`lines[0].sku`). `line` is None where no line of the mapping fills it."""

    field: str
    value: Any
    line: MappedField | None


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a record that holds no others, with its path; an empty list and a reference to another record are such."""
    if isinstance(value, dict) and value and REFERENCE not in value:
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and any(isinstance(element, dict) for element in value):
        for place, element in enumerate(value):
            yield from leaves(element, f"{path}[{place}]")
    else:
        yield path, value


def filled(record: dict[str, Any], lines: Sequence[MappedField], side: str) -> list[Filled]:
    """Every field of a record that this side of a mapping made, in the order of the mapping."""
    by_field = {line.field: line for line in lines if line.side == side}
    return [Filled(path, value, by_field.get(general(path))) for path, value in leaves(record)]


def made_of(fields: Collection[str], lines: Sequence[MappedField], side: str) -> frozenset[str]:
    """The fields, without places in lists, that this side makes of any of those (of what lies inside and around them too)."""
    return frozenset(line.field for line in lines if line.side == side and any(touches(path, fields) for path in line.paths))


def without_consequences(faults: Sequence[FieldError], fields: Collection[str]) -> list[FieldError]:
    """The faults of all but these fields: what is wrong with one of them has been told where it began."""
    return [fault for fault in faults if not touches(fault.field, fields)]


def touches(path: str, fields: Collection[str]) -> bool:
    """Whether a path is one of the fields, or lies inside or around one, whichever place of a list is meant."""
    here = f"{general(path)}."
    return any(f"{field}.".startswith(here) or here.startswith(f"{field}.") for field in map(general, fields))
