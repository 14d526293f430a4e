"""`integration holds`: what waits and releases itself, what for and until when; a person may let it go on, or end it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

import click

from commands.asking import confirm
from commands.editing import editor
from commands.exits import Exit
from commands.failure import Failure
from commands.invocation import Invocation
from commands.ledger import known_flow, opened
from commands.output import Column, ago, console, json_option, lasting, print_json, print_table
from integration import clock
from integration.errors import Misconfigured, Refused
from integration.ledger import audit, crosswalk, edits, holds
from integration.ledger.crosswalk import ANY_SOURCE
from integration.ledger.database import read, write
from integration.ledger.holds import Hold
from integration.line.journey import House

F = TypeVar("F", bound=Callable[..., Any])

ADVICE: Mapping[str, str] = {
    "unknown_sku": "add the item in the target, or correct the SKU in the source",
    "out_of_stock": "nothing: it goes on when stock comes; `release` books it all the same",
    "credit": "settle it with the customer; `release` books it all the same",
    "customer": "make it in the target, or `release --customer NUMBER`; `release` alone has it made",
    "address": "correct it in the source, or `release --set PATH=VALUE`",
    "order": "nothing: it goes on when its order is booked",
    "shipment": "nothing: it goes on when the channel has shipped the order",
    "tracking": "nothing: it goes on with its tracking number, at its deadline or by `release` without",
}
"""By kind of hold."""

WAIVABLE = ("out_of_stock", "credit", "customer", "tracking")
"""What a person may decide to do without."""


@click.group("holds")
def holds_group() -> None:
    """List, release and cancel what waits for something that is missing."""


def _chosen(command: F) -> F:
    ids = click.argument("ids", metavar="ID...", nargs=-1, type=click.IntRange(1, 2**63 - 1))
    kind = click.option("--kind", type=click.Choice(list(ADVICE)), help="All of a kind.")
    flow = click.option("--flow", metavar="NAME", help="Only those of one flow, with --kind or --all.")
    everything = click.option("--all", "everything", is_flag=True, help="All that wait.")
    yes = click.option("--yes", is_flag=True, help="Ask nothing.")
    return ids(kind(flow(everything(yes(command)))))


@holds_group.command("list")
@click.option("--flow", metavar="NAME", help="Only those of one flow.")
@click.option("--kind", type=click.Choice(list(ADVICE)), help="Only those of one kind.")
@click.option("--each", is_flag=True, help="Each hold, not only what is awaited.")
@json_option
@click.pass_obj
def list_holds(invocation: Invocation, flow: str | None, kind: str | None, each: bool, as_json: bool) -> None:
    """List what waits, by what it waits for, the oldest first."""
    with opened(invocation) as house:
        if flow is not None:
            known_flow(house.settings, flow, "--flow")
        with read(house.engine) as connection:
            found = holds.listed(connection, flow=flow, kind=kind)
    if as_json:
        print_json([{**asdict(hold), "advice": ADVICE[hold.kind]} for hold in found])
        return
    columns = [Column("id", "Hold", right=True, style="bold")] if each else [Column("count", "Holds", right=True, style="bold")]
    columns += [Column("flow", "Flow"), Column("kind", "Kind"), Column("awaits", "Waits for"), Column("since", "Since")]
    columns += [Column("deadline", "Becomes a dead letter in"), Column("reason" if each else "advice", "Why" if each else "What to do")]
    print_table(_single(found) if each else _grouped(found), columns, empty="No holds: nothing waits for anything.")


@holds_group.command()
@_chosen
@click.option("--set", "changes", metavar="PATH=VALUE", multiple=True, help="Edit the source's payload on the way: Items[0].SKU=LAMP-001.")
@click.option("--customer", metavar="NUMBER", help="The target's customer whose orders these are.")
@json_option
@click.pass_obj
def release(
    invocation: Invocation,
    ids: tuple[int, ...],
    kind: str | None,
    flow: str | None,
    everything: bool,
    yes: bool,
    changes: tuple[str, ...],
    customer: str | None,
    as_json: bool,
) -> None:
    """Let held records go on: with an edit, or without the stock, credit or tracking number that they wait for.

    An unknown customer is made, or is the one that --customer names, now and for all later orders. An unknown item, a faulty
    address or an order cannot be done without: such a record is looked at anew at once, and waits on where nothing has changed.
    """
    wanted = [edits.parse(change) for change in changes]
    with opened(invocation) as house:
        found = _choose(house, ids, kind, flow, everything)
        if not ids:
            confirm(f"Release {_count(found)}?", yes)
        edit = editor(house.settings, wanted) if wanted else None
        if customer is not None:
            _check_customer(house, found, customer)

        def change(hold: Hold, raw: bytes | None) -> bytes:
            assert edit is not None
            if raw is None:
                raise Misconfigured(f"the payload of hold {hold.id} has expired, so it cannot be edited; nothing was released")
            return house.vault.seal(edit(hold.flow, house.vault.open(raw)))

        done_without = [hold for hold in found if hold.kind in WAIVABLE]
        others = [hold for hold in found if hold.kind not in WAIVABLE]
        with write(house.engine) as connection:
            for hold in found if customer is not None else ():
                crosswalk.bind(connection, ANY_SOURCE, house.settings.flows[hold.flow].target, "customer", hold.awaits, str(customer))
            made = holds.send_on(connection, done_without, waive=True, change=change if edit else None)
            made += holds.send_on(connection, others, change=change if edit else None)
            for hold in found if made else ():
                audit.record(
                    connection, "release hold", hold.source_key, **_told(hold), set=[one.path for one in wanted], customer=customer
                )
    if as_json:
        print_json({"released": [hold.id for hold in found] if made else [], "batches": made})
    elif made:
        console().print(f"{_count(found)} on the way; how it goes: integration trace batch {made[0]}")
        if others and not wanted:
            kinds = ", ".join(sorted({hold.kind for hold in others}))
            console().print(f"{kinds} cannot be done without: what still lacks it waits on, since when it did and until when it did.")
    if not made:
        raise Failure("these records are on their way already; nothing was done.", Exit.FAILED)


def _check_customer(house: House, found: Sequence[Hold], number: str) -> None:
    """That all of them wait for a customer, and that the target has this one."""
    if others := [str(hold.id) for hold in found if hold.kind != "customer"]:
        raise click.UsageError(f"--customer goes with holds of the kind customer alone; {', '.join(others)} wait for something else")
    for flow in sorted({hold.flow for hold in found}):
        journey = house.journey(flow)
        try:
            there = journey.target.get("customer", number)
        except Refused:
            there = None
        if there is None:
            raise Failure(f"{journey.flow.target} has no customer {number}; nothing was released.", Exit.FAILED)


@holds_group.command()
@_chosen
@click.option("--note", default="", help="Why, for whoever reads the story later; no personal data.")
@json_option
@click.pass_obj
def cancel(
    invocation: Invocation,
    ids: tuple[int, ...],
    kind: str | None,
    flow: str | None,
    everything: bool,
    yes: bool,
    note: str,
    as_json: bool,
) -> None:
    """End held records without delivering them. What stands in the source is not touched: cancel it there too."""
    with opened(invocation) as house:
        found = _choose(house, ids, kind, flow, everything)
        if not ids:
            confirm(f"Cancel {_count(found)}?", yes)
        with write(house.engine) as connection:
            ended = holds.cancel(connection, found, note or "cancelled by a person while it was on hold")
            for hold in ended:
                audit.record(connection, "cancel hold", hold.source_key, **_told(hold), note=note)
    if as_json:
        print_json({"cancelled": [hold.id for hold in ended]})
    elif ended:
        console().print(f"{_count(ended)} cancelled. The source was not told: what is to end there too must be cancelled there.")
    if gone := [str(hold.id) for hold in found if hold not in ended]:
        raise Failure(f"on the way already, and not cancelled: {', '.join(gone)}.", Exit.FAILED)


def _choose(house: House, ids: Sequence[int], kind: str | None, flow: str | None, everything: bool) -> list[Hold]:
    if bool(ids) + (kind is not None) + everything != 1:
        raise click.UsageError("say which holds: their ids, or --kind KIND, or --all")
    if flow is not None:
        if ids:
            raise click.UsageError("--flow goes with --kind or --all; an id says its flow itself")
        known_flow(house.settings, flow, "--flow")
    with read(house.engine) as connection:
        found = holds.get(connection, ids) if ids else holds.listed(connection, flow=flow, kind=kind)
    if not found:
        raise Failure("there are no such holds; nothing was done.", Exit.FAILED)
    return found


def _single(found: Sequence[Hold]) -> list[dict[str, Any]]:
    return [{**asdict(hold), **_times(hold)} for hold in found]


def _grouped(found: Sequence[Hold]) -> list[dict[str, Any]]:
    counts = Counter((hold.flow, hold.kind, hold.awaits) for hold in found)
    oldest = {(hold.flow, hold.kind, hold.awaits): hold for hold in reversed(found)}
    return [
        {"count": counts[group], "flow": hold.flow, "kind": hold.kind, "awaits": hold.awaits, "advice": ADVICE[hold.kind], **_times(hold)}
        for group, hold in sorted(oldest.items(), key=lambda one: one[1].since)
    ]


def _times(hold: Hold) -> dict[str, str]:
    return {"since": ago(hold.since), "deadline": lasting(max(0.0, (hold.deadline - clock.now()).total_seconds()))}


def _told(hold: Hold) -> dict[str, Any]:
    return {"hold": hold.id, "flow": hold.flow, "kind": hold.kind, "awaits": hold.awaits}


def _count(found: Sequence[Hold]) -> str:
    return f"{len(found)} hold{'' if len(found) == 1 else 's'}"
