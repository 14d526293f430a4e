"""Exit codes, so that scripts can tell one end from another."""

from __future__ import annotations

from enum import IntEnum

from integration.errors import Conflict, Invalid, Misconfigured, Refused, SyncError, Unauthorized


class Exit(IntEnum):
    DONE = 0
    FAILED = 1
    MISCONFIGURED = 2  # also what Click gives for a wrong flag
    PERSON = 3
    STOPPED = 130  # what shells give for Ctrl-C


MEANING = {
    Exit.DONE: "done",
    Exit.FAILED: "failed; the same command may succeed later",
    Exit.MISCONFIGURED: "a flag, the configuration or a mapping is wrong",
    Exit.PERSON: "a verdict failed, or something needs a person",
    Exit.STOPPED: "stopped by Ctrl-C",
}


def exit_of(error: SyncError) -> Exit:
    """By the decision that the error asks for."""
    if isinstance(error, Misconfigured):
        return Exit.MISCONFIGURED
    return Exit.PERSON if isinstance(error, Unauthorized | Invalid | Refused | Conflict) else Exit.FAILED
