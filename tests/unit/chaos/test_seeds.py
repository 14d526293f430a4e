"""Cases are kept so that they can be run again as they were."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from chaos import seeds
from chaos.__main__ import main
from chaos.plan import LASTS
from chaos.run import Case

CASE = Case(7, "sqlite", 90, 2.5, ("kill", "full-disk"), "because")


def test_what_a_failed_run_prints_is_what_the_file_takes(tmp_path: Path) -> None:
    file = tmp_path / "seeds.toml"
    file.write_text(seeds.entry(CASE, ['order "5" is\nnot booked']) + seeds.entry(CASE, ["because"]))
    first, second = seeds.kept(file)
    assert first.turns() == CASE.turns() == second.turns()
    assert first.because == "order '5' is"
    assert second == Case(7, "sqlite", 90, 2.5, ["kill", "full-disk"], "because")


def test_every_kept_case_can_be_played() -> None:
    for case in seeds.kept():
        assert set(case.faults) <= set(LASTS)
        assert case.turns(), case
        assert case.because


def test_the_command_of_a_case_gives_its_plan() -> None:
    words = seeds.command(CASE).split()[3:]
    shown = CliRunner().invoke(main, [*words, "--plan"])
    assert shown.exit_code == 0
    assert len(shown.output.splitlines()) == len(CASE.turns())


@pytest.mark.parametrize(
    "words", [["no-such-fault"], ["--database", "mysql"], ["--orders", "0"], ["freeze", "--quick"], ["--pair", "clarity-sap"]]
)
def test_what_cannot_be_played_is_refused(words: list[str]) -> None:
    assert CliRunner().invoke(main, words).exit_code == 2
