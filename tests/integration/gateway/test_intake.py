"""What the gateway answers, and that it answers well only what is kept: over HTTP, with a real process and a real database."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from sqlalchemy import Engine, delete, insert, select, update

from connectors.configured import load_settings
from gateway import openapi
from gateway.app import Gateway as Gatekeeper
from gateway.bell import Bell
from integration import clock
from integration.ledger import batches, budgets, calls, tables
from integration.ledger.database import open_engine, read, write
from integration.ledger.upgrade import upgrade
from tests.fixtures.gateway import NOW, OLD_SECRET, SECRET, Gateway, keep_secrets, order_event, serving
from tests.fixtures.line import BACK_FLOWS, configure
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import ChannelAdvisor, Simulators, Tims

NOWHERE = Simulators(ChannelAdvisor("http://127.0.0.1:1"), Tims("http://127.0.0.1:1"))
NETWORKS = '\n[connections.tims.webhooks]\nnetworks = ["203.0.113.0/24"]\n'
REDIS_AWAY = "redis://127.0.0.1:1/0"


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """SQLite's; where it matters which database it is, each in turn."""
    return str(request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_url"))


on_each_database = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str) -> Path:
    """A configuration whose ca is subscribed, as is tims, from a network that is not ours; Redis is away."""
    configure(monkeypatch, tmp_path, NOWHERE, url, REDIS_AWAY, more=BACK_FLOWS + NETWORKS)
    keep_secrets(tmp_path / ".integration", "ca", SECRET)
    keep_secrets(tmp_path / ".integration", "tims", SECRET)
    return tmp_path


@pytest.fixture
def engine(folder: Path, url: str) -> Iterator[Engine]:
    made = open_engine(url)
    upgrade(made)
    yield made
    made.dispose()


@pytest.fixture
def gateway(folder: Path, engine: Engine) -> Iterator[Gateway]:
    with serving(folder) as made:
        yield made


def kept(engine: Engine) -> list[Any]:
    with read(engine) as connection:
        return list(connection.execute(select(tables.hint).order_by(tables.hint.c.id)).all())


@on_each_database
def test_a_delivery_is_kept_once_with_no_more_than_what_it_hints_at(gateway: Gateway, engine: Engine) -> None:
    event = order_event() | {"secret": "Ana Ruiz"}
    started = time.monotonic()
    assert [gateway.deliver("ca", event).status_code for _ in range(2)] == [202, 202]
    assert time.monotonic() - started < 1, "Redis is away, and the answer has waited for it"
    (hint,) = kept(engine)
    assert (hint.connection, hint.event_id, hint.event, hint.entity, hint.key) == ("ca", "msg_1", "order.created", "order", "5000123456")
    assert clock.text(hint.changed_at) == NOW
    assert hint.taken_at is None
    assert gateway.deliver("ca", event, "msg_2").status_code == 202
    assert len(kept(engine)) == 2
    assert "Ana Ruiz" not in gateway.log.read_text()


def test_what_is_not_believed_is_refused_with_a_sentence_and_kept_nowhere(gateway: Gateway, engine: Engine) -> None:
    event, now = order_event(), time.time()
    answers = {
        "forged": (gateway.deliver("ca", event, secret=OLD_SECRET), 401, "unsigned"),
        "old": (gateway.deliver("ca", event, at=now - 310), 401, "unsigned"),
        "future": (gateway.deliver("ca", event, at=now + 310), 401, "unsigned"),
        "not signed": (gateway.deliver("ca", event, headers={"webhook-signature": None}), 401, "unsigned"),
        "no id": (gateway.deliver("ca", event, headers={"webhook-id": None}), 401, "unsigned"),
        "no timestamp": (gateway.deliver("ca", event, headers={"webhook-timestamp": "soon"}), 401, "unsigned"),
        "odd signature": (gateway.deliver("ca", event, headers={"webhook-signature": b"v1,a,b,\xe9 v1"}), 401, "unsigned"),
        "not UTF-8": (gateway.deliver("ca", b"\xff"), 401, "unsigned"),
        "too large": (gateway.deliver("ca", b"x" * (256 * 1024 + 1)), 413, "too_large"),
        "unknown": (gateway.deliver("cb", event), 404, "unknown_connection"),
        "odd path": (gateway.deliver("%00", event), 404, "unknown_connection"),
        "no such place": (gateway.deliver("ca/x", event), 404, "not_found"),
        "other network": (gateway.deliver("tims", event), 403, "forbidden_network"),
        "no proxy": (gateway.deliver("tims", event, headers={"X-Forwarded-For": "203.0.113.9"}), 403, "forbidden_network"),
        "get": (gateway.get("/hooks/ca"), 405, "wrong_method"),
    }
    for what, (answer, status, code) in answers.items():
        assert (answer.status_code, answer.json()["code"]) == (status, code), what
        assert answer.json()["message"].endswith("."), what
    assert kept(engine) == []
    assert gateway.deliver("ca", event).status_code == 202


