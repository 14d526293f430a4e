"""`integration connector` and `integration mapping`: what can be connected, and how its records are read and written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.text import Text

from commands.configuration import overrides_folder
from commands.invocation import Invocation
from commands.known import known, mappings
from commands.mapping_diff import diff_mapping
from commands.mapping_try import try_mapping
from commands.output import Column, console, json_option, print_json, print_table
from commands.scaffold.mapping import new_mapping
from commands.scaffold.system import new_connector
from connectors.mappings import FOLDER, mapping_of
from connectors.registry import SYSTEMS, System
from connectors.rest import definition


@click.group()
def connector() -> None:
    """List the systems that can be connected, and begin a new one."""


connector.add_command(new_connector)


@connector.command("list")
@json_option
def list_connectors(as_json: bool) -> None:
    """List all systems with their API limits."""
    rows = [_connector_row(system) for system in SYSTEMS.values()]
    if as_json:
        print_json(rows)
        return
    columns = [
        Column("name", "System", style="bold"),
        Column("title", "Title"),
        Column("entities", "Entities"),
        Column("requests", "Requests", right=True),
        Column("per_seconds", "per s", right=True),
        Column("concurrent", "At a time", right=True),
    ]
    print_table([{**row, "entities": ", ".join(row["entities"])} for row in rows], columns)


@connector.command("show")
@click.argument("name")
@json_option
def show_connector(name: str, as_json: bool) -> None:
    """Show what a connection of the system NAME needs and what it can do."""
    system = SYSTEMS[known(name, SYSTEMS, "system")]
    declared = definition.load(system.connector_file, {}, name)
    credentials = [{"name": key, "hint": hint} for key, hint in system.credentials.items()]
    entities = [
        {
            "entity": key,
            "list": entity.listing.path if entity.listing else None,
            "get": entity.get,
            "create": entity.create,
            "update": entity.update,
            "look_up": entity.find.member if entity.find else None,
        }
        for key, entity in declared.entities.items()
    ]
    if as_json:
        print_json({**_connector_row(system), "base": declared.base, "credentials": credentials, "entities": entities})
        return
    limits = declared.limits
    allowed = f"{limits.requests} requests in any {limits.per_seconds} s, {limits.concurrent} at a time"
    console().print(f"{system.title}: {allowed}; paths under {declared.base or '/'}\n")
    print_table(credentials, [Column("name", "Credential", style="bold"), Column("hint", "Where to find it")])
    console().print()
    columns = [Column("entity", "Entity", style="bold"), Column("list", "List"), Column("get", "Get"), Column("create", "Create")]
    print_table(entities, [*columns, Column("update", "Update"), Column("look_up", "Looked up by")])


@click.group()
def mapping() -> None:
    """List the mappings, field by field, and try them."""


mapping.add_command(new_mapping)
mapping.add_command(try_mapping)
mapping.add_command(diff_mapping)


@mapping.command("list")
@json_option
@click.pass_obj
def list_mappings(invocation: Invocation, as_json: bool) -> None:
    """List all mappings with their versions; the customer's overrides are merged in."""
    overrides = overrides_folder(invocation)
    rows = [_mapping_row(name, overrides) for name in mappings()]
    if as_json:
        print_json(rows)
        return
    columns = [Column("mapping", "Mapping", style="bold"), Column("sides", "Sides"), Column("fields", "Fields", right=True)]
    shown = [{**row, "sides": ", ".join(row["sides"]), "overridden": "yes" if row["overridden"] else None} for row in rows]
    print_table(shown, [*columns, Column("overridden", "Overridden"), Column("version", "Version")])


@mapping.command("show")
@click.argument("name", metavar="SYSTEM/ENTITY")
@json_option
@click.pass_obj
def show_mapping(invocation: Invocation, name: str, as_json: bool) -> None:
    """Show every field of SYSTEM/ENTITY with its expression, its file and its line."""
    compiled = mapping_of(known(name, mappings(), "mapping"), overrides_folder(invocation))
    rows = [
        {"side": line.side, "field": line.field, "expression": line.expression, "where": line.where.removeprefix(f"{FOLDER.parent}/")}
        for line in compiled.fields
    ]
    if as_json:
        print_json({"mapping": name, "version": compiled.version, "fields": rows})
        return
    arrows = {"read": Text("read ←", style="cyan"), "write": Text("write →", style="magenta")}
    columns = [
        Column("side", "Side"),
        Column("field", "Field", style="bold"),
        Column("expression", "Filled from"),
        Column("where", "Line", style="dim"),
    ]
    print_table([{**row, "side": arrows[row["side"]]} for row in rows], columns, title=f"{name}, version {compiled.version}")


def _connector_row(system: System) -> dict[str, Any]:
    declared = definition.load(system.connector_file, {}, system.name)
    limits = declared.limits
    return {
        "name": system.name,
        "title": system.title,
        "entities": list(declared.entities),
        "requests": limits.requests,
        "per_seconds": limits.per_seconds,
        "concurrent": limits.concurrent,
    }


def _mapping_row(name: str, overrides: Path | None) -> dict[str, Any]:
    compiled = mapping_of(name, overrides)
    return {
        "mapping": name,
        "sides": sorted({line.side for line in compiled.fields}),
        "fields": len(compiled.fields),
        "overridden": overrides is not None and (overrides / f"{name}.yaml").exists(),
        "version": compiled.version,
    }
