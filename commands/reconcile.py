"""`integration reconcile`: proves that both sides hold the same."""

from __future__ import annotations

import importlib

import click

PLACES = {"orders": "commands.reconcile_orders:orders", "stock": "commands.reconcile_stock:stock"}


class Reconcile(click.Group):
    """Loads only what is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in PLACES:
            return None
        module, _, attribute = PLACES[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=Reconcile)
def reconcile() -> None:
    """Prove that both sides hold the same, and repair what can be."""