def test_what_is_signed_but_of_no_use_is_answered_well_or_it_would_come_for_a_day(gateway: Gateway, engine: Engine) -> None:
    for body in (b"", b"{", b"null", b"[]", b"[" * 100_000, b'{"type": 5}', b'{"type": "order.lost", "data": {}}'):
        assert gateway.deliver("ca", body).status_code == 202, body[:20]
    assert kept(engine) == []
    wait_for(lambda: gateway.log.read_text().count("webhook of no use") == 7)


@on_each_database
def test_a_key_that_is_none_leaves_a_hint_without_it_and_the_next_is_kept(gateway: Gateway, engine: Engine) -> None:
    odd = (None, "a\x00b", "\ud800", {"a": 1}, "x" * 300, 10**300)
    for number, key in enumerate(odd):
        assert gateway.deliver("ca", order_event(key), f"odd_{number}").status_code == 202, number
    assert gateway.deliver("ca", order_event(), "next").status_code == 202
    assert [hint.key for hint in kept(engine)] == [None] * len(odd) + ["5000123456"]


def test_a_new_secret_is_believed_at_once_and_both_while_it_is_rotated(gateway: Gateway, folder: Path) -> None:
    def statuses() -> list[int]:
        return [gateway.deliver("ca", order_event(), secret=secret).status_code for secret in (SECRET, OLD_SECRET)]

    home = folder / ".integration"
    assert statuses() == [202, 401]
    keep_secrets(home, "ca", OLD_SECRET, SECRET)
    assert statuses() == [202, 202]
    keep_secrets(home, "ca", OLD_SECRET)
    assert statuses() == [401, 202]
    whole = (folder / "integration.toml").read_text()
    (folder / "integration.toml").write_text("[connections")
    keep_secrets(home, "ca", SECRET)
    assert statuses() == [401, 202], "settings that cannot be read leave the old ones"
    (folder / "integration.toml").write_text(whole)
    wait_for(lambda: statuses() == [202, 401])
    keep_secrets(home, "ca")
    assert statuses() == [404, 404]


def test_where_a_proxy_is_named_its_word_on_the_sender_is_believed(folder: Path, engine: Engine) -> None:
    with (folder / "integration.toml").open("a") as file:
        file.write('\n[gateway]\nproxies = ["127.0.0.1"]\n')
    with serving(folder) as gateway:
        for told, status in (("203.0.113.9", 202), ("203.0.113.9, 198.51.100.1", 403), ("198.51.100.1, 203.0.113.9", 202), ("x", 403)):
            assert gateway.deliver("tims", order_event(), headers={"X-Forwarded-For": told}).status_code == status, told
        assert gateway.deliver("tims", order_event()).status_code == 403


@on_each_database
def test_many_at_once_are_all_kept_whoever_dies(folder: Path, engine: Engine) -> None:
    """kill -9 in the middle: each that was answered 202 is there."""
    answered: list[str] = []
    with serving(folder) as gateway:

        def send(worker: int) -> None:
            mine = Gateway(gateway.url, gateway.process, gateway.log)
            for number in range(1000):
                event_id = f"msg_{worker}_{number}"
                try:
                    answer = mine.deliver("ca", order_event(number), event_id)
                except OSError:
                    return
                assert answer.status_code == 202
                answered.append(event_id)

        with ThreadPoolExecutor(8) as senders:
            done = [senders.submit(send, worker) for worker in range(8)]
            wait_for(lambda: len(answered) > 100)
            gateway.process.send_signal(signal.SIGKILL)
        for one in done:
            one.result()
    there = {hint.event_id for hint in kept(engine)}
    assert set(answered) <= there
    assert len(there) >= 100


