"""The mapping files of the registered systems, compiled against what each system's records hold."""

from __future__ import annotations

from pathlib import Path

from connectors.registry import SYSTEMS
from integration.mapping import CompiledMapping, load_mapping

FOLDER = Path(__file__).parents[1] / "mappings"


def mapping_names(system: str) -> list[str]:
    """`system/entity` of each mapping that the system comes with."""
    return sorted(f"{system}/{file.stem}" for file in (FOLDER / system).glob("*.yaml"))


def mapping_of(name: str, overrides: Path | None) -> CompiledMapping:
    """The mapping `system/entity` with the customer's file merged in. Raises Misconfigured with file and line."""
    system, _, entity = name.partition("/")
    return load_mapping(FOLDER / system / f"{entity}.yaml", overrides, SYSTEMS[system].known_paths(entity))
