"""`integration audit`: who did what, and when."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from commands.invocation import Invocation
from commands.ledger import opened
from commands.moments import Moment, MomentType
from commands.output import Column, json_option, print_json, print_table
from commands.trace import exact
from integration.ledger import audit as trail
from integration.ledger.database import read


@click.command()
@click.option("--since", type=MomentType(), metavar="DATE", help="From here on: a day, an instant, or 7d.")
@click.option("--action", metavar="WORDS", help="Only what was done so, such as `erase person`; a part is enough.")
@json_option
@click.pass_obj
def audit(invocation: Invocation, since: Moment | None, action: str | None, as_json: bool) -> None:
    """List who did what, and when.

    The oldest first. A person is named by the keyed hash of the e-mail address.
    """
    with opened(invocation) as house, read(house.engine) as connection:
        found = trail.listed(connection, since=since.at if since else None, action=action)
    if as_json:
        print_json([asdict(entry) for entry in found])
        return
    columns = [Column("at", "At (UTC)"), Column("actor", "Who"), Column("action", "What", style="bold"), Column("subject", "To what")]
    rows = [{**asdict(entry), "at": exact(entry.at), "detail": _words(entry)} for entry in found]
    print_table(rows, [*columns, Column("detail", "In detail")], empty="Nothing was done yet.")


def _words(entry: trail.Entry) -> str | None:
    said = (f"{name} {value if isinstance(value, str) else json.dumps(value)}" for name, value in entry.detail.items() if value)
    return ", ".join(said) or None
