"""The encrypted file of secrets that `integration secrets set` writes and that settings refer to as `secret:NAME`.

One AES-256-GCM box around a JSON object of names and values, under a key derived from the master key.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from integration import private_file
from integration.errors import Misconfigured
from integration.master_key import KEY_BYTES, key_bytes

SECRET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

_PURPOSE = b"integration secrets file 1"  # sets this key apart from every other key derived from the master key
_NONCE_BYTES = 12  # what AES-GCM is made for


class SecretsFile:
    """The secrets at `path` under a master key (base64). Reads and writes raise Misconfigured; no message holds a value."""

    def __init__(self, path: Path, master_key: str) -> None:
        self._path = path
        try:
            master = key_bytes(master_key)
        except ValueError as fault:
            raise Misconfigured(f"the master key {fault}") from None
        self._box = AESGCM(HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=_PURPOSE).derive(master))

    def read(self) -> dict[str, str]:
        """All secrets by name; empty where there is no file."""
        try:
            envelope = json.loads(self._path.read_bytes())
            nonce, box = base64.b64decode(envelope["nonce"], validate=True), base64.b64decode(envelope["box"], validate=True)
            secrets = json.loads(self._box.decrypt(nonce, box, _PURPOSE))
        except FileNotFoundError:
            return {}
        except InvalidTag:
            raise Misconfigured(
                "the secrets file does not open with this master key; give the key it was written with, "
                "or delete the file and set its secrets again.",
                where=str(self._path),
            ) from None
        except OSError as fault:
            raise Misconfigured(
                f"the secrets file cannot be read ({fault.strerror}); look at its owner and mode.", where=str(self._path)
            ) from None
        except (ValueError, KeyError, TypeError):
            raise Misconfigured(
                "this is not a secrets file; restore it from a copy, or delete it and set its secrets again.", where=str(self._path)
            ) from None
        return {str(name): str(value) for name, value in secrets.items()}

    def write(self, secrets: Mapping[str, str]) -> None:
        """Replaces the whole file in one step; readable by its owner alone."""
        nonce = os.urandom(_NONCE_BYTES)
        box = self._box.encrypt(nonce, json.dumps(dict(secrets)).encode(), _PURPOSE)
        envelope = {"nonce": base64.b64encode(nonce).decode(), "box": base64.b64encode(box).decode()}
        try:
            private_file.replace(self._path, json.dumps(envelope).encode() + b"\n")
        except OSError as fault:
            raise Misconfigured(
                f"the secrets file cannot be written ({fault.strerror}); look at the folder's owner and mode.", where=str(self._path)
            ) from None
