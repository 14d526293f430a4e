"""`integration mapping new`: the first draft of a mapping file."""

from __future__ import annotations

import click

from commands.known import known
from commands.output import console
from commands.scaffold import checkout
from commands.scaffold.draft import draft
from connectors.registry import SYSTEMS
from connectors.rest import definition
from integration.canonical import CANONICAL


@click.command("new")
@click.argument("system")
@click.argument("entity")
def new_mapping(system: str, entity: str) -> None:
    """Draft the mapping of an ENTITY of a SYSTEM in this checkout of the source.

    What has the same name in the system's schema and in the canonical form is filled in, the rest stands there as comments. The
    file is checked as it is; fill it, and try it with `integration mapping try`.
    """
    root = checkout.require()
    known(system, SYSTEMS, "system")
    known(entity, CANONICAL, "entity")
    path = root / "mappings" / system / f"{entity}.yaml"
    if path.exists():
        raise click.BadParameter(f"{path.relative_to(root)} is there already: `integration mapping show {system}/{entity}`")
    found = SYSTEMS[system]
    reads, writes = found.reads.get(entity), found.writes.get(entity)
    if reads is None and writes is None:
        raise click.BadParameter(f"connectors/{system}/schemas.py has no schema of the {entity}; add it to READ or WRITE there first")
    declared = definition.load(found.connector_file, {}, system).entities.get(entity)
    made = draft(system, found.title, entity, reads, writes, declared.key if declared else None)
    checkout.write({path: made.text})
    screen = console()
    screen.print(f"{path.relative_to(root)}: {made.filled} fields are filled, {made.empty} stand there as comments. Next:", style="bold")
    if reads is not None:
        screen.print(f"  integration mapping try {system}/{entity} --file record.json    a record as the system gives it")
    screen.print(f"  integration mapping show {system}/{entity}")
    screen.print("  docs/mapping-files.md says what a line can say")
