"""`integration init`: a commented integration.toml to begin with, for any pair of systems that flows are made for."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import click

from commands.pairs import USUAL, systems
from connectors.registry import SYSTEMS
from integration.errors import Misconfigured
from integration.settings.environment import FILE

TEMPLATE = files("commands") / "templates" / "integration.toml"
SHOP, ERP = USUAL.split("-")
"""The pair that the template is written for."""

_CONNECTION = r'\[connections\.{name}\]\n.*?\n\[connections\.{name}\.credentials\]\n(?:\w+ = "env:\w+"\n)+'


@click.command()
@click.option("--pair", default=USUAL, show_default=True, metavar="SHOP-ERP", help="What is connected, as in clarity-sage100.")
@click.option("--path", type=click.Path(path_type=Path, dir_okay=False), default=FILE, show_default=True, help="The file to write.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def init(pair: str, path: Path, force: bool) -> None:
    """Write a commented integration.toml."""
    text = _of_pair(*systems(pair))
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Misconfigured("the file is there already; nothing was changed. Use --force to replace it.", str(path)) from None
    except OSError as fault:
        raise Misconfigured(f"the file cannot be written ({fault.strerror}); name another with --path.", str(path)) from None
    variables = ", ".join(re.findall(r'^[a-z_]+.* = "env:([A-Z0-9_]+)"', text, re.MULTILINE))
    click.echo(f"{path} is written. Next:")
    click.echo(f"  1. Set the addresses in it, and export {variables};")
    click.echo('     or keep one in the encrypted file: `integration secrets set NAME`, and refer to it as "secret:NAME".')
    click.echo("  2. `integration check` says what is still missing.")
    click.echo("  3. `integration up` starts the flows.")


def _of_pair(shop: str, erp: str) -> str:
    """The template, with the connections of these two instead of its own."""
    text = TEMPLATE.read_text(encoding="utf-8")
    for written, wanted in ((SHOP, shop), (ERP, erp)):
        if written != wanted:
            found = re.search(_CONNECTION.format(name=written), text, re.DOTALL)
            assert found is not None  # the template is ours
            text = text.replace(found[0], _connection(wanted, found[0]))
            text = re.sub(rf"\b{written}\b", wanted, text)
    return text


def _connection(system: str, written: str) -> str:
    """The table of another system in the words of the one that is there: all but its address and credentials."""
    kept = re.sub(r'^url = "[^"]*"', f'url = "https://{system}.example"', written, flags=re.MULTILINE)
    kept = re.sub(r"env:\w+_URL", f"env:{system.upper()}_URL", kept)
    head, title, _ = kept.partition(".credentials]\n")
    return head + title + "".join(f'{name} = "env:{system.upper()}_{name.upper()}"\n' for name in SYSTEMS[system].credentials)
