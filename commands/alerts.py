"""`integration alerts`: what is wrong, since when, and who was told; `test` tries the addresses."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click
from rich.text import Text

from commands.configuration import complete
from commands.exits import Exit
from commands.failure import Group
from commands.invocation import Invocation
from commands.ledger import opened
from commands.output import Column, json_option, print_json, print_table
from connectors import messenger
from integration.alerts import SENT
from integration.errors import Misconfigured
from integration.ledger.alerts import Alert, listed

COLUMNS = (
    Column("state", "Alert"),
    Column("message", "What"),
    Column("since", "Since"),
    Column("told", "Told"),
    Column("advice", "What to do"),
)
TEST_COLUMNS = (Column("address", "Address", style="bold"), Column("sent", ""), Column("outcome", "What came of it"))


@click.group(cls=Group, invoke_without_command=True)
@click.option("--all", "everything", is_flag=True, help="Those that are over too, the newest first.")
@json_option
@click.pass_context
def alerts(ctx: click.Context, everything: bool, as_json: bool) -> None:
    """List what is wrong, and test who is told of it.

    Ends with 3 where an alert is open.
    """
    if ctx.invoked_subcommand is not None:
        return
    with opened(ctx.obj) as house:
        found = listed(house.engine, everything=everything)
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        print_table(map(_row, found), COLUMNS, empty="No alert was ever raised." if everything else "No alert is open.")
    if any(one.lasting for one in found):
        ctx.exit(Exit.PERSON)


@alerts.command()
@json_option
@click.pass_context
def test(ctx: click.Context, as_json: bool) -> None:
    """Send a message to each address and say what came of it."""
    invocation: Invocation = ctx.obj
    settings = complete(invocation)
    if not settings.alerts.urls:
        raise Misconfigured(
            "no address is configured; set `urls` under [alerts], as the file of `integration init` shows.", str(settings.path)
        )
    outcomes = messenger.send(settings.alerts.urls, "Integration: a test", "This address is told of alerts. Nothing is wrong.", good=True)
    rows = [{"address": address, "sent": outcome == SENT, "outcome": outcome} for address, outcome in outcomes.items()]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, TEST_COLUMNS)
    if not all(row["sent"] for row in rows):
        ctx.exit(Exit.FAILED)


def _row(one: Alert) -> dict[str, Any]:
    state = Text("open", style="bold red") if one.lasting else Text("over", style="green")
    return {"state": state, "message": one.message, "since": one.since, "told": one.told_at, "advice": one.advice}
