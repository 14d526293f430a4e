"""`integration keys`: every payload is sealed anew, also after a kill, and nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from integration.errors import Misconfigured
from integration.ledger import rotation, tables
from integration.ledger.database import read
from integration.ledger.vault import Vault
from integration.line.journey import House
from integration.master_key import new_key
from integration.secrets import SecretsFile
from integration.settings import Secret
from tests.fixtures.line import MASTER_KEY, booked, drain, key, order
from tests.fixtures.simulators import Simulators
from tests.integration.commands_ops.conftest import Call

Ask = Callable[..., Any]


def sealed(house: House) -> list[bytes]:
    """Every sealed payload of the ledger."""
    with read(house.engine) as connection:
        return [
            value
            for table, names in rotation.SEALED
            for row in connection.execute(select(*(table.c[name] for name in names)))
            for value in row
            if value is not None
        ]


def keys_of_payloads(house: House) -> int:
    with read(house.engine) as connection:
        return len(connection.execute(select(tables.data_key.c.id).where(tables.data_key.c.purpose == "payload")).all())


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker has the old key, so there is nothing to wait for."""
    monkeypatch.setattr(rotation, "SETTLED_AFTER", timedelta(0))


@pytest.mark.usefixtures("at_once")
def test_a_rotation_seals_everything_anew(house: House, simulators: Simulators, call: Call) -> None:
    placed = simulators.channeladvisor.place([order(1), order(2)])
    drain(house)
    before = sealed(house)
    opened = [house.vault.open(one) for one in before]
    said = call("keys", "rotate")
    assert "4 rows were sealed anew, and the old key is forgotten" in said.stdout
    vault = Vault(house.engine, house.settings.master_key)
    after = sealed(house)
    assert [vault.open(one) for one in after] == opened
    assert {one[:4] for one in after} == {vault.mark}
    assert not {one[:4] for one in before} & {one[:4] for one in after}
    assert keys_of_payloads(house) == 1
    simulators.channeladvisor.change(key(placed[0]), OrderStatus="Cancelled")
    call("trace", key(placed[0]), "--payload")


def test_a_worker_that_holds_the_old_key_takes_the_new_one_in_time(house: House) -> None:
    before = house.vault.seal({"a": 1})
    other = Vault(house.engine, house.settings.master_key)
    rotation.begin(other)
    assert house.vault.seal({"a": 1})[:4] == before[:4]  # it has not looked yet
    house.vault._look_again = 0.0
    assert house.vault.seal({"a": 1})[:4] == other.mark
    assert house.vault.open(before) == {"a": 1}


@pytest.mark.usefixtures("at_once")
def test_a_rotation_that_was_killed_is_taken_up_without_another_key(
    house: House, simulators: Simulators, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulators.channeladvisor.place([order(number) for number in range(5)])
    drain(house)
    monkeypatch.setattr(rotation, "AT_ONCE", 2)
    rotation.begin(house.vault)
    steps = rotation.seal_anew(house.engine, house.vault)
    assert [next(steps).done for _ in range(3)] == [0, 2, 4]
    steps.close()
    assert not rotation.end(house.engine, house.vault)
    assert keys_of_payloads(house) == 2
    said = call("keys", "rotate")
    assert "is taken up" in said.stderr
    assert "6 rows were sealed anew" in said.stdout
    assert keys_of_payloads(house) == 1
    vault = Vault(house.engine, house.settings.master_key)
    assert all(vault.open(one) for one in sealed(house))


def test_another_master_key_opens_everything_and_the_old_one_nothing(
    house: House, simulators: Simulators, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = simulators.channeladvisor.place([order(1)])
    drain(house)
    secrets = house.settings.home / "secrets.enc"
    SecretsFile(secrets, MASTER_KEY).write({"tims": "hidden"})
    other = new_key()
    monkeypatch.setenv("NEW_KEY", other)
    said = call("keys", "rewrap", "--to", "env:NEW_KEY").stdout
    assert 'set key = "env:NEW_KEY" under [encryption]' in said
    assert SecretsFile(secrets, other).read() == {"tims": "hidden"}
    with pytest.raises(Misconfigured, match="does not open"):
        Vault(house.engine, Secret("env:INTEGRATION_KEY", MASTER_KEY)).prepare()
    assert "does not open the ledger's payloads" in call("status", exit_code=2).stderr
    simulators.channeladvisor.change(key(placed[0]), OrderStatus="Cancelled")
    drain(house)  # what runs goes on until it is restarted
    assert booked(simulators)[key(placed[0])][0]["OrderStatus"] == "Cancelled"
    monkeypatch.setenv("INTEGRATION_KEY", other)
    assert "ana.1@buyer.example" in call("trace", key(placed[0]), "--payload").stdout


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("env:ABSENT_KEY", "ABSENT_KEY"),
        ("plainly-a-key", "only by reference"),
        ("file:nowhere", "not there"),
        ("env:SHORT_KEY", "32 random bytes"),
        ("env:INTEGRATION_KEY", "holds the present master key"),
    ],
)
def test_a_wrong_master_key_is_one_sentence(house: House, call: Call, monkeypatch: pytest.MonkeyPatch, reference: str, words: str) -> None:
    monkeypatch.setenv("SHORT_KEY", "c2hvcnQ=")
    said = call("keys", "rewrap", "--to", reference, exit_code=2).stderr
    assert words in said
    assert said.count("\n") == 1
    Vault(house.engine, house.settings.master_key).prepare()


def test_an_unreadable_secrets_file_changes_nothing(house: House, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    path: Path = house.settings.home / "secrets.enc"
    SecretsFile(path, new_key()).write({"tims": "hidden"})
    monkeypatch.setenv("NEW_KEY", new_key())
    call("keys", "rewrap", "--to", "env:NEW_KEY", exit_code=2)
    Vault(house.engine, house.settings.master_key).prepare()
