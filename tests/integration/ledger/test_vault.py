"""Payloads are sealed: nothing of them is readable in the database, and keys can be changed."""

from __future__ import annotations

import base64
from decimal import Decimal

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import Engine

from integration.errors import Misconfigured
from integration.ledger.vault import Vault, fingerprint
from integration.settings.model import Secret

ONE, OTHER = (Secret(f"env:{name}", base64.b64encode(bytes([number]) * 32).decode()) for number, name in enumerate(("ONE", "OTHER")))


def test_a_payload_comes_back_as_it_was_with_money_exact(engine: Engine) -> None:
    vault = Vault(engine, ONE)
    sealed = vault.seal({"email": "ana@buyer.example", "total": Decimal("54.20"), "weight": Decimal("0.1")})
    assert b"ana" not in sealed
    assert Vault(engine, ONE).open(sealed) == {"email": "ana@buyer.example", "total": "54.20", "weight": "0.1"}
    assert vault.seal({"a": 1}) != vault.seal({"a": 1})


def test_another_master_key_is_refused_in_one_sentence(engine: Engine) -> None:
    Vault(engine, ONE).seal({})
    with pytest.raises(Misconfigured, match="env:OTHER: this master key does not open"):
        Vault(engine, OTHER).seal({})


def test_a_master_key_of_the_wrong_size_is_refused(engine: Engine) -> None:
    with pytest.raises(Misconfigured, match="32 bytes"):
        Vault(engine, Secret("env:SHORT", "c2hvcnQ="))


def test_a_new_payload_key_seals_what_comes_and_still_opens_what_was(engine: Engine) -> None:
    vault, elsewhere = Vault(engine, ONE), Vault(engine, ONE)
    old = vault.seal("before")
    index = vault.index("ana@buyer.example")
    vault.new_payload_key()
    new = vault.seal("after")
    assert (vault.open(old), vault.open(new)) == ("before", "after")
    assert (old.startswith(vault.mark), new.startswith(vault.mark)) == (False, True)
    assert elsewhere.open(new) == "after", "another process learns of the new key when it meets it"
    assert vault.index("ana@buyer.example") == index, "people are found by the same hash as before"


def test_the_master_key_can_be_changed(engine: Engine) -> None:
    vault = Vault(engine, ONE)
    sealed = vault.seal("kept")
    vault.rewrap(OTHER)
    assert Vault(engine, OTHER).open(sealed) == "kept"
    with pytest.raises(Misconfigured):
        Vault(engine, ONE).open(sealed)


def test_a_payload_that_was_tampered_with_does_not_open(engine: Engine) -> None:
    vault = Vault(engine, ONE)
    sealed = bytearray(vault.seal("kept"))
    sealed[-1] ^= 1
    with pytest.raises(InvalidTag):
        vault.open(bytes(sealed))


def test_equal_content_has_one_fingerprint() -> None:
    assert fingerprint({"a": 1, "b": Decimal("2.50")}) == fingerprint({"b": Decimal("2.50"), "a": 1})
    assert fingerprint({"a": Decimal("2.5")}) != fingerprint({"a": Decimal("2.50")})
