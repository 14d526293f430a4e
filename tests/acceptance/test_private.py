"""Nothing personal and no secret is in the clear anywhere, after orders, refusals, exceptions, webhooks and dead letters for real."""

from __future__ import annotations

import base64
import json
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from click.testing import CliRunner
from sqlalchemy import create_engine

from commands.cli import cli
from connectors.configured import load_settings
from tests.fixtures.gateway import SECRET, Gateway, keep_secrets, order_event, serving
from tests.fixtures.leaks import files, leaks, of_database, of_redis
from tests.fixtures.line import BACK_FLOWS, ENVIRONMENT, MASTER_KEY, POISON, Service, configure, exported, key, order
from tests.fixtures.processes import running, wait_for
from tests.fixtures.simulators import ROOT, Simulators

PERSON = (
    "Quirinus",
    "Zwetschgenmann",
    "zwetschge-planted.example",
    "4711 Mirabellenweg",
    "Hinterhaus Reneklode",
    "512-555-0187",
    "Pflaumenwerk",
)
SECRETS = [*(value for name, value in ENVIRONMENT.items() if not name.endswith(("_ID", "_KEY"))), MASTER_KEY, SECRET.removeprefix("whsec_")]
TOKEN = re.compile(rb"at-[0-9a-f]{32}")
"""The simulators' access tokens."""


def planted(number: int, sku: str | None = None, **address: Any) -> dict[str, Any]:
    """An order of the planted person."""
    made = order(number)
    person = {"FirstName": "Quirinus", "LastName": "Zwetschgenmann", "Phone": "512-555-0187"}
    made["CustomerInfo"] |= {**person, "Email": f"Quirinus.{number}@zwetschge-planted.example"}
    lines = {"AddressLine1": "4711 Mirabellenweg", "AddressLine2": "Hinterhaus Reneklode", "CompanyName": "Pflaumenwerk"}
    made["ShippingAddress"] |= {**{name: value for name, value in person.items() if name != "Phone"}, **lines, **address}
    if sku is not None:
        made["Items"][0]["SKU"] = sku
    return made


@pytest.fixture
def service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, database_url: str, redis_url: str
) -> Iterator[Service]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    holds = 'holds.unknown_sku = "1s"\nholds.address = "1s"'
    configure(monkeypatch, tmp_path, simulators, database_url, redis_url, port, orders=holds, more=BACK_FLOWS)
    keep_secrets(tmp_path / ".integration", "ca", SECRET)
    with Service(tmp_path) as service:
        yield service


def letters() -> set[str]:
    """The kinds of the open dead letters."""
    told = CliRunner().invoke(cli, ["dead-letters", "list", "--json"])
    assert told.exit_code in {0, 3}, told.output
    return set(re.findall(r'"kind": "(\w[\w ]*)"', told.output))


def answers_of_flower() -> dict[str, bytes]:
    url, user = f"http://127.0.0.1:{load_settings().flower_port}", ("operator", ENVIRONMENT["FLOWER_PASSWORD"])

    def get(path: str) -> bytes:
        return requests.get(url + path, auth=user, timeout=20).content

    wait_for(lambda: get("/api/tasks?limit=1") != b"{}")
    tasks = json.loads(get("/api/tasks"))
    pages = [
        "/api/tasks",
        "/api/task/types",
        "/api/queues/length",
        "/tasks",
        "/broker",
        "/workers?json=1",
        "/metrics",
        "/api/workers?refresh=1",
    ]
    return {f"Flower {path}": get(path) for path in (*pages, *(f"/task/{one}" for one in list(tasks)[:40]))}


