"""`integration init`: a commented integration.toml to begin with."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import click

from integration.errors import Misconfigured
from integration.settings.environment import FILE

TEMPLATE = files("commands") / "templates" / "integration.toml"


@click.command()
@click.option("--path", type=click.Path(path_type=Path, dir_okay=False), default=FILE, show_default=True, help="The file to write.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def init(path: Path, force: bool) -> None:
    """Write a commented integration.toml."""
    text = TEMPLATE.read_text(encoding="utf-8")
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Misconfigured("the file is there already; nothing was changed. Use --force to replace it.", str(path)) from None
    except OSError as fault:
        raise Misconfigured(f"the file cannot be written ({fault.strerror}); name another with --path.", str(path)) from None
    variables = ", ".join(re.findall(r'^[a-z]+.* = "env:([A-Z_]+)"', text, re.MULTILINE))
    click.echo(f"{path} is written. Next:")
    click.echo(f"  1. Set the addresses in it, and export {variables};")
    click.echo('     or keep one in the encrypted file: `integration secrets set NAME`, and refer to it as "secret:NAME".')
    click.echo("  2. `integration check` says what is still missing.")
    click.echo("  3. `integration up` starts the flows.")
