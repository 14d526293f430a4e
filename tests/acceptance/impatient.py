"""`integration` whose supervisor judges sooner than the real one, so that a test need not wait for a minute."""

from __future__ import annotations

from datetime import timedelta

from commands.cli import main
from integration import liveness

liveness.SILENT = timedelta(seconds=12)
liveness.WAITS_SECONDS = 4.0

if __name__ == "__main__":
    main()
