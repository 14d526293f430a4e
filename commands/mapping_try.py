"""`integration mapping try`: one raw record from a file taken through the mappings, field by field."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from commands.configuration import if_configured
from commands.exits import Exit
from commands.failure import Failure
from commands.known import known, mappings
from commands.output import Column, console, json_option, print_json, print_table, printable
from connectors import trial
from connectors.mappings import FOLDER
from connectors.registry import SYSTEMS, definition
from connectors.trial import Part, Trial, Way
from integration.mapping.origin import Filled
from integration.mapping.paths import general
from integration.schema import REFERENCE
from integration.settings import Settings


@click.command("try")
@click.argument("name", metavar="SYSTEM/ENTITY")
@click.option(
    "--file", "path", type=click.Path(path_type=Path), required=True, help="The record as the system gives it, in JSON; - is stdin."
)
@click.option("--to", "target", metavar="SYSTEM", help="Go on to what this system would be sent.")
@click.option("--flow", metavar="NAME", help="As this flow takes it; without, as the only one that is configured for it.")
@json_option
@click.pass_context
def try_mapping(ctx: click.Context, name: str, path: Path, target: str | None, flow: str | None, as_json: bool) -> None:
    """Take one record through the mappings: source, canonical, target.

    Shows each field with its value, the fields that it comes from, the functions on the way and the line of the mapping, and every
    problem: with the charges, the division and the rules of the flow, and the profile and the zone of its connections. Nothing is sent or
    kept. Exit code 3 where there is a problem.
    """
    known(name, mappings(), "mapping")
    settings = if_configured(ctx.obj)
    way = _way(settings, name, target, flow)
    target = way.target.system if flow is not None and way is not None else target
    _check_names(name, target)
    raw = _record(path)
    system, _, entity = name.partition("/")
    if not raw.keys() & SYSTEMS[system].reads[entity].fields.keys():
        raise Failure(f"{path}: this is no {entity} of {SYSTEMS[system].title}: it has none of the members of one.", Exit.FAILED)
    tried = trial.try_mapping(name, raw, target, settings.mappings_folder if settings else None, way)
    if as_json:
        print_json({"flow": way.flow.name if way else None, **_as_data(tried)})
    else:
        _show_way(way)
        _show(tried)
    if tried.problems:
        ctx.exit(Exit.PERSON)


def _way(settings: Settings | None, name: str, target: str | None, named: str | None) -> Way | None:
    """Along the flow that is named, else along the only one that takes such records there; along none where that leaves a choice."""
    system, _, entity = name.partition("/")
    if settings is None:
        if named is not None:
            raise click.BadParameter("nothing is configured here; `integration init` begins", param_hint="--flow")
        return None
    systems = {one.name: one.system for one in settings.connections.values()}
    fitting = {
        flow.name: flow
        for flow in settings.flows.values()
        if flow.entity == entity and systems[flow.source] == system and target in (None, systems[flow.target])
    }
    if named is not None and known(named, settings.flows, "flow") not in fitting:
        said = f"the flow {named} does not take {name}{f' to {target}' if target else ''}; what does: {', '.join(fitting) or 'none'}"
        raise click.BadParameter(said, param_hint="--flow")
    if named is None and len(fitting) != 1:
        return None
    flow = fitting[named] if named is not None else next(iter(fitting.values()))
    return Way(flow, definition(settings.connections[flow.source]), definition(settings.connections[flow.target]))


def _show_way(way: Way | None) -> None:
    """Which settings count."""
    if way is None:
        return
    flow = way.flow
    charges = ", ".join(f"{kind} {code}" for kind, code in flow.charges.items())
    told = {"profile": way.target.profile, "zone": way.target.zone or way.source.zone, "division": flow.division, "charges": charges}
    more = "".join(f", {what} {value}" for what, value in told.items() if value)
    console().print(f"As the flow {flow.name} takes it: {flow.source} → {flow.target}{more}.\n", style="dim")


def _check_names(name: str, target: str | None) -> None:
    """That the one system gives such records and the other takes them."""
    system, _, entity = known(name, mappings(), "mapping").partition("/")
    if entity not in SYSTEMS[system].reads:
        raise click.BadParameter(f"{name} only writes: try the mapping that reads the {entity}, with --to {system}")
    if target is None:
        return
    known(target, SYSTEMS, "system")
    if entity not in SYSTEMS[target].writes:
        raise click.BadParameter(f"{SYSTEMS[target].title} takes no {entity.replace('_', ' ')} of us", param_hint="--to")


def _record(path: Path) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8-sig")
        data = json.loads(text, parse_float=Decimal)
    except OSError as error:
        raise Failure(f"{path} cannot be read ({error.strerror}).", Exit.FAILED) from None
    except json.JSONDecodeError as error:
        raise Failure(f"{path}:{error.lineno}: this is not JSON ({error.msg}).", Exit.FAILED) from None
    except (UnicodeDecodeError, RecursionError):
        raise Failure(f"{path}: this is not JSON in UTF-8.", Exit.FAILED) from None
    if isinstance(data, list):
        raise Failure(f"{path} holds a list of {len(data)}; give one record, an object.", Exit.FAILED)
    if not isinstance(data, dict):
        raise Failure(f"{path} holds {'null' if data is None else 'a plain value'}; give one record, an object.", Exit.FAILED)
    return data


def _show(tried: Trial) -> None:
    screen = console()
    columns = [Column("field", "Field", style="bold"), Column("value", "Value"), Column("from", "From", style="cyan")]
    columns += [Column("through", "Through"), Column("where", "Line", style="dim")]
    for part in tried.parts:
        rows = [_row(part, one) for one in part.fields]
        print_table(rows, columns, title=f"{part.title}, by {part.mapping} version {part.version}")
        screen.print()
    if not tried.problems:
        screen.print("No problem.", style="green")
        return
    count = len(tried.problems)
    screen.print(f"{count} problem{'s' if count > 1 else ''}:", style="bold red")
    rows = [{"stage": one.stage, "field": one.field or "the record", "message": one.message} for one in tried.problems]
    print_table(rows, [Column("stage", "In"), Column("field", "Field", style="bold"), Column("message", "What is wrong", style="red")])
    if tried.rules_left_out:
        screen.print(f"\nNot checked, because it takes what passes before: {', '.join(tried.rules_left_out)}.", style="dim")


def _row(part: Part, one: Filled) -> Mapping[str, Any]:
    line = one.line
    return {
        "field": one.field,
        "value": _value(part, one),
        "from": ("\n".join(line.paths) or line.expression) if line else "",
        "through": line.functions if line else "",
        "where": _short(line.where) if line else "",
    }


def _value(part: Part, one: Filled) -> Text:
    if isinstance(one.value, dict) and REFERENCE in one.value:
        return Text(f"the key of the {one.value[REFERENCE]}, once it is there", style="dim")
    if one.value is None:
        return Text("filled in when it is delivered" if general(one.field) in part.awaited else "-", style="dim")
    if isinstance(one.value, Decimal):
        return Text(format(one.value, "f"))
    return Text(printable(one.value if isinstance(one.value, str) else json.dumps(one.value, ensure_ascii=False, default=str)))


def _as_data(tried: Trial) -> Mapping[str, Any]:
    return {
        "records": [
            {"record": part.title, "mapping": part.mapping, "version": part.version, "fields": [_field(one) for one in part.fields]}
            for part in tried.parts
        ],
        "problems": [{"stage": one.stage, "field": one.field, "message": one.message} for one in tried.problems],
        "rules_left_out": list(tried.rules_left_out),
    }


def _field(one: Filled) -> Mapping[str, Any]:
    line = one.line
    return {
        "field": one.field,
        "value": one.value,
        "from": list(line.paths) if line else [],
        "through": line.functions if line else "",
        "where": _short(line.where) if line else None,
    }


def _short(where: str) -> str:
    return where.removeprefix(f"{FOLDER.parent}/")
