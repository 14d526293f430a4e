"""The Celery application: `celery -A tasks.app worker | beat | flower`."""

from __future__ import annotations

import logging
from typing import Any

from celery import Celery
from celery.signals import setup_logging

from integration import logs

app = Celery("integration", config_source="celeryconfig")


@setup_logging.connect
def _log_json(loglevel: int | str = logging.INFO, **_: Any) -> None:
    """Celery asks before it sets up its own logging, and then leaves it. Its default, warnings alone, would hide what a stage has done."""
    level = logging.getLevelNamesMapping()[loglevel] if isinstance(loglevel, str) else loglevel
    logs.configure(min(level, logging.INFO))
