"""The cases that went wrong once, kept in seeds.toml to be run again; and a file for one that goes wrong now."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

from chaos.run import Case
from commands.pairs import USUAL

FILE = Path(__file__).with_name("seeds.toml")


def kept(file: Path = FILE) -> list[Case]:
    return [Case(**one) for one in tomllib.loads(file.read_text())["case"]]


def command(case: Case) -> str:
    """How the case is run again."""
    words = ["python -m chaos", *case.faults, f"--seed {case.seed} --database {case.database} --orders {case.orders} --rate {case.rate:g}"]
    return " ".join(words if case.pair == USUAL else [*words, f"--pair {case.pair}"])


def entry(case: Case, wrong: Sequence[str]) -> str:
    """The case as seeds.toml keeps it."""
    faults = ", ".join(f'"{name}"' for name in case.faults)
    because = wrong[0].splitlines()[0].replace('"', "'")[:200]
    numbers = f'seed = {case.seed}\ndatabase = "{case.database}"\norders = {case.orders}\nrate = {case.rate:g}\npair = "{case.pair}"\n'
    return f'[[case]]\n{numbers}faults = [{faults}]\nbecause = "{because}"\n'
