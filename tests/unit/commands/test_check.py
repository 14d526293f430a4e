"""`integration check` finds what is missing, says what to do, and its exit code tells a script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from commands.exits import Exit
from connectors.registry import Verdict
from integration.ledger import tables
from integration.ledger.database import open_engine
from tests.unit.commands.conftest import CONFIG, Call


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Every connection answers; gives which were asked, with the kind of budget that they were asked on."""
    connections: list[tuple[str, str]] = []

    def answer(connection: Any, budget: Any) -> Verdict:
        connections.append((connection.name, type(budget).__name__))
        return Verdict(ok=True, sentence=f"{connection.name}: gave a token")

    monkeypatch.setattr("commands.check.reachable", answer)
    monkeypatch.setattr("commands.check.events_of_use", lambda *_: [])  # who answers so has no subscriptions to ask for
    return connections


def verdicts(call: Call) -> tuple[int, dict[tuple[str, str], tuple[bool, str]]]:
    result = call("check", "--json")
    return result.exit_code, {(row["area"], row["name"]): (row["ok"], row["sentence"]) for row in json.loads(result.stdout)}


def test_all_is_well(configured: Path, call: Call, asked: list[tuple[str, str]]) -> None:
    call("secrets", "set", "tims-id", input="hunter2")
    code, found = verdicts(call)
    assert code == Exit.DONE
    assert {area for area, _ in found} == {"configuration", "mapping", "credentials", "database", "redis", "connection"}
    assert all(ok for ok, _ in found.values())
    assert [name for name, _ in asked] == ["web", "books"]
    assert "hunter2" not in call("check").output


def test_a_ledger_that_is_there_counts_the_requests(configured: Path, call: Call, asked: list[tuple[str, str]]) -> None:
    call("secrets", "set", "tims-id", input="hunter2")
    engine = open_engine(f"sqlite:///{configured}/.integration/ledger.db")
    tables.metadata.create_all(engine)
    engine.dispose()
    code, found = verdicts(call)
    assert code == Exit.DONE
    assert found["database", "SQLite"] == (True, "answers")
    assert asked == [("web", "SharedBudget"), ("books", "SharedBudget")]


def test_an_absent_credential_is_named_and_the_others_are_still_asked(configured: Path, call: Call, asked: list[tuple[str, str]]) -> None:
    assert configured.is_dir()
    code, found = verdicts(call)
    assert code == Exit.PERSON
    assert found["credentials", "integration.toml:13"] == (
        False,
        "`client_id`: the secret tims-id is not set; run `integration secrets set tims-id`.",
    )
    assert asked == [("web", "_Uncounted")]
    assert not (configured / ".integration" / "ledger.db").exists()


def test_a_faulty_file_is_told_line_by_line(configured: Path, call: Call) -> None:
    (configured / "integration.toml").write_text(CONFIG.replace("entity", "entty").replace('"tims"', '"tmis"'), encoding="utf-8")
    code, found = verdicts(call)
    assert code == Exit.PERSON
    assert found == {
        ("configuration", "integration.toml:10"): (False, "`system` names the unknown system `tmis`; did you mean `tims`?"),
        ("configuration", "integration.toml:16"): (False, "[flows.orders] needs `entity`: what it moves, as in order; add it."),
        ("configuration", "integration.toml:17"): (False, "unknown key `entty` in [flows.orders]; did you mean `entity`?"),
    }


def test_no_file_is_one_verdict(call: Call) -> None:
    code, found = verdicts(call)
    assert (code, list(found)) == (Exit.PERSON, [("configuration", "integration.toml")])


def test_faults_of_mappings_are_told_with_file_and_line(configured: Path, call: Call, asked: list[tuple[str, str]]) -> None:
    (configured / "own" / "tims").mkdir(parents=True)
    (configured / "own" / "tims" / "order.yaml").write_text(
        "system: tims\nentity: order\nwrite:\n  CustomerId: customer\n", encoding="utf-8"
    )
    (configured / "own" / "tims" / "ordr.yaml").write_text("", encoding="utf-8")
    with (configured / "integration.toml").open("a", encoding="utf-8") as file:
        file.write('\n[mappings]\nfolder = "own"\n')
    code, found = verdicts(call)
    assert code == Exit.PERSON
    ok, sentence = found["mapping", "tims/order"]
    assert not ok
    assert "own/tims/order.yaml:4" in sentence
    assert found["mapping", "tims/ordr"][0] is False
    assert found["mapping", "tims/customer"][0] is True
    assert asked


def test_what_does_not_answer_is_told(configured: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@127.0.0.1:9/0")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:9/x")
    assert configured.is_dir()
    result = call("check")
    assert result.exit_code == Exit.PERSON
    lines = {line.split()[1]: line for line in result.stdout.splitlines() if line.startswith("✗")}
    assert "does not answer" in lines["database"]
    assert "mend DATABASE_URL" in lines["database"]
    assert "mend REDIS_URL" in lines["redis"]
    assert "look at [connections.web] and at the network" in lines["connection"]
    assert "hunter2" not in result.output
