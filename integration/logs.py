"""Logs as JSON lines on stderr, ours and those of every library, with the run, batch and record at hand and no personal data."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any

import structlog

QUIET = ("celery.app.trace", "celery.worker.strategy", "celery.beat", "celery.redirected", "kombu", "alembic", "tornado.access")
"""Loggers that tell of every single task, tick or request; what went wrong they still tell."""


def configure(level: int = logging.INFO) -> None:
    """Make every log line of this process one JSON object; safe to call again."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        places,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),  # each request is told at a level that is rarely wanted
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer(ensure_ascii=False)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def places(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """In place of a traceback the type and place of each exception: its text, and the lines of code, may hold what was being handled."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    links = []
    while isinstance(error, BaseException):
        frames = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
        links.append(f"{type(error).__name__} at {' < '.join(reversed(frames)) or 'no place'}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return {**event, "exception": links} if links else event
