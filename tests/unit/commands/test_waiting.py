"""A database that comes later than the service is waited for; one that does not come is told of once."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import ledger
from commands.ledger import wait_for_database


def test_it_goes_on_once_the_database_answers(tmp_path: Path) -> None:
    folder, said = tmp_path / "data", []
    folder.write_text("a file where the folder should be")

    def mended(_seconds: float) -> bool:
        folder.unlink(missing_ok=True)
        return False

    wait_for_database(f"sqlite:///{folder}/ledger.db", said.append, mended)
    assert (folder / "ledger.db").exists()
    (sentence,) = said
    assert sentence.startswith("the database does not answer (unable to open database file)")


@pytest.mark.parametrize("stops", [True, False])
def test_it_ends_when_its_time_is_up_or_somebody_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, stops: bool) -> None:
    monkeypatch.setattr(ledger, "PATIENCE_SECONDS", 60.0 if stops else 0.05)
    (tmp_path / "data").write_text("")
    said: list[str] = []
    wait_for_database(f"sqlite:///{tmp_path}/data/ledger.db", said.append, lambda _seconds: stops)
    assert len(said) == 1
