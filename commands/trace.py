"""`integration trace`: the whole story of an order, in order, by whichever of its ids is at hand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click
from rich.text import Text
from sqlalchemy import Connection

from commands.exits import Exit
from commands.failure import Failure
from commands.invocation import Invocation
from commands.ledger import opened
from commands.output import Column, ago, console, json_option, lasting, print_json, print_table, printable
from integration.ledger import story
from integration.ledger.database import read
from integration.ledger.story import Event, Story
from integration.ledger.vault import Vault
from integration.line.journey import House

ACCEPTED = (
    "the source's key (such as a ChannelAdvisorOrderID), the marketplace's order number, the target's key (such as a SalesOrderID), "
    '"batch 42" or "record 17"'
)


@click.command()
@click.argument("words", metavar="ID", nargs=-1, required=True)
@click.option("--payload", is_flag=True, help="Show what was read, mapped and sent too; this is personal data.")
@json_option
@click.pass_obj
def trace(invocation: Invocation, words: tuple[str, ...], payload: bool, as_json: bool) -> None:
    """Tell the whole story of an order, by any of its ids.

    When it was seen, mapped, validated, sent, answered or put aside, and what happens next. ID is the source's key, the
    marketplace's order number, the target's key, "batch 42" or "record 17". What came back to the channel is told with its order.
    """
    wanted = " ".join(words).strip()
    with opened(invocation) as house:
        if payload:
            console(stderr=True).print("What follows is personal data: keep it to yourself.", style="yellow")
        if batch := re.fullmatch(r"batch\s+(\d{1,18})", wanted):
            _tell_batch(house, int(batch[1]), as_json=as_json)
            return
        with read(house.engine) as connection:
            stories = [story.tell(connection, one, house.settings.flows) for one in story.identities(connection, wanted)]
        if not stories:
            raise Failure(f"nothing is known by `{wanted}`; give {ACCEPTED}.", Exit.FAILED)
        if as_json:
            print_json([as_data(one) | ({"payloads": _payloads(house.vault, one)} if payload else {}) for one in stories])
            return
        for one in stories:
            print_story(one)
            if payload:
                _print_payloads(house.vault, one)


def as_data(told: Story) -> dict[str, Any]:
    """A story for scripts; no payload is in it."""
    versions = [
        {"record": one.record_id, "version": one.version, "state": one.state, "mapping": one.mapping, "edited": one.edited}
        for one in told.versions
    ]
    return {
        "flow": told.identity.flow,
        "source_key": told.identity.source_key,
        "reference": told.reference,
        "source": told.source,
        "target": told.target,
        "target_key": told.target_key,
        "state": told.state,
        "versions": versions,
        "events": [asdict(event) for event in told.events],
        "dead_letters": list(told.letters),
        "next": told.following,
    }


def print_story(told: Story) -> None:
    screen = console()
    name = told.reference or told.identity.source_key
    also = f" (source key {told.identity.source_key})" if told.reference else ""
    way = f"{told.source} → {told.target}" if told.source else "a flow that is not configured any more"
    booked = f", in {told.target} as {told.target_key}" if told.target_key else ""
    screen.print(Text(printable(name), style="bold") + Text(printable(f"{also}, flow {told.identity.flow}, {way}: {told.state}{booked}")))
    screen.print()
    columns = [Column("at", "When (UTC)"), Column("after", "After", right=True), Column("what", "What", style="bold")]
    print_table(_rows(told.events), [*columns, Column("detail", "Details"), Column("lasted", "Took", right=True)])
    screen.print(Text("\nNext: ", style="bold") + Text(printable(told.following)))
    for letter in told.letters:
        screen.print(f"  integration dead-letters show {letter}")
        screen.print(f"  integration dead-letters replay {letter}")
    screen.print()


def exact(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}"


def _rows(events: Sequence[Event]) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    before: datetime | None = None
    for event in events:
        after = ago(event.at) if before is None else f"+{lasting((event.at - before).total_seconds())}"
        style = "red" if event.bad else ""
        took = None if event.lasted is None else Text(lasting(event.lasted))
        details = "\n".join([event.detail, *(f"  {fault['field']}: {fault['message']}" for fault in event.fields)])
        rows.append(
            {
                "at": exact(event.at),
                "after": after,
                "what": Text(event.what, style=style),
                "detail": Text(printable(details), style=style),
                "lasted": took or Text(""),
            }
        )
        before = event.at
    return rows


def _payloads(vault: Vault, told: Story) -> list[dict[str, Any]]:
    def unsealed(sealed: bytes | None) -> Any:
        return None if sealed is None else vault.open(sealed)

    return [
        {
            "record": one.record_id,
            "version": one.version,
            "raw": unsealed(one.raw),
            "canonical": (unsealed(one.canonical) or {}).get("canonical"),
            "sent": (unsealed(one.parcel) or {}).get("body"),
        }
        for one in told.versions
    ]


def _print_payloads(vault: Vault, told: Story) -> None:
    for one in _payloads(vault, told):
        for name in ("raw", "canonical", "sent"):
            console().print(f"{name} of version {one['version']}, record {one['record']}:", style="bold")
            if one[name] is None:
                click.echo("not there: it was not made, or it has expired")
            else:
                print_json(one[name])


def _tell_batch(house: House, batch_id: int, *, as_json: bool) -> None:
    with read(house.engine) as connection:
        data = _batch_data(connection, batch_id)
    if as_json:
        print_json(data)
        return
    screen = console()
    at = "closed" if data["state"] != "open" else f"at {data['stage']}"
    screen.print(f"batch {batch_id}: flow {data['flow']}, {data['kind']} (run {data['run']}), lane {data['lane']}, {at}", style="bold")
    if data["note"]:
        screen.print(printable(data["note"]))
    screen.print()
    columns = [Column("id", "Record", right=True), Column("source_key", "Source key"), Column("reference", "Number", style="bold")]
    columns += [Column("version", "Version"), Column("state", "State"), Column("reason", "Because")]
    print_table(data["records"], columns, empty="It carries no records (any more).")


def _batch_data(connection: Connection, batch_id: int) -> dict[str, Any]:
    row = story.batch(connection, batch_id)
    if row is None:
        raise Failure(f"there is no batch {batch_id}; give {ACCEPTED}.", Exit.FAILED)
    return {
        "batch": row.id,
        "run": row.run_id,
        "kind": row.kind,
        "flow": row.flow,
        "lane": row.lane,
        "stage": row.stage,
        "state": row.state,
        "note": row.note,
        "created_at": row.created_at,
        "finished_at": row.finished_at,
        "records": [asdict(one) for one in story.of_batch(connection, batch_id)],
    }
