"""The master key: 32 random bytes in base64, from which the keys of the ledger and of the secrets file are guarded."""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path

from integration import private_file

KEY_BYTES = 32  # AES-256


def new_key() -> str:
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


def key_bytes(key: str) -> bytes:
    """The bytes of a key in base64. Raises ValueError with the rest of a sentence."""
    try:
        decoded = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != KEY_BYTES:
        raise ValueError(f"must be {KEY_BYTES} random bytes in base64; make one with `openssl rand -base64 {KEY_BYTES}`.")
    return decoded


def read_key(path: Path) -> str:
    """The key in `path`. Raises FileNotFoundError, or ValueError with the rest of a sentence."""
    try:
        key = path.read_bytes().decode("ascii", errors="replace").strip()
    except FileNotFoundError:
        raise
    except OSError as fault:
        raise ValueError(f"cannot be read from {path} ({fault.strerror}); look at the file's owner and mode.") from None
    key_bytes(key)
    return key


def make_key_file(path: Path) -> None:
    """Writes a fresh key, unless the file is there."""
    private_file.create(path, new_key().encode() + b"\n")