def test_sigterm_answers_what_is_in_hand(gateway: Gateway, engine: Engine) -> None:
    with ThreadPoolExecutor(1) as sender:
        with write(engine) as connection:  # nobody else writes meanwhile, on SQLite; a lock does the same on PostgreSQL
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql("LOCK TABLE hint IN EXCLUSIVE MODE")
            answer = sender.submit(gateway.deliver, "ca", order_event())
            time.sleep(0.3)
            gateway.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            assert not answer.done()
        assert answer.result().status_code == 202
    assert gateway.process.wait(10) == -signal.SIGTERM  # uvicorn ends in order, and then by the signal that it was given
    assert len(kept(engine)) == 1
    counted = [(key.connection, key.operation, key.outcome, some.calls) for key, some in calls.counted(engine)]
    assert counted == [("ca", "webhook", "2xx", 1)], "what is counted is not lost"


@on_each_database
def test_while_the_database_is_busy_the_sender_is_told_to_come_again(gateway: Gateway, engine: Engine) -> None:
    with write(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE hint IN EXCLUSIVE MODE")
        started = time.monotonic()
        answer = gateway.deliver("ca", order_event())
        assert (answer.status_code, answer.headers["Retry-After"], answer.json()["code"]) == (503, "5", "busy")
        assert time.monotonic() - started < 9, "the sender gives up after ten seconds"
    assert gateway.deliver("ca", order_event()).status_code == 202
    assert len(kept(engine)) == 1


def test_a_body_that_does_not_end_is_given_up(folder: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.app.BODY_SECONDS", 0.1)
    served = Gatekeeper(load_settings(), engine, Bell(lambda _: None, {})).app()
    sent: list[MutableMapping[str, Any]] = []
    parts = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def receive() -> MutableMapping[str, Any]:
        return parts.pop() if parts else await asyncio.Future()

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/hooks/ca", "headers": [], "query_string": b"", "client": None}
    asyncio.run(served(scope, receive, send))
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["code"] == "incomplete"


@on_each_database
def test_it_says_how_things_are(gateway: Gateway, engine: Engine) -> None:
    assert (gateway.get("/health").status_code, gateway.get("/ready").status_code) == (200, 200)
    long_ago = clock.instant("2026-01-01T00:00:00Z")
    assert gateway.deliver("ca", order_event()).status_code == 202
    with write(engine) as connection:
        connection.execute(update(tables.hint).values(received_at=long_ago))
    answer = gateway.get("/ready")
    assert answer.status_code == 503
    assert "webhooks of ca wait since 2026-01-01T00:00:00.000Z and nobody takes them" in answer.json()["message"]

    budgets.pause(engine, "ca", 1000.0, "unreachable: away")
    assert gateway.get("/ready").status_code == 200, "it is paused, so nothing can progress"

    with write(engine) as connection:
        connection.execute(delete(tables.budget))
        _, batch_id = batches.start_run(connection, "orders", "tick", "live", {"only_new": False})
    assert gateway.get("/ready").status_code == 200, "the flow is being read, and the hints wait for its next read"
    with write(engine) as connection:
        connection.execute(update(tables.batch).where(tables.batch.c.id == batch_id).values(due_at=long_ago))
    answer = gateway.get("/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "stuck")
    assert "the flow orders has work that is due at extract since 2026-01-01" in answer.json()["message"]
    with write(engine) as connection:
        connection.execute(insert(tables.pulse).values(part="extract", host="elsewhere", at=clock.now()))
    assert gateway.get("/ready").status_code == 200, "the stage moves, and there is much to do"
    assert gateway.get("/health").status_code == 200


def test_the_description_is_good_and_names_every_answer(gateway: Gateway) -> None:
    told = gateway.get("/openapi.json").json()
    assert told == openapi.document()
    OpenAPIV31SpecValidator(told).validate()
    assert set(told["paths"]) == {"/hooks/{connection}", "/health", "/ready", "/openapi.json"}
    assert set(told["paths"]["/hooks/{connection}"]["post"]["responses"]) == {"202", "401", "403", "404", "408", "413", "503"}
