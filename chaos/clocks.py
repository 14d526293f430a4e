"""A clock that jumps: libfaketime, which Debian packages, shows the installation another time than the simulated systems have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from integration.errors import Misconfigured

LIBRARIES = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib/faketime/libfaketime.so.1", "/usr/local/lib/faketime/libfaketime.so.1")


@dataclass(frozen=True, slots=True)
class Clocks:
    """`environment` is for the processes whose clock jumps; empty where none is to. How long something lasts they see as it is."""

    file: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_faults(cls, faults: Sequence[str], folder: Path) -> Self:
        """Raises Misconfigured where the library is wanted and missing."""
        if "clock" not in faults:
            return cls()
        found = [path for pattern in LIBRARIES for path in sorted(Path("/").glob(pattern.removeprefix("/")))]
        if not found:
            raise Misconfigured("a clock that jumps needs libfaketime: `apt-get install libfaketime` as root, or leave `clock` out.")
        clocks = cls(
            folder / "clock",
            {
                "LD_PRELOAD": str(found[0]),
                "FAKETIME_TIMESTAMP_FILE": str(folder / "clock"),
                "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "DONT_FAKE_MONOTONIC": "1",
                "FAKETIME_DISABLE_SHM": "1",
                "NO_FAKE_STAT": "1",
            },
        )
        clocks.jump(0)
        return clocks

    def jump(self, seconds: int) -> None:
        """So far ahead of the true time, from the next second on."""
        assert self.file
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.replace(self.file)
