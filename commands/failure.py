"""How a failure ends a command: one clear sentence with what to do and an exit code, never a traceback."""

from __future__ import annotations

import errno
import tempfile
import traceback
from pathlib import Path
from typing import IO, Any

import click

from commands.exits import Exit, exit_of
from commands.invocation import Invocation
from commands.output import console, printable
from integration import clock, private_file
from integration.errors import SyncError


class Failure(click.ClickException):
    def __init__(self, message: str, exit_code: Exit) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # Click declares it for the class and reads it from the instance

    def show(self, file: IO[Any] | None = None) -> None:  # failures always go to stderr
        lines = self.message.split("\n")
        screen = console(stderr=True)
        screen.print("Error:", style="bold red", end="\n" if len(lines) > 1 else " ")
        for line in lines:
            screen.print(printable(line))


class Group(click.Group):
    """A group in which every exception of a command becomes a Failure."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            raise Failure("stopped.", Exit.STOPPED) from None
        except SyncError as error:
            if _debug(ctx):
                raise
            raise Failure("\n".join([error.message, *(f"  {fault}" for fault in error.fields)]), exit_of(error)) from None
        except (click.ClickException, click.exceptions.Exit):
            raise
        except Exception as error:
            closed = isinstance(error, OSError) and error.errno == errno.EPIPE  # whoever read our output has left; Click knows
            if closed or _debug(ctx):
                raise
            raise Failure(_unexpected(error, ctx.obj), Exit.FAILED) from None


def _debug(ctx: click.Context) -> bool:
    return isinstance(ctx.obj, Invocation) and ctx.obj.debug


def _unexpected(error: Exception, invocation: Invocation | None) -> str:
    """Keeps the stack without the exceptions' texts, which may hold personal data; gives the sentence for the screen."""
    home = invocation.home if invocation else None
    path = (home / "logs" if home else Path(tempfile.gettempdir())) / f"unexpected-{clock.now():%Y%m%dT%H%M%S%f}.log"
    stacks = []
    link: BaseException | None = error
    while link:
        stacks.append(f"{type(link).__qualname__}\n{''.join(traceback.format_tb(link.__traceback__))}")
        link = link.__cause__ or link.__context__
    frame = traceback.extract_tb(error.__traceback__)[-1]
    sentence = f"unexpected: {type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
    try:
        private_file.create(path, "\nwhile handling\n".join(stacks).encode())
    except OSError:
        return f"{sentence}; run it again with --debug for the details."
    return f"{sentence}; the details are in {path}, or run it again with --debug."
