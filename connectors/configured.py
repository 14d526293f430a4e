"""Settings with the registered systems: the one way in which tasks and commands come by them."""

from __future__ import annotations

from pathlib import Path

from connectors.registry import SYSTEMS
from integration import settings
from integration.settings.environment import variables

_FACTS = {name: settings.SystemFacts(system.credentials) for name, system in SYSTEMS.items()}


def load_settings(path: Path | None = None) -> settings.Settings:
    """Complete settings of this process; see `integration.settings.load`."""
    return settings.load(path, variables(), _FACTS)


def inspect_settings(path: Path | None = None) -> tuple[settings.Settings, tuple[settings.Problem, ...]]:
    """Settings that may lack credentials, with a problem for each; see `integration.settings.inspect`."""
    return settings.inspect(path, variables(), _FACTS)
