"""`make fuzz`: the fuzzing with many examples, other ones in each round, until the time is over or something is found."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = 300
"""Of each test and round; a round takes some minutes."""
SLOWEST, LONGEST = 900, 3600
"""Seconds that one test, and one round, may take with so many."""


def main(minutes: float) -> int:
    began, round_number = time.monotonic(), 0
    while (passed := time.monotonic() - began) < minutes * 60:
        round_number += 1
        seed = random.randrange(2**32)
        print(f"{passed / 60:.0f} of {minutes:g} min: round {round_number}, {EXAMPLES} examples of each test, seed {seed}", flush=True)
        command = [sys.executable, "-m", "pytest", "tests/fuzz", "-q", "-x", "--hypothesis-seed", str(seed), "--timeout", str(SLOWEST)]
        limits = ["-o", f"session_timeout={LONGEST}", "-p", "no:cacheprovider"]
        ended = subprocess.run([*command, *limits], cwd=ROOT, env={**os.environ, "FUZZ_EXAMPLES": str(EXAMPLES)}, check=False)
        if ended.returncode:
            print(f"Found something: keep it as an @example, and mend its cause. Again: FUZZ_EXAMPLES={EXAMPLES} {' '.join(command[2:])}")
            return 1
    print(f"{round_number} rounds found nothing.")
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 10))
