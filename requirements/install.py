"""Makes .venv and installs one pinned list with this project into it: `python3 requirements/install.py run|dev`.

Runs before anything is installed, on whatever Python 3 there is, so it imports the standard library alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"

APT_PACKAGE = "python3-venv"
"""Debian keeps the part of Python that makes environments in a package of its own."""


def main(name: str) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - the sentence is for those whose Python is older
        sys.exit(f"Python 3.11 or newer is needed and this is {sys.version.split()[0]}: name another one, such as make PYTHON=python3.12.")
    print("Installing the pinned packages into .venv; the first time takes a minute.", flush=True)
    make_environment()
    pip("install", "--require-hashes", "-r", str(ROOT / "requirements" / f"{name}.txt"))
    pip("install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))


def make_environment() -> None:
    """An environment with a pip that works; one that works already is kept."""
    if works("-m", "pip", "--version"):
        return
    if not can_make_environments():
        install_from_debian()
    if subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=False).returncode:
        sys.exit(f"{sys.executable} cannot make a virtual environment: run `apt-get install {APT_PACKAGE}` and try again.")


def can_make_environments() -> bool:
    return subprocess.run([sys.executable, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL, check=False).returncode == 0


def install_from_debian() -> None:
    """Who may install packages need not be asked to; everybody else is told which one is missing."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.exit(f"{sys.executable} cannot make a virtual environment: run `apt-get install {APT_PACKAGE}` as root and try again.")
    print(f"This Python cannot make a virtual environment yet: installing {APT_PACKAGE} with apt-get.", flush=True)
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    run("apt-get", "update", "--quiet=2")
    run("apt-get", "install", "--quiet=2", "--yes", "--no-install-recommends", APT_PACKAGE)


def works(*arguments: str) -> bool:
    return PYTHON.exists() and subprocess.run([PYTHON, *arguments], capture_output=True, check=False).returncode == 0


def pip(*arguments: str) -> None:
    run(PYTHON, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check", "--no-input")


def run(*command: str | Path) -> None:
    """The tool has said what is wrong when it fails; its exit code is passed on."""
    if code := subprocess.run(command, env={**os.environ, "PYTHONWARNINGS": "ignore"}, check=False).returncode:
        sys.exit(code)


if __name__ == "__main__":
    if sys.argv[1:] not in (["run"], ["dev"]):
        sys.exit("usage: install.py run|dev")
    main(sys.argv[1])
