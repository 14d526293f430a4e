"""`integration mapping diff`: what a changed mapping would make of the payloads in the ledger, before it is switched on."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from commands.exits import Exit
from commands.failure import Failure
from commands.known import known, mappings
from commands.ledger import opened
from commands.output import Column, console, json_option, lasting, print_json, print_table, printable
from connectors.mappings import MappingFiles, changed_files, mapping_of
from connectors.wiring import DEPENDS_ON, Wiring
from integration.errors import FieldError
from integration.line.comparison import Change, Compared, compare, recorded
from integration.line.journey import House
from integration.mapping import CompiledMapping
from integration.mapping.paths import general
from integration.settings.model import Flow

LINE_SECONDS = 10.0
"""Between two lines where there is no bar."""


@dataclass(slots=True)
class Findings:
    """What was found so far, by (record, field) and by fault."""

    compared: int = 0
    expired: int = 0
    changed: int = 0
    fields: Counter[tuple[str, str]] = field(default_factory=Counter)
    appeared: Counter[FieldError] = field(default_factory=Counter)
    vanished: Counter[FieldError] = field(default_factory=Counter)
    examples: list[tuple[str, Change]] = field(default_factory=list)

    def add(self, one: Compared, most: int) -> None:
        self.compared += 1
        self.changed += one.differs
        self.fields.update({(change.record, general(change.field)) for change in one.changes})
        self.appeared.update({FieldError(general(fault.field), fault.message) for fault in one.appeared})
        self.vanished.update({FieldError(general(fault.field), fault.message) for fault in one.vanished})
        told = Counter((change.record, general(change.field)) for _, change in self.examples)
        for change in one.changes:
            place = (change.record, general(change.field))
            if told[place] < most:
                told[place] += 1
                self.examples.append((one.source_key, change))


@click.command("diff")
@click.argument("name", metavar="SYSTEM/ENTITY")
@click.option(
    "--mapping", "place", type=click.Path(path_type=Path), required=True, help="The changed file, or a folder of <system>/<entity>.yaml."
)
@click.option(
    "--whole", is_flag=True, help="The file replaces the one that the product comes with, instead of your own that is merged into it."
)
@click.option("--show", type=click.IntRange(0), default=0, metavar="N", help="Show so many examples of each field.")
@click.option("--values", is_flag=True, help="Show examples as they are instead of masked; this is personal data.")
@json_option
@click.pass_context
def diff_mapping(ctx: click.Context, name: str, place: Path, whole: bool, show: int, values: bool, as_json: bool) -> None:
    """Run a changed mapping over what the ledger has recorded, and show which fields change.

    Nothing is sent or kept. Exit code 0 where nothing changes, 3 where something does.
    """
    system, _, entity = known(name, mappings(), "mapping").partition("/")
    with opened(ctx.obj) as house:
        overrides = house.settings.mappings_folder
        files = changed_files(name, place, overrides, whole=whole)
        now, then = mapping_of(name, overrides), files.load()
        if values and show:
            console(stderr=True).print("What follows is personal data: keep it to yourself.", style="yellow")
        found = _compare(house, [flow.name for flow in _flows(house, system, entity)], {(system, entity): files}, show)
    if not found.compared:
        gone = (
            f": retention has deleted the payloads of all {found.expired} records"
            if found.expired
            else ": the ledger has none of its records"
        )
        raise Failure(f"nothing could be compared{gone}.", Exit.FAILED)
    if as_json:
        print_json(_as_data(found, name, now, then, values=values))
    else:
        _show(found, name, now, then, values=values)
    if found.changed:
        ctx.exit(Exit.PERSON)


def _flows(house: House, system: str, entity: str) -> Sequence[Flow]:
    """Those whose records the mapping reads or writes."""
    systems = {name: connection.system for name, connection in house.settings.connections.items()}
    flows = [
        flow
        for flow in house.settings.flows.values()
        if (systems[flow.source] == system and flow.entity == entity)
        or (systems[flow.target] == system and entity in (flow.entity, *DEPENDS_ON.get(flow.entity, ())))
    ]
    if not flows:
        raise Failure(f"no flow of the configuration uses {system}/{entity}, so nothing of it is recorded.", Exit.MISCONFIGURED)
    return flows


def _compare(house: House, flows: Sequence[str], changed: Mapping[tuple[str, str], MappingFiles], show: int) -> Findings:
    found = Findings()
    wiring = Wiring(house.settings, house.engine, changed)
    counts = {flow: recorded(house, flow) for flow in flows}
    found.expired = sum(expired for _, expired in counts.values())
    with _progress(sum(kept for kept, _ in counts.values())) as advance:
        for flow in flows:
            for one in compare(house, house.journey(flow), wiring.journey(flow)):
                found.add(one, show)
                advance(found.compared)
    return found


@contextmanager
def _progress(total: int) -> Iterator[Any]:
    screen = console(stderr=True)
    if screen.is_terminal:
        columns = (TextColumn("comparing"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
        with Progress(*columns, console=screen, transient=True) as bar:
            task = bar.add_task("", total=total)
            yield lambda done: bar.update(task, completed=done)
        return
    began = time.monotonic()
    due = began + LINE_SECONDS

    def line(done: int) -> None:
        nonlocal due
        moment = time.monotonic()
        if moment >= due:
            due = moment + LINE_SECONDS
            rate = done / (moment - began)
            screen.print(f"{done} of {total} compared, {rate:.0f}/s, {lasting(max(total - done, 0) / rate)} left")

    yield line


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.0f}/s" if task.speed else "")


def _show(found: Findings, name: str, now: CompiledMapping, then: CompiledMapping, *, values: bool) -> None:
    screen = console()
    deleted = f"; {found.expired} could not be compared, their payloads are deleted" if found.expired else ""
    screen.print(f"{name}: version {now.version} → {then.version}", style="bold")
    screen.print(f"{found.compared} records compared, {found.changed} would change{deleted}\n")
    if not found.changed:
        return
    rows = [{"record": record, "field": path, "count": count} for (record, path), count in found.fields.most_common()]
    columns = [Column("record", "Record"), Column("field", "Field", style="bold")]
    print_table(rows, [*columns, Column("count", "Records", right=True)], empty="No field changes.")
    for title, faults in (("Problems that would be new", found.appeared), ("Problems that would be gone", found.vanished)):
        if faults:
            screen.print()
            listed = [{"field": fault.field, "message": fault.message, "count": count} for fault, count in faults.most_common()]
            of_it = [Column("field", "Field", style="bold"), Column("message", "What is wrong"), Column("count", "Records", right=True)]
            print_table(listed, of_it, title=title)
    if found.examples:
        screen.print()
        examples = [_example(key, change, values=values) for key, change in found.examples]
        more = [Column("key", "Source key"), *columns, Column("before", "Now"), Column("after", "Changed")]
        print_table(examples, more, title="Examples" if values else "Examples, masked (--values shows them)")


def _example(key: str, change: Change, *, values: bool) -> Mapping[str, Any]:
    shown = _plain if values else _masked
    return {"key": key, "record": change.record, "field": change.field, "before": shown(change.before), "after": shown(change.after)}


def _plain(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value if value is None else printable(value)
    return json.dumps(value, default=str, ensure_ascii=False)


def _masked(value: Any) -> str | None:
    """What kind of characters it has, and how many."""
    text = _plain(value)
    return None if text is None else "".join(map(_mask, text))


def _mask(character: str) -> str:
    if character.isdigit():
        return "9"
    return character if not character.isalpha() else "X" if character.isupper() else "x"


def _as_data(found: Findings, name: str, now: CompiledMapping, then: CompiledMapping, *, values: bool) -> Mapping[str, Any]:
    def listed(faults: Counter[FieldError]) -> list[Mapping[str, Any]]:
        return [{"field": fault.field, "message": fault.message, "records": count} for fault, count in faults.most_common()]

    return {
        "mapping": name,
        "version": now.version,
        "changed_version": then.version,
        "compared": found.compared,
        "not_compared": found.expired,
        "changed": found.changed,
        "fields": [{"record": record, "field": path, "records": count} for (record, path), count in found.fields.most_common()],
        "new_problems": listed(found.appeared),
        "gone_problems": listed(found.vanished),
        "examples": [_example(key, change, values=values) for key, change in found.examples],
    }
