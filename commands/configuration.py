"""The settings that a command works with: those of the file that its call names."""

from __future__ import annotations

from pathlib import Path

from commands.invocation import Invocation
from connectors.configured import inspect_settings, load_settings
from integration.settings import Problem, Settings
from integration.settings.environment import config_path, variables


def complete(invocation: Invocation) -> Settings:
    """Settings with every credential there. Raises Misconfigured."""
    settings = load_settings(invocation.config)
    invocation.home = settings.home
    return settings


def incomplete(invocation: Invocation) -> tuple[Settings, tuple[Problem, ...]]:
    """Settings whose credentials may be absent, and what is absent. Raises Misconfigured."""
    settings, absent = inspect_settings(invocation.config)
    invocation.home = settings.home
    return settings, absent


def if_configured(invocation: Invocation) -> Settings | None:
    """Settings whose credentials may be absent; none where nothing is configured yet. Raises Misconfigured."""
    if invocation.config is None and not config_path(variables()).exists():
        return None
    return incomplete(invocation)[0]


def overrides_folder(invocation: Invocation) -> Path | None:
    """The customer's mapping files; none where nothing is configured yet. Raises Misconfigured."""
    settings = if_configured(invocation)
    return settings.mappings_folder if settings is not None else None
