"""What becomes of an exception that nobody expected: its place and type are kept, its text is not, for it may hold personal data."""

from __future__ import annotations

import traceback

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError

from integration.errors import SyncError
from integration.ledger.records import Record

log = structlog.get_logger()


def bug(error: BaseException, stage: str, record: Record | None = None) -> SyncError:
    """Raises the error again where it is the database's: one that is away is no record's fault, and the batch comes back later."""
    if isinstance(error, OperationalError | InterfaceError):
        raise error
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}"
    log.error("unexpected", stage=stage, error=type(error).__name__, place=place, record=record.id if record else None)
    return SyncError(f"an error of the program: {type(error).__name__} at {place} in {stage}; report it with this line, then replay")
