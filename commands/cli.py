"""The `integration` command: its options, and its commands by name, each loaded only when it is called."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from unicodedata import category

import click
import structlog

from commands.exits import MEANING
from commands.failure import Group
from commands.invocation import Invocation


class Row(NamedTuple):
    """`place` is module:attribute; `help` stands here too, so that `--help` needs to load nothing."""

    place: str
    help: str


COMMANDS: Mapping[str, Row] = {
    "demo": Row("commands.demo.command:demo", "Show everything at work between simulated systems."),
    "up": Row("commands.up:up", "Run everything for the configured connections."),
    "init": Row("commands.init:init", "Write a commented integration.toml."),
    "check": Row("commands.check:check", "Check configuration, mappings, credentials and reachability."),
    "secrets": Row("commands.secrets:secrets", "Keep credentials in the encrypted secrets file."),
    "connector": Row("commands.listing:connector", "List the systems that can be connected, and begin a new one."),
    "mapping": Row("commands.listing:mapping", "List the mappings, field by field, and try them."),
    "gateway": Row("commands.gateway:gateway", "Take webhooks."),
    "webhooks": Row("commands.webhooks:webhooks", "Subscribe to the webhooks of a connection."),
    "metrics": Row("commands.metrics:metrics", "Serve metrics for Prometheus."),
    "status": Row("commands.status:status", "Show how each flow is, and what needs a person."),
    "alerts": Row("commands.alerts:alerts", "List what is wrong, and test who is told of it."),
    "health": Row("commands.health:health", "Say whether these parts move on this host."),
    "trace": Row("commands.trace:trace", "Tell the whole story of an order, by any of its ids."),
    "dead-letters": Row("commands.dead_letters:dead_letters", "List, show, replay and dismiss what needs a person."),
    "holds": Row("commands.holds:holds_group", "List, release and cancel what waits for something that is missing."),
    "backfill": Row("commands.backfill:backfill", "Bring over what was created in a stretch of time."),
    "reconcile": Row("commands.reconcile:reconcile", "Prove that both sides hold the same, and repair what can be."),
    "privacy": Row("commands.privacy:privacy", "Answer a person's request for their data, or for its deletion."),
    "audit": Row("commands.audit:audit", "List who did what, and when."),
    "keys": Row("commands.keys:keys", "Rotate the keys that seal the ledger's payloads."),
}


class Root(Group):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for place, word in enumerate(args, 1):
            if any("\ud800" <= character <= "\udfff" for character in word):  # bytes that are no letters; no database keeps them
                raise click.UsageError(f"word {place} of the call is not UTF-8 text; type it again.", ctx)
            if any(category(character) == "Cc" and character not in "\n\t" for character in word):  # Click would repeat it to the terminal
                raise click.UsageError(f"word {place} of the call holds a control character; type it again without.", ctx)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as unknown:
            raise click.exceptions.NoSuchCommand(unknown.command_name, possibilities=COMMANDS, ctx=ctx) from None

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].place.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, row.help) for name, row in COMMANDS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), meaning) for code, meaning in MEANING.items()])


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The configuration; else the file that INTEGRATION_CONFIG names, else ./integration.toml.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of a failure; it may hold personal data.")
@click.version_option(package_name="integration-sync", message="%(version)s")
@click.pass_context
def cli(ctx: click.Context, config: Path | None, debug: bool) -> None:
    """Sync orders, customers, stock and shipments between sales channels and ERPs."""
    ctx.obj = Invocation(config, debug)
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if debug else logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # stdout is for what a command gives
    )
    ctx.call_on_close(lambda: structlog.configure(**before))


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal that lacks ✓ must not end a command
    cli(prog_name="integration")
