"""Names that an argument may have, and the sentence where it has another."""

from __future__ import annotations

from collections.abc import Collection

import click

from connectors.mappings import mapping_names
from connectors.registry import SYSTEMS
from integration.suggest import did_you_mean


def known(name: str, names: Collection[str], what: str) -> str:
    if name not in names:
        raise click.BadParameter(f"there is no {what} `{name}`; {did_you_mean(name, names)}")
    return name


def mappings() -> list[str]:
    """`system/entity` of every mapping."""
    return [name for system in SYSTEMS for name in mapping_names(system)]
