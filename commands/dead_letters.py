"""`integration dead-letters`: what needs a person, grouped by cause; sent once more, corrected if need be, or dismissed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

import click
from rich.text import Text

from commands.asking import confirm
from commands.editing import editor
from commands.exits import Exit
from commands.failure import Failure
from commands.invocation import Invocation
from commands.ledger import known_flow, opened
from commands.output import Column, console, json_option, print_json, print_table, printable
from commands.trace import as_data, exact, print_story
from connectors.registry import SYSTEMS
from integration.ledger import audit, edits, letters, story
from integration.ledger.database import read, write
from integration.ledger.letters import OPEN, Letter
from integration.ledger.story import Identity
from integration.line.journey import House
from integration.mapping.paths import general
from integration.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


@click.group("dead-letters")
def dead_letters() -> None:
    """List, show, replay and dismiss what needs a person."""


def _chosen(command: F) -> F:
    """The ways to say which letters are meant."""
    ids = click.argument("ids", metavar="ID...", nargs=-1, type=click.IntRange(1, 2**63 - 1))
    cause = click.option("--cause", metavar="TEXT", help="All open ones of a cause; a part of its words is enough.")
    everything = click.option("--all", "everything", is_flag=True, help="All that are open.")
    flow = click.option("--flow", metavar="NAME", help="Only those of one flow, with --cause or --all.")
    yes = click.option("--yes", is_flag=True, help="Ask nothing.")
    return ids(cause(everything(flow(yes(command)))))


@dead_letters.command("list")
@click.option("--flow", metavar="NAME", help="Only those of one flow.")
@click.option("--cause", metavar="TEXT", help="Each letter of a cause; a part of its words is enough.")
@click.option("--all", "everything", is_flag=True, help="Those that are settled too.")
@json_option
@click.pass_context
def list_letters(ctx: click.Context, flow: str | None, cause: str | None, everything: bool, as_json: bool) -> None:
    """List dead letters, grouped by cause, the most frequent first. Ends with 3 where any is open."""
    with opened(ctx.obj) as house:
        if flow is not None:
            known_flow(house.settings, flow, "--flow")
        with read(house.engine) as connection:
            found = letters.groups(connection, flow=flow, cause=cause, everything=everything)
            each = letters.listed(connection, flow=flow, cause=cause, everything=everything) if as_json else []
            single = letters.still_open(connection, flow=flow, cause=cause) if cause is not None and not everything else []
    if as_json:
        print_json([{**asdict(group), "advice": group.advice, "letters": _of_group(group, each)} for group in found])
    else:
        state = [Column("state", "State")] if everything else []
        columns = [Column("count", "Letters", right=True, style="bold"), Column("flow", "Flow"), *state, Column("cause", "Cause")]
        columns += [Column("first", "First"), Column("last", "Last"), Column("example", "For example"), Column("advice", "What to do")]
        rows = [{**_shallow(group), "example": f"{group.example.id} ({_name(group.example)})", "advice": group.advice} for group in found]
        print_table(rows, columns, empty="No dead letters: nothing needs a person.")
        if single:
            console().print()
            columns = [Column("id", "Letter", right=True, style="bold"), Column("name", "Record"), Column("at", "Since (UTC)")]
            print_table([_row(letter) for letter in single], [*columns, Column("reason", "Reason")])
        elif found:
            console().print(f"\nOne in full: integration dead-letters show {found[0].example.id}", style="dim")
    if any(group.state == OPEN for group in found):
        ctx.exit(Exit.PERSON)


@dead_letters.command()
@click.argument("letter_id", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@json_option
@click.pass_obj
def show(invocation: Invocation, letter_id: int, as_json: bool) -> None:
    """Show a dead letter: every field error, the record's story, and what can be done."""
    with opened(invocation) as house, read(house.engine) as connection:
        (letter,) = letters.get(connection, [letter_id])
        told = story.tell(connection, Identity(letter.flow, letter.source_key), house.settings.flows)
    if as_json:
        print_json({**asdict(letter), "advice": letters.advice(letter.kind), "story": as_data(told)})
        return
    screen = console()
    screen.print(f"dead letter {letter.id}, {letter.state}: {letter.cause}", style="bold")
    screen.print(printable(f"{_name(letter)} of flow {letter.flow}, put aside in {letter.stage} at {exact(letter.created_at)} UTC"))
    screen.print()
    if letter.fields:
        columns = [Column("field", "Field", style="bold"), Column("message", "What is wrong")]
        print_table([{"field": fault["field"] or None, "message": fault["message"]} for fault in letter.fields], columns)
    else:
        screen.print(printable(letter.reason))
    screen.print(Text("\nWhat to do: ", style="bold") + Text(letters.advice(letter.kind)))
    for line in _next_commands(letter, _settable(house.settings, letter.flow)):
        screen.print(f"  {line}")
    screen.print()
    print_story(told)


