"""`integration secrets`: credentials that stand in an encrypted file instead of the environment; their values are never shown."""

from __future__ import annotations

import sys

import click

from commands.configuration import incomplete
from commands.failure import Failure
from commands.invocation import Invocation
from commands.ledger import opened
from commands.output import Column, json_option, print_json, print_table
from integration.ledger import audit
from integration.ledger.database import write
from integration.secrets import SECRET_NAME, SecretsFile
from integration.settings import Settings
from integration.settings.environment import SECRETS_FILE
from integration.suggest import did_you_mean


@click.group()
def secrets() -> None:
    """Keep credentials in the encrypted secrets file."""


@secrets.command("set")
@click.argument("name")
@click.pass_obj
def set_secret(invocation: Invocation, name: str) -> None:
    """Set NAME to a value that is asked for without showing it, or read from stdin where that is no terminal."""
    if not SECRET_NAME.fullmatch(name):
        raise click.BadParameter("use letters, digits, dot, hyphen and underscore, at most 64.", param_hint="NAME")
    settings, _ = incomplete(invocation)
    file = _file(settings)
    kept = file.read()
    value = click.prompt(name, hide_input=True, confirmation_prompt=True) if sys.stdin.isatty() else sys.stdin.read()
    value = value.strip()
    if not value:
        raise click.UsageError(f"no value came for {name}; type one, or pipe it in: integration secrets set {name} < FILE")
    if not value.isprintable():
        raise click.UsageError(f"the value for {name} has several lines or control characters; give one line.")
    file.write({**kept, name: value})
    click.echo(f'{name} is set; refer to it as "secret:{name}".')
    _note(invocation, "set secret", name)


@secrets.command("list")
@json_option
@click.pass_obj
def list_secrets(invocation: Invocation, as_json: bool) -> None:
    """List the names that are set, and where each is used."""
    settings, _ = incomplete(invocation)
    rows = [{"name": name, "used_by": _uses(settings, name)} for name in sorted(_file(settings).read())]
    if as_json:
        print_json(rows)
        return
    columns = [Column("name", "Name"), Column("used_by", "Used by")]
    shown = [{**row, "used_by": ", ".join(row["used_by"]) or None} for row in rows]
    print_table(shown, columns, empty="No secret is set; `integration secrets set NAME` sets one.")


@secrets.command("unset")
@click.argument("name")
@click.pass_obj
def unset_secret(invocation: Invocation, name: str) -> None:
    """Take NAME out of the secrets file."""
    settings, _ = incomplete(invocation)
    file = _file(settings)
    kept = file.read()
    if name not in kept:
        raise click.BadParameter(f"no secret `{name}` is set; {did_you_mean(name, kept)}", param_hint="NAME")
    del kept[name]
    file.write(kept)
    uses = _uses(settings, name)
    click.echo(f"{name} is unset." + (f" Still referred to by {', '.join(uses)}." if uses else ""))
    _note(invocation, "unset secret", name)


def _note(invocation: Invocation, action: str, name: str) -> None:
    """In the audit trail. What is done is done, though the database be not there yet."""
    try:
        with opened(invocation) as house, write(house.engine) as connection:
            audit.record(connection, action, name)
    except Failure as failure:
        click.echo(f"It is not in the audit trail: {failure.message}", err=True)


def _file(settings: Settings) -> SecretsFile:
    return SecretsFile(settings.home / SECRETS_FILE, settings.master_key.reveal())


def _uses(settings: Settings, name: str) -> list[str]:
    return [
        f"{connection.name}.{key}"
        for connection in settings.connections.values()
        for key, secret in connection.credentials.items()
        if secret.reference == f"secret:{name}"
    ]
