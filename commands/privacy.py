"""`integration privacy`: everything that is held of a person in one file, or its deletion; see docs/privacy.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from commands.asking import confirm
from commands.exits import Exit
from commands.failure import Failure
from commands.invocation import Invocation
from commands.ledger import opened
from commands.output import Column, as_json_text, console, json_option, print_json, print_table
from integration import clock, private_file
from integration.ledger import audit, people
from integration.ledger.database import write
from integration.line import privacy as line
from integration.line.journey import House
from integration.line.privacy import Found

T = TypeVar("T")

WHO = "E-MAIL|ORDER"


@click.group()
def privacy() -> None:
    """Answer a person's request for their data, or for its deletion.

    A person is found by the e-mail address; a guest without one by each order, by any of its ids.
    """


@privacy.command()
@click.argument("asked", metavar=WHO)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Else person-DATE.json, here.")
@click.pass_obj
def export(invocation: Invocation, asked: str, output: Path | None) -> None:
    """Write everything that the ledger holds of a person into a file that only you can read."""
    with opened(invocation, credentials=True) as house:
        found = _find(house, asked)
        orders = list(_shown("reading", line.export(house, found), len(found.orders)))
        held = {
            "asked_for": asked,
            "made_at": clock.now(),
            "orders": orders,
            "customers": line.export_customers(house, found),
            "elsewhere": line.ELSEWHERE,
        }
        path = output or Path(f"person-{clock.now():%Y%m%dT%H%M%S}.json")
        private_file.replace(path, as_json_text(held).encode())
        with write(house.engine) as connection:
            audit.record(connection, "export person", found.subject, orders=len(orders))
    console().print(f"{_count(found)} in {path}, which is personal data: hand it over, and delete it.")
    console().print(f"{_systems(house)} may hold more of this person.")


@privacy.command()
@click.argument("asked", metavar=WHO)
@click.option("--later", is_flag=True, help="Erase an order that is on its way when it is at its end.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@json_option
@click.pass_obj
def erase(invocation: Invocation, asked: str, later: bool, yes: bool, as_json: bool) -> None:
    """Delete what the ledger holds of a person.

    Keys, dates, lines and amounts of the orders stay for the books. Nothing is done while an order is on its way, unless with --later.
    """
    with opened(invocation, credentials=True) as house:
        found = _find(house, asked)
        waiting = line.on_their_way(house, found)
        if waiting and not later:
            columns = [Column("order", "Order", style="bold"), Column("why", "Why"), Column("advice", "What to do")]
            print_table([{"order": one.order.key, "why": one.why, "advice": one.advice} for one in waiting], columns)
            raise Failure("these orders are on their way; end that, or erase them when they are at their end with --later.", Exit.PERSON)
        confirm(f"Delete what is known of the person in {_count(found)}? It cannot be undone.", yes)
        done = list(_shown("erasing", line.erase(house, found), len(found.orders)))
        systems = _systems(house)
    if as_json:
        print_json({"erased": sum(done), "later": len(done) - sum(done), "subject": found.subject})
        return
    rest = len(done) - sum(done)
    console().print(f"{sum(done)} of {_count(found)} erased{f'; {rest} will be when they are at their end' if rest else ''}.")
    console().print(f"{systems} still hold this person's orders: delete there what is to be deleted there, or an update brings it back.")


def _find(house: House, asked: str) -> Found:
    _label(house)
    found = line.find(house, asked)
    if not found.orders:
        raise Failure(
            "the ledger holds no order of that person; it may be under another address, or have none: then name the order by its id.",
            Exit.FAILED,
        )
    return found


def _label(house: House) -> None:
    """What was kept before the ledger noted persons is looked through, once."""
    emails = line.emails(house)
    if rows := people.without_subject(house.engine, emails):
        with _bar("looking through older records", rows) as (bars, task):
            for done in people.label(house.engine, house.vault, emails):
                bars.update(task, completed=done)


def _shown(words: str, steps: Iterable[T], total: int) -> Iterator[T]:
    with _bar(words, total) as (bars, task):
        for step in steps:
            yield step
            bars.advance(task)


@contextmanager
def _bar(words: str, total: int) -> Iterator[tuple[Progress, TaskID]]:
    columns = (TextColumn(words), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bars:
        yield bars, bars.add_task("", total=total)


def _systems(house: House) -> str:
    flows = house.settings.flows.values()
    return " and ".join(sorted({name for flow in flows for name in (flow.source, flow.target)}))


def _count(found: Found) -> str:
    return f"{len(found.orders)} order{'' if len(found.orders) == 1 else 's'}"
