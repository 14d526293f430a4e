"""`python -m commands` is the `integration` command where no script is installed."""

from __future__ import annotations

from commands.cli import main

main()
