"""`integration connector new`: a system that passes the contract suite at once, to be made into the one that is meant."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from string import Template

import click

from commands.output import Column, console, print_table
from commands.scaffold import checkout
from commands.scaffold.registering import bench_line, independence_line, simulator_line, system_line
from connectors.registry import SYSTEMS

TEMPLATES = Path(__file__).parents[1] / "templates" / "system"
WHAT = {
    "connector.yaml": "how to speak to it: sign-in, paging, limits, errors, entities",
    "schemas.py": "what its records hold",
    "contract.yaml": "what its API says; the simulator answers by it",
    "simulator.py": "the system, simulated",
    "__init__.py": "",
}


@click.command("new")
@click.argument("name")
@click.option("--title", help="Its name for people; NAME in capitals where it is left out.")
def new_connector(name: str, title: str | None) -> None:
    """Scaffold the system NAME in this checkout of the source.

    Writes its connector folder and its bench for the contract suite, and its line in each registry. What it writes passes the
    suite: a small shop with orders, simulated. Then change it into the system that you mean, as docs/add-a-system.md shows.
    """
    root = checkout.require()
    _check(root, name)
    title = title or name.replace("_", " ").title()
    if not re.fullmatch(r"[\w .&'()-]{1,40}", title) or '"' in title:
        raise click.BadParameter("must be of letters, digits and spaces, at most 40", param_hint="--title")
    kind = "".join(part.capitalize() for part in name.split("_"))
    words = {"name": name, "title": title, "Class": kind, "CODE": name[:2].upper()}
    new = {root / "connectors" / name / file: _made(file, words) for file in WHAT if file != "__init__.py"}
    new[root / "connectors" / name / "__init__.py"] = f'"""{title}."""\n'
    new[root / "tests" / "integration" / "connectors" / f"bench_{name}.py"] = _made("bench.py", words)
    suite = root / "tests" / "integration" / "connectors" / "test_contract.py"
    registry, simulators, project = (
        root / "connectors" / "registry.py",
        root / "connectors" / "simulation" / "registry.py",
        root / "pyproject.toml",
    )
    changed = {
        registry: system_line(_text(registry), name, title),
        simulators: simulator_line(_text(simulators), name, kind),
        project: independence_line(_text(project), name),
        suite: bench_line(_text(suite), name, kind),
    }
    checkout.write({**new, **changed})
    rows = [
        {"file": str(path.relative_to(root)), "what": WHAT.get(path.name, "how the contract suite places and writes an order of it")}
        for path in new
        if path.name != "__init__.py"
    ]
    rows += [{"file": str(path.relative_to(root)), "what": "one line more"} for path in changed]
    print_table(rows, [Column("file", "Written", style="bold"), Column("what", "What it is")])
    screen = console()
    screen.print(f"\n{title} is registered, simulated and tested as a small shop with orders. Next:", style="bold")
    screen.print(f"  pytest tests/integration/connectors tests/integration/simulators/test_contracts.py -k {name}")
    screen.print(f"  integration mapping new {name} order")
    screen.print("  then make its files say what the system really does: docs/add-a-system.md")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _made(file: str, words: dict[str, str]) -> str:
    return Template((TEMPLATES / f"{file}.tpl").read_text(encoding="utf-8")).substitute(words)


def _check(root: Path, name: str) -> None:
    if name in SYSTEMS:
        raise click.BadParameter(f"{name} exists already: `integration connector show {name}`", param_hint="NAME")
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,29}", name) or keyword.iskeyword(name):
        raise click.BadParameter(f"{name!r} is no name of a system: small letters, digits and _, as in corner_shop", param_hint="NAME")
    taken = [path for path in (root / "connectors" / name, root / "connectors" / f"{name}.py", root / "mappings" / name) if path.exists()]
    if taken:
        raise click.BadParameter(f"{taken[0].relative_to(root)} is there already; choose another name", param_hint="NAME")
