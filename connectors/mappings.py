"""The mapping files of the registered systems, compiled against what each system's records hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from connectors.registry import SYSTEMS
from connectors.rest.definition import Definition, load
from integration.errors import Misconfigured
from integration.mapping import CompiledMapping, load_files, load_mapping

FOLDER = Path(__file__).parents[1] / "mappings"


def mapping_names(system: str) -> list[str]:
    """`system/entity` of each mapping that the system comes with."""
    return sorted(f"{system}/{file.stem}" for file in (FOLDER / system).glob("*.yaml"))


def mapping_of(name: str, overrides: Path | None, declared: Definition | None = None) -> CompiledMapping:
    """The mapping `system/entity` with the customer's file merged in, for a connection as it is `declared`, else for one that overrides
    nothing. Raises Misconfigured with file and line."""
    system, _, entity = name.partition("/")
    declared = declared or load(SYSTEMS[system].connector_file, {}, system)
    file = FOLDER / system / f"{entity}.yaml"
    return load_mapping(file, overrides, SYSTEMS[system].known_paths(entity), declared.profile, declared.zone)


@dataclass(frozen=True, slots=True)
class MappingFiles:
    """The two files of a mapping: the one that the product comes with, and the customer's that is merged into it."""

    name: str
    ours: Path
    theirs: Path | None

    def load(self, declared: Definition | None = None) -> CompiledMapping:
        """For a connection as it is `declared`, else for one that overrides nothing. Raises Misconfigured with file and line."""
        system, _, entity = self.name.partition("/")
        declared = declared or load(SYSTEMS[system].connector_file, {}, system)
        loaded = load_files(self.ours, self.theirs, SYSTEMS[system].known_paths(entity), declared.profile, declared.zone)
        if (loaded.system, loaded.entity) != (system, entity):
            raise Misconfigured(f"this file maps {loaded.system}/{loaded.entity}, not {self.name}", str(self.ours))
        return loaded


def changed_files(name: str, place: Path, overrides: Path | None, *, whole: bool) -> MappingFiles:
    """The files of the mapping `system/entity` with a changed one: `place`, or the file of this mapping in the folder `place`. It comes in
    the place of the customer's; or, where it is `whole`, of the one that the product comes with. Raises Misconfigured."""
    path = Path(f"{name}.yaml")
    file = place / path if place.is_dir() else place
    if not file.exists():
        raise Misconfigured("there is no such file", str(file))
    return MappingFiles(name, file, overrides / path if overrides else None) if whole else MappingFiles(name, FOLDER / path, file)
