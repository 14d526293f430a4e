"""Asks a person whether something shall really be done."""

from __future__ import annotations

import click

from commands.exits import Exit
from commands.failure import Failure


def confirm(question: str, yes: bool) -> None:
    """Returns where the answer is yes, or `yes` was said before."""
    if yes:
        return
    try:
        sure = click.confirm(question, err=True)
    except click.Abort:
        raise click.UsageError("nobody is there to answer; add --yes") from None
    if not sure:
        raise Failure("nothing was done.", Exit.FAILED)
