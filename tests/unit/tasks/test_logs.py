"""Every line of a process is JSON, whoever writes it, and an exception tells its place without its text."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import logging, structlog, warnings
from integration import logs
logs.configure()
with structlog.contextvars.bound_contextvars(run=1, batch=2):
    structlog.get_logger("ours").info("stage done", record=3)
    structlog.get_logger("ours").debug("not at this level")
    try:
        try:
            raise ValueError("ana@buyer.example")
        except ValueError as error:
            raise RuntimeError("Ruiz") from error
    except RuntimeError:
        logging.getLogger("theirs").exception("it broke")
warnings.warn("look out")
logging.getLogger("celery.app.trace").info("Task sweep succeeded")
"""


def test_lines_are_json_with_ids_and_without_personal_data() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=30)
    first, broke, warned = (json.loads(line) for line in run.stderr.splitlines())
    assert {name: first[name] for name in ("event", "level", "run", "batch", "record", "logger")} == {
        "event": "stage done",
        "level": "info",
        "run": 1,
        "batch": 2,
        "record": 3,
        "logger": "ours",
    }
    assert first["at"].endswith("Z")
    assert broke["batch"] == 2
    assert broke["exception"] == ["RuntimeError at <string>:12", "ValueError at <string>:10"]
    assert "look out" in warned["event"]
    assert "ana@" not in run.stderr
    assert "Ruiz" not in run.stderr