@dead_letters.command()
@_chosen
@click.option("--set", "changes", metavar="PATH=VALUE", multiple=True, help="Edit the source's payload on the way: Items[0].SKU=LAMP-001.")
@json_option
@click.pass_obj
def replay(
    invocation: Invocation,
    ids: tuple[int, ...],
    cause: str | None,
    everything: bool,
    flow: str | None,
    yes: bool,
    changes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Send the records of dead letters through the line once more."""
    wanted = [edits.parse(change) for change in changes]
    with opened(invocation) as house:
        found = _choose(house, ids, cause, everything, flow)
        paths = ", ".join(edit.path for edit in wanted)
        if not ids:
            confirm(f"Replay {_count(found)}{f' with {paths} set' if paths else ''}?", yes)
        change = editor(house.settings, wanted) if wanted else None
        with write(house.engine) as connection:
            done = letters.replay(connection, house.vault, found, change, paths)
            for letter in done.letters:
                audit.record(connection, "replay dead letter", letter.source_key, letter=letter.id, set=[edit.path for edit in wanted])
    if as_json:
        print_json({"replayed": [one.id for one in done.letters], "gone": [one.id for one in done.gone], "batches": list(done.batches)})
    elif done.letters:
        carried = ", ".join(str(batch) for batch in done.batches)
        console().print(f"{_count(done.letters)} replayed in batch {carried}; how it goes: integration trace batch {done.batches[0]}")
    if done.gone:
        what = ", ".join(f"{one.id} ({_name(one)})" for one in done.gone)
        raise Failure(
            f"there is no payload to replay of {what}: it never became a record, has expired, or is on its way already; "
            "what is still in the source comes again when it changes or with `integration backfill`.",
            Exit.FAILED,
        )


@dead_letters.command()
@_chosen
@click.option("--note", default="", help="Why, for whoever reads the story later; no personal data.")
@json_option
@click.pass_obj
def dismiss(
    invocation: Invocation,
    ids: tuple[int, ...],
    cause: str | None,
    everything: bool,
    flow: str | None,
    yes: bool,
    note: str,
    as_json: bool,
) -> None:
    """Settle dead letters without sending anything."""
    with opened(invocation) as house:
        found = _choose(house, ids, cause, everything, flow)
        if not ids:
            confirm(f"Dismiss {_count(found)}?", yes)
        with write(house.engine) as connection:
            dismissed = letters.dismiss(connection, found, note or "dismissed by a person")
            for letter in found:
                audit.record(connection, "dismiss dead letter", letter.source_key, letter=letter.id, note=note)
    if as_json:
        print_json({"dismissed": dismissed})
    else:
        console().print(f"{dismissed} dead letter{'' if dismissed == 1 else 's'} dismissed.")


def _choose(house: House, ids: Sequence[int], cause: str | None, everything: bool, flow: str | None) -> list[Letter]:
    """The open letters that are meant. A letter named by id that is settled already is said so."""
    if bool(ids) + (cause is not None) + everything != 1:
        raise click.UsageError("say which letters: their ids, or --cause TEXT, or --all")
    if flow is not None:
        if ids:
            raise click.UsageError("--flow goes with --cause or --all; an id says its flow itself")
        known_flow(house.settings, flow, "--flow")
    with read(house.engine) as connection:
        found = letters.get(connection, ids) if ids else letters.still_open(connection, flow=flow, cause=cause)
    if settled := [letter for letter in found if letter.state != OPEN]:
        what = ", ".join(f"{letter.id} is {letter.state} since {exact(letter.closed_at or letter.created_at)}" for letter in settled)
        raise Failure(f"{what}; nothing was done. `integration dead-letters list` shows what is open.", Exit.FAILED)
    if not found:
        raise Failure("there are no open dead letters; nothing was done.", Exit.FAILED)
    return found


def _settable(settings: Settings, flow: str) -> Collection[str]:
    configured = settings.flows.get(flow)
    return SYSTEMS[settings.connections[configured.source].system].known_paths(configured.entity) if configured else ()


def _shallow(group: letters.Group) -> dict[str, Any]:
    return {name: getattr(group, name) for name in ("count", "flow", "state", "cause", "first", "last")}


def _of_group(group: letters.Group, each: Sequence[Letter]) -> list[dict[str, Any]]:
    same = [letter for letter in each if (letter.flow, letter.cause, letter.kind, letter.state) == group.identity]
    return [{name: getattr(letter, name) for name in ("id", "source_key", "reference", "version", "reason", "fields")} for letter in same]


def _row(letter: Letter) -> dict[str, Any]:
    return {"id": letter.id, "name": _name(letter), "at": exact(letter.created_at), "reason": letter.reason}


def _next_commands(letter: Letter, settable: Collection[str]) -> list[str]:
    if letter.state != OPEN:
        return [f"integration trace {letter.source_key}"]
    if letter.record_id is None:
        return [f"integration dead-letters dismiss {letter.id}"]
    # Later stages name fields of the canonical order or of the target; only the source's own can be set.
    field = next((fault["field"] for fault in letter.fields if general(fault["field"]) in settable), "PATH")
    replayed = f"integration dead-letters replay {letter.id}"
    return [replayed, f"{replayed} --set {field}=VALUE", f"integration dead-letters dismiss {letter.id} --note WHY"]


def _name(letter: Letter) -> str:
    return letter.reference or letter.source_key


def _count(found: Sequence[Letter]) -> str:
    return f"{len(found)} dead letter{'' if len(found) == 1 else 's'}"
