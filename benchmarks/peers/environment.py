"""The virtual environment of a peer, made when it is first measured and again when its pinned list has changed."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
WITH_REQUIREMENTS = ("celery", "singer", "dlt", "drt")


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment. Raises RuntimeError where its packages cannot be installed."""
    folder = HERE / peer / ".venv"
    python, pinned, installed = folder / "bin" / "python", HERE / peer / "requirements.txt", folder / "installed.txt"
    if not (installed.exists() and installed.read_text() == pinned.read_text()):
        venv.create(folder, clear=True, with_pip=True)
        options = ["--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes"]
        if subprocess.run([python, "-m", "pip", "install", *options, "-r", pinned], stdout=sys.stderr, check=False).returncode:
            raise RuntimeError(f"the packages of {peer} could not be installed from {pinned}; is there a package index to be reached?")
        installed.write_text(pinned.read_text())
    return python
