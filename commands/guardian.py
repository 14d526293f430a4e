"""Ends a supervisor's children when the supervisor itself is killed: a process that waits for the other end of its stdin to close.

The kernel's own way, PR_SET_PDEATHSIG, exists on Linux alone and reaches only direct children: the pool processes of a killed
worker would live on. Here every child leads a process group, and the whole group goes. The arguments name the groups at the
start; stdin holds a line `+<group>` or `-<group>` for each one that begins or ends. The home's lock is inherited too, so that it is
free only when the children are gone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

GRACE_SECONDS = 5.0
"""What is in flight may be handed back; what is not is found again by the sweeper, so this can be short."""


def main() -> None:
    # A terminal or a service manager signals everything at once; this one is still needed then, and ends with its stdin.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups = {int(group) for group in sys.argv[1:]}
    for line in sys.stdin:
        group = int(line[1:])
        (groups.add if line[0] == "+" else groups.discard)(group)
    _signal(groups, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while (groups := _signal(groups, 0)) and time.monotonic() < deadline:
        time.sleep(0.05)
    _signal(groups, signal.SIGKILL)


def _signal(groups: set[int], number: int) -> set[int]:
    """Signals each group; gives those that exist."""
    alive = set()
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
            alive.add(group)
    return alive


if __name__ == "__main__":
    main()
