"""A mapping file loaded: checked, compiled, and ready to read and write records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration.canonical import CANONICAL
from integration.errors import Invalid, Misconfigured
from integration.mapping.compiler import Faults, Fill, compile_side
from integration.mapping.document import Block, Field, WordList, merge, parse
from integration.mapping.expression import parse_expression
from integration.schema import summary
from integration.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class MappedField:
    """One line of a mapping, for people: which side, the field it fills, the expression, and file and line. `paths` are those that it
    reads, whole (`Items[].SKU`), `functions` what they go through."""

    side: str
    field: str
    expression: str
    where: str
    paths: tuple[str, ...] = ()
    functions: str = ""


@dataclass(frozen=True, slots=True)
class CompiledMapping:
    """How a system's records of one entity become canonical and back. `version` changes with every change of the files, and of the
    zone."""

    system: str
    entity: str
    version: str
    fields: tuple[MappedField, ...]
    words: Mapping[str, WordList]
    _sides: dict[str, Fill]
    _file: str

    def read(self, raw: dict[str, Any]) -> dict[str, Any]:
        """The canonical form of a record of the system (as its schema loaded it). Raises Invalid with the faults of all fields."""
        return self._run("read", raw)

    def write(self, canonical: dict[str, Any]) -> dict[str, Any]:
        """The system's body of a canonical record. Raises Invalid with the faults of all fields."""
        return self._run("write", canonical)

    def _run(self, side: str, record: dict[str, Any]) -> dict[str, Any]:
        fill = self._sides.get(side)
        if fill is None:
            raise Misconfigured(f"the mapping has no `{side}:`", self._file)
        faults: Faults = []
        result: dict[str, Any] = fill(record, faults)
        if faults:
            raise Invalid(summary(f"the {self.entity}", tuple(faults)), tuple(faults), result)
        return result


def load_mapping(
    path: Path,
    overrides: Path | None = None,
    known_paths: frozenset[str] | None = None,
    profile: str | None = None,
    zone: str | None = None,
) -> CompiledMapping:
    """The mapping in `<folder>/<system>/<entity>.yaml`, with the file of the same name in its folder `<profile>`, for what differs in that
    version of the system, and that under the folder `overrides` merged into it.

    `known_paths` are the paths of the system's records; without them only the canonical side is checked. `zone` is that of the days which
    the system tells. Raises Misconfigured with file and line for everything that could not run.
    """
    return load_files(path, overrides / path.parent.name / path.name if overrides else None, known_paths, profile, zone)


def load_files(
    path: Path, theirs: Path | None, known_paths: frozenset[str] | None, profile: str | None = None, zone: str | None = None
) -> CompiledMapping:
    """The same, with the file to be merged into it named."""
    document = parse(path)
    digest = hashlib.sha256((zone or "").encode() + path.read_bytes())
    ours = path.parent / profile / path.name if profile else None
    for override in (ours, theirs):
        if override and override.exists():
            document = merge(document, parse(override))
            digest.update(override.read_bytes())
    if document.entity not in CANONICAL:
        raise Misconfigured(f"there is no entity {document.entity}; {did_you_mean(document.entity, CANONICAL)}", document.where)
    sides = {side: compile_side(document, side, known_paths, zone) for side in document.sides}
    return CompiledMapping(
        system=document.system,
        entity=document.entity,
        version=digest.hexdigest()[:12],
        fields=tuple(line for side, block in document.sides.items() for line in _listed(side, block, "", "")),
        words=document.words,
        _sides=sides,
        _file=str(path),
    )


def _listed(side: str, block: Block, here: str, there: str) -> Iterator[MappedField]:
    for name, node in block.members.items():
        if isinstance(node, Field):
            expression = parse_expression(node.text)
            functions = "" if not expression.paths else node.text.partition("|")[2].strip()
            yield MappedField(side, there + name, node.text, node.where, tuple(here + path for path in expression.paths), functions)
        elif node.each is None:
            yield from _listed(side, node, here, f"{there}{name}.")
        else:
            yield from _listed(side, node, f"{here}{node.each.text.strip()}[].", f"{there}{name}[].")
