"""The audit tells a clean bill from a service that did not answer."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from types import ModuleType

import pytest

from tests.fixtures.simulators import ROOT

CLEAN = {"name": "good", "version": "1", "vulns": []}
BAD = {"name": "bad", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}
UNKNOWN = {"name": "odd", "skip_reason": "Dependency not found"}


@pytest.fixture
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / "requirements" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("packages", "code", "words"),
    [
        ([CLEAN], 0, "1 packages were looked up; no vulnerability is known."),
        ([CLEAN, BAD], 1, "bad 2: CVE-1, mended in 3\nVULNERABLE: 1 findings"),
        ([BAD, UNKNOWN], 1, "VULNERABLE"),
        ([CLEAN, UNKNOWN], 3, "NOT AUDITED: the service knows nothing of, or cannot be reached for, odd."),
        ([UNKNOWN], 3, "NOT AUDITED"),
        (None, 3, "NOT AUDITED: the service knows nothing of, or cannot be reached for, all of run.txt, all of dev.txt."),
    ],
)
def test_only_what_was_looked_up_is_clean(
    audit: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    packages: list[object] | None,
    code: int,
    words: str,
) -> None:
    def answer(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, stdout="" if packages is None else json.dumps({"dependencies": packages}))

    monkeypatch.setattr(subprocess, "run", answer)
    assert audit.main() == code
    assert words in capsys.readouterr().out
