"""`integration` whose workers and beat are those of chaos/worker.py; all else is as it comes."""

from __future__ import annotations

from commands import processes
from commands.cli import main

processes.APP = "chaos.worker"

if __name__ == "__main__":
    main()
