"""`integration health`: whether a part of the house moves, for whoever restarts containers; asks what the supervisor of `up` asks."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import click
import psutil
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from commands.configuration import incomplete
from commands.exits import Exit
from commands.failure import Failure
from commands.invocation import Invocation
from commands.output import console
from integration import liveness
from integration.ledger.database import open_engine
from integration.ledger.pulses import HOST
from integration.settings import Settings

SURE_SECONDS = 15.0
"""Between the look that finds a part stuck and the one that makes sure: a database that was away has come back without pulses."""

FIRST_PROCESS = 1
"""That of the container: what it runs has had no time to move when it is young."""


@click.command()
@click.argument("parts", nargs=-1, required=True, type=click.Choice(liveness.PARTS), metavar="PART…")
@click.pass_obj
def health(invocation: Invocation, parts: tuple[str, ...]) -> None:
    """Say whether these parts move on this host.

    PART is beat, control (polls and sweeps) or a stage: extract, transform, validate, load; a process is asked for all that it serves.
    Ends with 1 where none of them moves and work waits; with 0 where it does, where there is no work, and where the database is away.
    """
    settings = incomplete(invocation)[0]
    engine = open_engine(settings.database_url)
    try:
        reason = _stuck(engine, settings, parts) and _again(engine, settings, parts)
    except SQLAlchemyError:
        console().print("the database does not answer, so nothing can be said")
        return
    finally:
        engine.dispose()
    if reason:
        raise Failure(f"{', '.join(parts)} on {HOST} must be restarted: {reason}.", Exit.FAILED)
    console().print(f"{', '.join(parts)} on {HOST}: nothing is stuck")


def _again(engine: Engine, settings: Settings, parts: tuple[str, ...]) -> str | None:
    time.sleep(SURE_SECONDS)
    return _stuck(engine, settings, parts)


def _stuck(engine: Engine, settings: Settings, parts: tuple[str, ...]) -> str | None:
    began = datetime.fromtimestamp(psutil.Process(FIRST_PROCESS).create_time(), UTC)
    return liveness.stuck(liveness.look(engine, settings.flows), parts, HOST, began)
