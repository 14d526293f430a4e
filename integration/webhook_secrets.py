"""The signing secrets of a connection's subscriptions, in the encrypted secrets file: which is whose, the newest first."""

from __future__ import annotations

from collections.abc import Mapping

from integration.secrets import SecretsFile
from integration.settings.webhook_secret import webhook_secret_name


class WebhookSecrets:
    """Those of one connection, by the key of their subscription. The settings read the values alone, so they stand apart."""

    def __init__(self, file: SecretsFile, connection: str) -> None:
        self._file = file
        self._values = webhook_secret_name(connection)
        self._keys = f"{self._values}-keys"

    def read(self) -> dict[str, str]:
        """Empty where it is not known whose secrets there are."""
        kept = self._file.read()
        keys, values = kept.get(self._keys, "").split(), kept.get(self._values, "").split()
        return dict(zip(keys, values, strict=True)) if len(keys) == len(values) else {}

    def write(self, secrets: Mapping[str, str]) -> None:
        kept = {name: value for name, value in self._file.read().items() if name not in (self._values, self._keys)}
        if secrets:
            kept |= {self._values: " ".join(secrets.values()), self._keys: " ".join(secrets)}
        self._file.write(kept)
