"""The pairs of systems that orders flow between, by the name that `init` and `demo` take: those that mappings/flows.yaml has rules for."""

from __future__ import annotations

import click

from connectors.wiring import MAPPINGS
from integration.mapping import load_flow_rules
from integration.suggest import did_you_mean

USUAL = "channeladvisor-tims"


def systems(pair: str) -> tuple[str, str]:
    """Shop and ERP of a pair."""
    known = {
        f"{source}-{target}": (source, target) for source, target, entity in load_flow_rules(MAPPINGS / "flows.yaml") if entity == "order"
    }
    if pair not in known:
        raise click.UsageError(f"there is no pair {pair!r}; {did_you_mean(pair, known)}")
    return known[pair]
