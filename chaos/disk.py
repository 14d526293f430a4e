"""A disk of its own for the database, in memory, that can be full for a while."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from integration.errors import Misconfigured

ROOM_MB = 4096

TRIES = 10
MARGIN_KB = 256
"""By how much more room is left at each try, where a file has grown since what is taken was counted."""


class Disk:
    """A tmpfs, mounted at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
        """Leave no room but what is taken."""
        for tried in range(TRIES):
            place = os.statvfs(self.path)
            used_kb = (place.f_blocks - place.f_bfree) * place.f_frsize // 1024
            if self._resize(f"{max(used_kb, 4) + tried * MARGIN_KB}k"):
                return
        raise AssertionError(f"{self.path} grows too fast to be filled")

    def free(self) -> None:
        assert self._resize(f"{ROOM_MB}m")

    def _resize(self, size: str) -> bool:
        done = subprocess.run(["mount", "-o", f"remount,size={size}", self.path], check=False, capture_output=True)
        return done.returncode == 0


@contextlib.contextmanager
def disk(path: Path) -> Iterator[Disk]:
    """Raises Misconfigured where this user may not mount a file system."""
    path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM_MB}m,mode=0755", "chaos", path], check=False, capture_output=True)
    if mounted.returncode:
        raise Misconfigured(
            "a full disk needs a file system of its own, and only root may mount one: run as root, or leave `full-disk` out."
        )
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", path], check=True, capture_output=True)
