"""The encrypted secrets file keeps what it was given, shows nothing without its key, and is never half written."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest

from integration import private_file
from integration.errors import Misconfigured
from integration.master_key import key_bytes, new_key
from integration.secrets import SecretsFile

KEY = new_key()


def test_keeps_what_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "home" / "secrets.enc"
    SecretsFile(path, KEY).write({"a": "first", "b": "zweites ü"})
    assert SecretsFile(path, KEY).read() == {"a": "first", "b": "zweites ü"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert b"first" not in path.read_bytes()
    assert [file.name for file in path.parent.iterdir()] == ["secrets.enc"]


def test_no_file_holds_no_secrets(tmp_path: Path) -> None:
    assert SecretsFile(tmp_path / "none", KEY).read() == {}


def test_a_wrong_key_is_one_sentence(tmp_path: Path) -> None:
    SecretsFile(tmp_path / "s", KEY).write({"a": "first"})
    with pytest.raises(Misconfigured, match="does not open with this master key; give the key it was written with"):
        SecretsFile(tmp_path / "s", new_key()).read()


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    SecretsFile(path, KEY).write({"a": "first"})
    envelope = json.loads(path.read_bytes())
    box = bytearray(base64.b64decode(envelope["box"]))
    box[0] ^= 1
    path.write_text(json.dumps({**envelope, "box": base64.b64encode(bytes(box)).decode()}), encoding="ascii")
    with pytest.raises(Misconfigured, match="does not open"):
        SecretsFile(path, KEY).read()


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'"x"', b"\xff", b'{"nonce": 1, "box": 2}', b'{"nonce": "", "box": ""}', b'{"nonce": "!", "box": "!"}']
)
def test_what_is_no_secrets_file_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s").write_bytes(content)
    with pytest.raises(Misconfigured, match="this is not a secrets file; restore it from a copy"):
        SecretsFile(tmp_path / "s", KEY).read()


@pytest.mark.parametrize("key", ["", "x", "ü", base64.b64encode(bytes(31)).decode(), base64.b64encode(bytes(32)).decode() + "!"])
def test_refuses_what_is_no_key(tmp_path: Path, key: str) -> None:
    with pytest.raises(Misconfigured, match="the master key must be 32 random bytes in base64"):
        SecretsFile(tmp_path / "s", key)


def test_new_keys_differ() -> None:
    assert key_bytes(new_key()) != key_bytes(new_key())


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s"
    private_file.replace(path, b"old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        private_file.replace(path, b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["s"]


def test_of_two_that_create_a_file_the_first_wins(tmp_path: Path) -> None:
    assert private_file.create(tmp_path / "s", b"first")
    assert not private_file.create(tmp_path / "s", b"second")
    assert (tmp_path / "s").read_bytes() == b"first"
