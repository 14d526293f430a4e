"""What the global options of one call say; every command receives it by `click.pass_obj`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Invocation:
    """`home` is known once settings were read (see `commands.configuration`)."""

    config: Path | None = None
    debug: bool = False
    home: Path | None = None
