"""Shows a demo on what stdout is: the live table on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import click
from rich.live import Live

from commands.demo import table
from commands.demo.following import Follower
from commands.demo.table import Signs
from commands.output import console

LINE_SECONDS = 2.0


class Display:
    """`with Display(signs) as display:` shows where to look, `show` how it goes."""

    def __init__(self, signs: Signs) -> None:
        self._signs = signs
        self._screen = console()
        self._live = Live(console=self._screen, auto_refresh=False) if self._screen.is_terminal else None
        self._said = ""
        self._said_at = 0.0
        self._noticed = 0

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
            self._live.update("starting Valkey, workers, beat, Flower, the metrics endpoint and the simulated systems …", refresh=True)
        else:
            click.echo(self._signs.title)
            for name, url in self._signs.urls.items():
                click.echo(f"{name}: {url}")
            click.echo(f"In another terminal: {self._signs.command} dead-letters list")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live:
            self._live.stop()

    def show(self, follower: Follower, seconds: float, notices: Sequence[str]) -> None:
        """`seconds` since the first order; `notices` are all that was said about the processes."""
        if self._live:
            self._live.update(table.render(follower, seconds, self._signs, notices), refresh=True)
            return
        for notice in notices[self._noticed :]:
            click.echo(notice)
        self._noticed = len(notices)
        line = table.line(follower)
        if time.monotonic() - self._said_at >= LINE_SECONDS and line != self._said:
            click.echo(f"{seconds:3.0f} s: {line}")
            self._said, self._said_at = line, time.monotonic()
