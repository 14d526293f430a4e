"""Who holds a lease: a process named so that others on the same host can see whether it still lives."""

from __future__ import annotations

import itertools
import os
import socket
from datetime import datetime, timedelta

import psutil
from sqlalchemy import ColumnElement, or_

_HOST = socket.gethostname()
_turns = itertools.count()


def new_owner() -> str:
    """A name for one piece of work of this process: `host/pid/start of the process/turn`."""
    started = psutil.Process().create_time()
    return f"{_HOST}/{os.getpid()}/{started:.2f}/{next(_turns)}"


def host_of(owner: str) -> str:
    return owner.rsplit("/", 3)[0]


def is_dead(owner: str) -> bool:
    """Whether the process behind a name is known to be gone; of another host it cannot be known before the lease ends."""
    host, pid, started, _turn = owner.rsplit("/", 3)
    if host != _HOST:
        return False
    try:
        process = psutil.Process(int(pid))
        return f"{process.create_time():.2f}" != started or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def lives(owner: str) -> bool:
    """Whether the process behind a name is known to be there; it may stand still, or its clock may have been set."""
    return host_of(owner) == _HOST and not is_dead(owner)


def free(owner: ColumnElement[str | None], until: ColumnElement[datetime | None], moment: datetime, dead: list[str]) -> ColumnElement[bool]:
    """The condition under which a row may be taken: nobody's, run out, or of a process that is gone."""
    return or_(owner.is_(None), until < moment, owner.in_(dead))


def until(moment: datetime, seconds: float) -> datetime:
    return moment + timedelta(seconds=seconds)
