"""`integration keys`: a new key for the payloads of the ledger, or another master key around the keys that it has."""

from __future__ import annotations

import time
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from commands.exits import Exit
from commands.failure import Failure
from commands.invocation import Invocation
from commands.ledger import opened
from commands.output import ago, console, lasting
from integration.errors import Misconfigured
from integration.ledger import audit, rotation
from integration.ledger.database import write
from integration.line.journey import House
from integration.secrets import SecretsFile
from integration.settings import Secret, Settings
from integration.settings.environment import SECRETS_FILE, variables
from integration.settings.references import References

LOOK_SECONDS = 1.0


@click.group()
def keys() -> None:
    """Rotate the keys that seal the ledger's payloads."""


@keys.command()
@click.pass_obj
def rotate(invocation: Invocation) -> None:
    """Seal every payload anew under a fresh key, while everything runs; then forget the old key.

    It may be stopped at any moment: the same command goes on.
    """
    with opened(invocation) as house:
        began, taken_up = rotation.begin(house.vault)
        screen = console(stderr=True)
        fresh = "a fresh key is made; what is sealed from now on is sealed under it"
        screen.print(f"the rotation that began {ago(began)} is taken up" if taken_up else fresh)
        sealed = _seal(house)
        if left := rotation.settles_in(began):
            screen.print(f"waiting {lasting(left)} until every worker has the fresh key; Ctrl-C is safe, the same command goes on")
            while left := rotation.settles_in(began):
                time.sleep(min(left, LOOK_SECONDS))
            sealed += _seal(house)
        if not rotation.end(house.engine, house.vault):
            raise Failure("something was sealed under the old key just now; run `integration keys rotate` again.", Exit.FAILED)
        with write(house.engine) as connection:
            audit.record(connection, "rotate keys", rows=sealed)
    console().print(f"{sealed} rows were sealed anew, and the old key is forgotten.")


@keys.command()
@click.option("--to", "reference", required=True, metavar="REFERENCE", help="The other master key: env:NAME or file:PATH.")
@click.pass_obj
def rewrap(invocation: Invocation, reference: str) -> None:
    """Guard the ledger's keys and the secrets file with another master key; payloads stay as they are."""
    with opened(invocation) as house:
        settings = house.settings
        new = _master_key(settings, reference)
        if new.reveal() == settings.master_key.reveal():
            raise Misconfigured(f"{reference} holds the present master key; make another with `openssl rand -base64 32`", "--to")
        # The file comes first: stopped between the two, the same command finds the ledger still open to it.
        _rewrap_secrets(settings.home / SECRETS_FILE, settings.master_key, new)
        house.vault.rewrap(new)
        with write(house.engine) as connection:
            audit.record(connection, "rewrap keys", now=new.reference)
    screen = console()
    screen.print(f"The ledger's keys are guarded by {new.reference} now; {settings.master_key.reference} opens nothing any more.")
    screen.print(f'Now set key = "{reference}" under [encryption] in {settings.path}, and restart everything.')


def _seal(house: House) -> int:
    """Seal what is under an old key, with a bar; gives how many rows that were."""
    done = 0
    columns = (TextColumn("sealing anew"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("")
        for step in rotation.seal_anew(house.engine, house.vault):
            done = step.done
            bar.update(task, completed=step.done, total=step.rows)
    return done


def _master_key(settings: Settings, reference: str) -> Secret:
    references = References(variables(), settings.home, (settings.path or Path()).absolute().parent)
    try:
        return references.key(reference)
    except ValueError as fault:
        raise Misconfigured(str(fault), "--to") from None


def _rewrap_secrets(path: Path, old: Secret, new: Secret) -> None:
    if not path.exists():
        return
    file = SecretsFile(path, new.reveal())
    try:
        secrets = SecretsFile(path, old.reveal()).read()
    except Misconfigured:
        file.read()  # done already by a call that was stopped; else this says what is wrong
    else:
        file.write(secrets)
