"""`integration` whose workers have one rule more, that of chaos/poison.py; all else is as it comes."""

from __future__ import annotations

from commands import processes
from commands.cli import main

processes.APP = "chaos.poison"

if __name__ == "__main__":
    main()
