"""How far a benchmark is: a bar with rate and remaining time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars


class Progress:
    def __init__(self, console: Console) -> None:
        self._console = console

    @contextlib.contextmanager
    def of(self, what: str, total: int) -> Iterator[Callable[..., None]]:
        """A bar of `total` steps while the block runs; the function sets how many are done, or one more."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with Bars(*columns, console=self._console, transient=True) as bars:
            task = bars.add_task(what, total=total, rate="")

            def advance(done: int | None = None) -> None:
                if done is None:
                    bars.advance(task)
                else:
                    speed = bars.tasks[0].speed
                    bars.update(task, completed=done, rate=f"{speed:.1f}/s" if speed else "")

            yield advance
