"""The thread that writes outlives whatever fails, and writes nothing whose sender was told to come again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, select

from gateway import intake
from gateway.intake import Busy, Intake
from integration import clock
from integration.ledger import hints, tables
from integration.ledger.database import open_engine, read, write
from integration.ledger.upgrade import upgrade


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = open_engine(database_url)
    upgrade(made)
    yield made
    made.dispose()


def row(event_id: str) -> dict[str, Any]:
    told = {"connection": "ca", "event_id": event_id, "event": "order.created", "entity": "order", "key": "1"}
    return {**told, "changed_at": None, "received_at": clock.now()}


def kept(engine: Engine) -> list[str]:
    with read(engine) as connection:
        return list(connection.execute(select(tables.hint.c.event_id).order_by(tables.hint.c.id)).scalars())


def test_a_transaction_that_fails_is_told_to_its_senders_and_the_next_one_is_kept(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")

    async def scenario() -> None:
        writer = Intake(engine)
        writer.start()
        with monkeypatch.context() as patch:
            patch.setattr(hints, "keep", fail)
            with pytest.raises(Busy):
                await writer.keep([row("1")])
        await writer.keep([row("2"), row("3")])
        await writer.keep([row("3")])
        await asyncio.to_thread(writer.stop)

    asyncio.run(scenario())
    assert kept(engine) == ["2", "3"]


def test_what_comes_while_the_database_is_busy_is_refused_and_does_not_pile_up(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr(intake, "MOST_WAITING", 3)

    async def refused(writer: Intake, event_id: str) -> None:
        with pytest.raises(Busy):
            await writer.keep([row(event_id)])

    async def scenario() -> None:
        writer = Intake(engine)
        writer.start()
        with write(engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("LOCK TABLE hint IN EXCLUSIVE MODE")
            await refused(writer, "being written")
            await asyncio.gather(*(refused(writer, str(number)) for number in range(3)))
            began = time.monotonic()
            await refused(writer, "one too many")
            assert time.monotonic() - began < 0.8, "it is refused at once"
        monkeypatch.setattr(intake, "PATIENCE_SECONDS", 10.0)
        while writer._queue.qsize():  # noqa: ASYNC110 - a thread empties it
            await asyncio.sleep(0.01)
        await writer.keep([row("later")])
        await asyncio.to_thread(writer.stop)

    asyncio.run(scenario())
    assert kept(engine) == ["being written", "later"]