def test_nothing_that_was_planted_is_found(
    service: Service, simulators: Simulators, tmp_path: Path, database_url: str, redis_url: str
) -> None:
    good = simulators.channeladvisor.place([planted(number) for number in range(4)])
    simulators.channeladvisor.place([planted(50, "NO-SUCH-THING"), planted(51, POISON)])
    simulators.channeladvisor.place([planted(52, StateOrProvince="Zwetschgenmann"), planted(53) | {"TotalAmount": "1.00"}], check=False)
    simulators.channeladvisor.place([planted(54, PostalCode="Quirinus", Country="Pflaumenwerk")], check=False)
    simulators.tims.faults(
        {"server-error": {"times": 2, "commit": True}, "html-5xx": {"times": 1}, "unauthorized": {"times": 1}, "refuse": {"times": 1}}
    )
    simulators.channeladvisor.faults({"unknown-extra-fields": {"times": 2}})
    with ExitStack() as stack:
        service.worker(app="tests.acceptance.gossip")
        service.beat()
        service.flower()
        gateway: Gateway = stack.enter_context(serving(tmp_path))
        metrics = tmp_path / "metrics.log"
        stack.enter_context(running([sys.executable, "-m", "commands", "metrics", "--port", "0"], metrics, cwd=ROOT))
        said: Any = order_event(key(good[0]))
        said["data"] |= {"Email": "Quirinus@zwetschge-planted.example", "ShippingAddress": good[0]["ShippingAddress"]}
        assert gateway.deliver("ca", said).status_code == 202
        refused = [
            gateway.deliver("ca", said, "msg_2", secret="whsec_bm90IHRoZSBrZXkgb2YgYW55Ym9keSwgYXQgYWxsLi4="),
            gateway.deliver("ca", b'{"Email": "Quirinus@zwetschge-planted.example"', "msg_3"),
            gateway.deliver("Zwetschgenmann", said, "msg_4"),
        ]
        # One good order may have been the one that was refused.
        wait_for(lambda: len(exported(simulators) & {key(one) for one in good}) >= 3)
        wait_for(lambda: {"invalid", "bug"} <= letters(), f"there are only {letters()}")
        found = wait_for(lambda: re.search(r"http://\S+/metrics", metrics.read_text()))
        left = {
            **answers_of_flower(),
            "metrics": requests.get(found[0], timeout=10).content,
            "the gateway's refusals": b"".join(one.content for one in refused),
            **{
                f"integration {name}": CliRunner().invoke(cli, [*name.split(), "--json"]).output.encode()
                for name in ("status", "alerts", "holds list", "dead-letters list", "audit", "connector list")
            },
            **of_redis(redis_url),
        }
        written = files(tmp_path)
    engine = create_engine(database_url)
    left |= of_database(engine) | files(tmp_path) | {f"while it ran, {place}": content for place, content in written.items()}
    assert len(left["table record"]) > 2000, "there was nothing to find"
    assert b"RuntimeError" in left["worker.log"] or b"RuntimeError" in left["table dead_letter"], "the exception was never told"
    assert leaks([*PERSON, *SECRETS], left) == []
    assert [place for place, content in left.items() if TOKEN.search(content)] == []
    # What went through Redis is in its file, also what is no longer in its keys.
    assert leaks([*PERSON, *SECRETS], journal_of_redis(redis_url)) == []

    # The same search finds a leak in each of these places.
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE dead_letter SET reason = 'ask QUIRINUS'")
    with redis.Redis.from_url(redis_url) as client:
        client.rpush("leak", json.dumps({"body": base64.b64encode(b'[["4711 Mirabellenweg"]]').decode()}))
    with (tmp_path / "worker.log").open("a") as log:
        log.write("token=demo-shared-secret\n")
    found_now = leaks([*PERSON, *SECRETS], {**of_redis(redis_url), **of_database(engine), **files(tmp_path)})
    assert {"table dead_letter", "key b'leak'", "worker.log"} <= {one.partition(": ")[0] for one in found_now}
    engine.dispose()
    forget_leak(redis_url)


def forget_leak(url: str) -> None:
    """The server serves other tests too, and its file keeps what was once said."""
    with redis.Redis.from_url(url) as client:
        client.delete("leak")
        client.bgrewriteaof()
        wait_for(lambda: not client.info("persistence")["aof_rewrite_in_progress"], "Valkey did not write its file anew")


def journal_of_redis(url: str) -> dict[str, bytes]:
    with redis.Redis.from_url(url, decode_responses=True) as client:
        folder = client.config_get("dir")["dir"]
    return {place: content for place, content in files(Path(folder)).items() if content}


@pytest.mark.parametrize("word", [*PERSON, *SECRETS])
def test_the_search_finds_each_word_in_each_form(word: str, tmp_path: Path) -> None:
    forms = {
        "plain": f'{{"name": "{word}"}}'.encode(),
        "capitals": f"<{word.upper()}>".encode(),
        "small": word.lower().encode(),
        "escaped": json.dumps({"a": word}).encode(),
        **{f"base64, {shift} on": base64.b64encode(b"x" * shift + word.encode() + b" and more") for shift in range(3)},
        "base64 of capitals": base64.b64encode(word.upper().encode()),
        "hexadecimal": b"\\x" + word.encode().hex().encode(),
        "UTF-16": word.encode("utf-16"),
    }
    for place, content in forms.items():
        (tmp_path / "log").write_bytes(b"before " + content + b" after")
        assert leaks([word], files(tmp_path)), place
    assert leaks([word], {"elsewhere": b"nothing at all"}) == []
