"""Turns a reference (`env:NAME`, `secret:NAME`, `file:PATH`) into its value, so that no secret ever stands in the configuration."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from integration.errors import Misconfigured
from integration.master_key import key_bytes, make_key_file, read_key
from integration.secrets import SECRET_NAME, SecretsFile
from integration.settings import environment
from integration.settings.model import Secret
from integration.settings.problems import InvalidSettings, Problem
from integration.settings.values import Absent, Wrong, text

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class References:
    """Resolves references with one environment, one home folder, and paths relative to one folder."""

    def __init__(self, environ: Mapping[str, str], home: Path, folder: Path) -> None:
        self._environ = environ
        self._home = home
        self._folder = folder
        self._master_key: Secret | None = None
        self._key_named = False
        self._secrets: dict[str, str] | None = None

    def credential(self, raw: Any) -> Secret:
        """A reader (see values) of `env:NAME` and `secret:NAME`. Raises Absent where the value is not there."""
        kind, name = _parts(raw)
        if kind == "env" and _VARIABLE.fullmatch(name):
            return Secret(f"env:{name}", self.variable(name))
        if kind == "secret" and SECRET_NAME.fullmatch(name):
            return Secret(f"secret:{name}", self._secret(name))
        # The value itself may be the secret: it is not repeated.
        raise Wrong('takes secrets only by reference: "env:NAME" or "secret:NAME" (made by `integration secrets set NAME`).')

    def key(self, raw: Any) -> Secret:
        """A reader of the master key's reference, `env:NAME` or `file:PATH`; later `secret:` references use it."""
        self._key_named = True
        kind, name = _parts(raw)
        if kind == "env" and _VARIABLE.fullmatch(name):
            if not self._environ.get(name):
                raise Wrong(f"refers to the environment variable {name}, which is not set; export it before the start.")
            return self._remember(f"env:{name}", self._environ[name])
        if kind == "file" and name:
            path = self._folder / name
            try:
                return self._remember(f"file:{path}", read_key(path))
            except FileNotFoundError:
                raise Wrong(f"refers to the file {path}, which is not there; put the key back, or write a first one.") from None
        raise Wrong('takes the key only by reference: "env:NAME" or "file:PATH".')

    def default_key(self) -> Secret:
        """INTEGRATION_KEY where it is set, else the key file in the home folder, made on first use. Raises InvalidSettings."""
        path = self._home / environment.KEY_FILE
        value = self._environ.get(environment.KEY)
        where = environment.KEY if value else str(path)
        try:
            return self._remember(f"env:{environment.KEY}", value) if value else self._key_file(path)
        except ValueError as fault:
            raise InvalidSettings([Problem(where, 0, f"the master key {fault}")]) from None
        except OSError as fault:
            message = f"the master key cannot be kept here ({fault.strerror}); look at the folder's owner and mode."
            raise InvalidSettings([Problem(where, 0, message)]) from None

    def _key_file(self, path: Path) -> Secret:
        if not path.exists():
            self._refuse_second_key(path)
            make_key_file(path)
        if path.stat().st_mode & 0o077:
            raise Wrong(f"is readable by others than its owner; run `chmod 600 {path}`.")
        return self._remember(f"file:{path}", read_key(path))

    def _refuse_second_key(self, path: Path) -> None:
        """A fresh key would open nothing of what an earlier one has sealed."""
        sealed = [name for name in (environment.LEDGER_FILE, environment.SECRETS_FILE) if (self._home / name).exists()]
        if sealed and not path.exists():  # another process may have made both in the meantime
            raise Wrong(f"is missing, but {sealed[0]} is sealed with one; put the key back, or set {environment.KEY} as before.")

    def _remember(self, reference: str, value: str) -> Secret:
        value = value.strip()
        key_bytes(value)
        self._master_key = Secret(reference, value)
        return self._master_key

    def _secret(self, name: str) -> str:
        if self._secrets is None:
            self._secrets = self._open_secrets()
        if name not in self._secrets:
            raise Absent(f"the secret {name} is not set; run `integration secrets set {name}`.")
        return self._secrets[name]

    def kept_secret(self, name: str) -> Secret | None:
        """A secret that nobody refers to and that may be there: None where it is not, or where the file cannot be opened."""
        try:
            return Secret(f"secret:{name}", self._secret(name))
        except Absent:
            return None

    def _open_secrets(self) -> dict[str, str]:
        path = self._home / environment.SECRETS_FILE
        if not path.exists():
            return {}
        if self._key_named and self._master_key is None:
            raise Absent("the secrets file stays closed until the master key is right.")
        try:
            return SecretsFile(path, (self._master_key or self.default_key()).reveal()).read()
        except Misconfigured as fault:
            raise Absent(fault.message) from None

    def url(self, read: Callable[[Any], str]) -> Callable[[Any], str]:
        """A reader of an address that may stand in a variable (`env:NAME`)."""

        def resolved(raw: Any) -> str:
            value = text(raw)
            name = value.removeprefix("env:")
            if name == value:
                return read(value)
            try:
                return read(self.variable(name))
            except ValueError as fault:
                raise Wrong(f"comes from the environment variable {name}, which {fault}") from None

        return resolved

    def variable(self, name: str) -> str:
        value = self._environ.get(name, "").strip()
        if not value:
            raise Absent(f"the environment variable {name} is not set; export it before the start.")
        return value


def _parts(raw: Any) -> tuple[str, str]:
    kind, separator, name = raw.partition(":") if isinstance(raw, str) else ("", "", "")
    return (kind, name) if separator else ("", "")
