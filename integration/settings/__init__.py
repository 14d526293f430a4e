"""What is configured: one integration.toml, the environment for URLs and secrets, all checked before anything starts."""

from __future__ import annotations

from integration.settings.loading import SystemFacts, inspect, load
from integration.settings.model import Connection, Flow, Guests, Secret, Settings
from integration.settings.problems import InvalidSettings, Problem

__all__ = ["Connection", "Flow", "Guests", "InvalidSettings", "Problem", "Secret", "Settings", "SystemFacts", "inspect", "load"]
