"""Known vulnerabilities of the pinned packages: `python requirements/audit.py`. pip-audit asks a service on the internet; what that did not
answer is no clean bill, and is told as loudly as a finding.

Exit codes: 0 every package was looked up and none is vulnerable, 1 one is, 3 some or all could not be looked up and the others are clean.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LISTS = ("run.txt", "dev.txt")
SECONDS = 300
SERVICES = ("pypi", "osv")
"""They know the same things; the second is asked where the first does not answer."""


def main() -> int:
    found: dict[str, list[dict[str, Any]] | None] = {}
    looked_up: list[dict[str, Any]] = []
    for service in SERVICES:
        found = {name: ask(name, service) for name in LISTS}
        looked_up = [one for packages in found.values() for one in packages or () if "vulns" in one]
        if looked_up:
            break
    vulnerable = sorted({sentence for one in looked_up for sentence in sentences(one)})
    unknown = sorted({str(one["name"]) for packages in found.values() for one in packages or () if "vulns" not in one})
    unasked = [name for name, packages in found.items() if packages is None]
    for sentence in vulnerable:
        print(sentence)
    if vulnerable:
        print(f"VULNERABLE: {len(vulnerable)} findings; look for newer versions with requirements/compile.sh --upgrade.")
        return 1
    if unknown or unasked:
        what = ", ".join([*(f"all of {name}" for name in unasked), *unknown])
        print(f"NOT AUDITED: the service knows nothing of, or cannot be reached for, {what}. Run `make audit` where it can be.")
        return 3
    print(f"{len({str(one['name']) for one in looked_up})} packages were looked up; no vulnerability is known.")
    return 0


def ask(name: str, service: str) -> list[dict[str, Any]] | None:
    """What the service says of each package of a list; None where it does not answer."""
    options = ["--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off", "--vulnerability-service", service]
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(HERE / name), *options]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        packages: list[dict[str, Any]] = json.loads(told.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return None
    return packages


def sentences(package: Mapping[str, Any]) -> Iterable[str]:
    for one in package["vulns"]:
        mended = ", ".join(one.get("fix_versions") or ()) or "no version yet"
        yield f"{package['name']} {package['version']}: {one['id']}, mended in {mended}"


if __name__ == "__main__":
    sys.exit(main())
