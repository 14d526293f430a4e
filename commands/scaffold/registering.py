"""The lines by which a new system joins the registries: each inserted in its alphabetical place, the rest of the file untouched."""

from __future__ import annotations

import re

from commands.exits import Exit
from commands.failure import Failure

IMPORT = r"from connectors\.([\w.]+) import [^\n]+\n"


def system_line(source: str, name: str, title: str) -> str:
    """connectors/registry.py: the schemas, the credentials and the row."""
    constant = f"_{name.upper()}"
    credentials = f'{constant} = {{"client_id": "client id of an API client in {title}", "client_secret": "secret of the same client"}}\n'
    source = _sorted_in(source, IMPORT, name, f"from connectors.{name} import schemas as {name}\n")
    place = source.find("\nSYSTEMS: Mapping")
    if place < 0:
        raise _lost("connectors/registry.py")
    source = source[:place] + credentials + source[place:]
    row = f'    "{name}": System("{name}", "{title}", {constant}, {name}.READ, {name}.WRITE),\n'
    return _sorted_in(source, r'    "(\w+)": System\(.*\),\n', name, row)


def simulator_line(source: str, name: str, kind: str) -> str:
    """connectors/simulation/registry.py."""
    source = _sorted_in(source, IMPORT, f"{name}.simulator", f"from connectors.{name}.simulator import {kind}Simulator\n")
    return _sorted_in(source, r'    "(\w+)": \w+Simulator,\n', name, f'    "{name}": {kind}Simulator,\n')


def independence_line(source: str, name: str) -> str:
    """pyproject.toml: that no other system imports it, and it no other."""
    found = re.search(r'type = "independence"\nmodules = \[[^\]]*?(,?\s*)\]', source)
    if found is None:
        raise _lost("pyproject.toml")
    return f'{source[: found.start(1)]}, "connectors.{name}"{source[found.start(1) :]}'


def bench_line(source: str, name: str, kind: str) -> str:
    """tests/integration/connectors/test_contract.py."""
    last = re.search(r"from tests\.fixtures\.simulators import [^\n]+\n", source)
    found = re.search(r"for bench in \(([^)]*?)\)\}", source)
    if found is None or last is None:
        raise _lost("tests/integration/connectors/test_contract.py")
    source = f"{source[: found.end(1)]}, {kind}Bench{source[found.end(1) :]}"
    theirs = [one.end() for one in re.finditer(r"from tests\.integration\.connectors\.bench_(\w+) import \w+\n", source) if one[1] < name]
    place = max([last.end(), *theirs])
    return f"{source[:place]}from tests.integration.connectors.bench_{name} import {kind}Bench\n{source[place:]}"


def _sorted_in(source: str, row: str, name: str, line: str) -> str:
    """`line` before the first row whose name is greater, or behind the last."""
    rows = list(re.finditer(row, source))
    if not rows:
        raise _lost("a registry")
    place = next((one.start() for one in rows if one[1] > name), rows[-1].end())
    return source[:place] + line + source[place:]


def _lost(what: str) -> Failure:
    return Failure(
        f"the place for the new line was not found in {what}; nothing was written. Add it by hand as the others are.", Exit.FAILED
    )
