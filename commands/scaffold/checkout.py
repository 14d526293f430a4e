"""The source tree that a scaffold is written into, and all its files written together or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import connectors
from commands.exits import Exit
from commands.failure import Failure

ROOT = Path(connectors.__file__).parents[1]


def require() -> Path:
    """The root of the checkout that this runs in; a Failure where it runs from an installation."""
    if not all((ROOT / part).exists() for part in ("pyproject.toml", "tests", "mappings", "connectors")):
        raise Failure(
            f"a new system is written into the source, and {ROOT} has none: run this in a checkout, after `make install`.",
            Exit.MISCONFIGURED,
        )
    return ROOT


def write(files: Mapping[Path, str]) -> None:
    """New files and changed ones. A Failure, with nothing left behind, where one cannot be written."""
    before: dict[Path, bytes | None] = {}
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            before[path] = path.read_bytes() if path.exists() else None
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        for path, content in before.items():
            if content is not None:
                path.write_bytes(content)
            else:
                path.unlink(missing_ok=True)
        raise Failure(f"{error.filename} cannot be written ({error.strerror}); nothing was changed.", Exit.FAILED) from None
