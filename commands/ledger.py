"""Opens the ledger for a command, and says in one sentence where its database does not answer."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from sqlalchemy.exc import InterfaceError, OperationalError

from commands.configuration import complete, incomplete
from commands.exits import Exit
from commands.failure import Failure
from commands.invocation import Invocation
from connectors.wiring import open_house
from integration.ledger import audit
from integration.ledger.database import open_engine
from integration.line.journey import House
from integration.settings import Settings
from integration.suggest import did_you_mean

PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.5


@contextmanager
def opened(invocation: Invocation, *, credentials: bool = False) -> Iterator[House]:
    """The house of one command; with `credentials` all of them must be there, for it speaks to the systems. Raises Misconfigured."""
    settings = complete(invocation) if credentials else incomplete(invocation)[0]
    house: House | None = None
    try:
        house = open_house(settings)
        with audit.acting_as(_user()):
            yield house
    except (OperationalError, InterfaceError) as fault:
        raise Failure(f"the database does not answer ({_words(fault)}); start it or mend DATABASE_URL.", Exit.FAILED) from None
    finally:
        if house is not None:
            house.engine.dispose()


def wait_for_database(url: str, tell: Callable[[str], None], stopped: Callable[[float], bool]) -> None:
    """Until it answers, PATIENCE_SECONDS at most: whoever starts everything at once, as after a power cut, starts the database too.
    `stopped` waits so many seconds, and says whether somebody has had enough; `tell` gets a sentence for a person."""
    engine, deadline, told = open_engine(url), time.monotonic() + PATIENCE_SECONDS, False
    try:
        while time.monotonic() < deadline:
            try:
                with engine.connect():
                    return
            except (OperationalError, InterfaceError) as fault:
                if not told:
                    tell(f"the database does not answer ({_words(fault)}); it is waited for, {PATIENCE_SECONDS:.0f} s at most")
                told = True
            if stopped(LOOK_SECONDS):
                return
    finally:
        engine.dispose()


def _words(fault: OperationalError | InterfaceError) -> str:
    return (str(fault.orig).strip().splitlines() or [type(fault).__name__])[0]


def _user() -> str:
    """Whoever runs this, for the audit trail; a container may have no name for it."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def known_flow(settings: Settings, name: str, param_hint: str) -> str:
    if name not in settings.flows:
        raise click.BadParameter(f"there is no flow `{name}`; {did_you_mean(name, settings.flows)}", param_hint=param_hint)
    return name
