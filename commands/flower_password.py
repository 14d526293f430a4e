"""Flower's password where the configuration names none: made once, and kept in the home folder for its owner alone."""

from __future__ import annotations

import secrets

from integration import private_file
from integration.settings import Settings
from integration.settings.environment import FLOWER_PASSWORD_FILE

BYTES = 18  # 24 characters in base64


def ensure(settings: Settings) -> bool:
    """Make the file unless a password is configured or made already; True where one was made, so that settings must be read again."""
    if settings.flower_auth is not None:
        return False
    return private_file.create(settings.home / FLOWER_PASSWORD_FILE, secrets.token_urlsafe(BYTES).encode() + b"\n")
