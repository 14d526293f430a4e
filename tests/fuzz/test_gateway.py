"""The gateway under whatever may come over HTTP: Schemathesis by its own description, and bytes that are no request at all."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
import uvicorn
from hypothesis import example, given
from hypothesis import strategies as st
from schemathesis.checks import CHECKS
from schemathesis.generation import GenerationMode
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gateway import heads, openapi
from gateway.heads import BoundedHeads
from integration.ledger import tables
from integration.ledger.database import open_engine, read
from tests.fixtures.fuzz import VALUES, fuzz, spoiled
from tests.fixtures.gateway import SECRET, Gateway, keep_secrets, order_event, serving
from tests.fixtures.line import configure
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import ChannelAdvisor, Simulators, Tims

NOWHERE = Simulators(ChannelAdvisor("http://127.0.0.1:1"), Tims("http://127.0.0.1:1"))
REDIS_AWAY = "redis://127.0.0.1:1/0"
CONFORM = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gateway")


@pytest.fixture(scope="module")
def gateway(folder: Path) -> Iterator[Gateway]:
    with pytest.MonkeyPatch.context() as patch:
        configure(patch, folder, NOWHERE, f"sqlite:///{folder / 'ledger.db'}", REDIS_AWAY)
        keep_secrets(folder / ".integration", "ca", SECRET)
        with serving(folder) as made:
            yield made


DESCRIBED = schemathesis.openapi.from_dict(openapi.document())
OPERATIONS = {one.ok().label: one.ok() for one in DESCRIBED.get_all_operations()}


@pytest.mark.parametrize(
    ("label", "mode"),
    [(label, GenerationMode.POSITIVE) for label in sorted(OPERATIONS)] + [("POST /hooks/{connection}", GenerationMode.NEGATIVE)],
    ids=lambda value: getattr(value, "value", value),
)
@fuzz(25)
@given(data=st.data())
def test_it_does_as_it_describes(gateway: Gateway, label: str, mode: GenerationMode, data):
    case = data.draw(OPERATIONS[label].as_strategy(generation_mode=mode))
    answer = case.call(base_url=gateway.url, timeout=20)
    case.validate_response(
        answer, checks=[check for name, check in zip(CHECKS.get_all_names(), CHECKS.get_all(), strict=True) if name in CONFORM]
    )


def test_every_operation_is_tried():
    assert set(OPERATIONS) == {"GET /health", "GET /ready", "GET /openapi.json", "POST /hooks/{connection}"}


@fuzz(60)
@given(event=spoiled([order_event()]) | VALUES, number=st.integers(0, 10**9))
def test_a_signed_body_of_any_shape_is_taken_and_answered_well(gateway: Gateway, event, number: int):
    body = json.dumps(event, default=str).encode()
    assert gateway.deliver("ca", body, f"msg_{number}").status_code == 202


@fuzz(40)
@given(body=st.binary(max_size=200))
@example(b"[" * 200_000)
@example(b"1" * 100_000)
@example(b'{"type": "order.created", "type": "order.updated", "data": {"ChannelAdvisorOrderID": 1e999999}}')
@example(b'{"type": "order.created", "data": {"ChannelAdvisorOrderID": "\\ud800\\u0000"}}')
def test_a_signed_body_of_any_bytes_is_answered(gateway: Gateway, body: bytes):
    assert gateway.deliver("ca", body).status_code in {202, 401}


@fuzz(40)
@given(
    data=st.lists(
        st.binary(max_size=60)
        | st.sampled_from(
            [
                b"POST /hooks/ca HTTP/1.1\r\nHost: x\r\n",
                b"GET /health HTTP/1.1\r\n\r\n",
                b"Content-Length: 5\r\n",
                b"Transfer-Encoding: chunked\r\n",
                b"\r\n",
                b"0\r\n\r\n",
                b"GET /\xff HTTP/1.1\r\n\r\n",
                b"GET ? HTTP/1.1\r\n\r\n",
                b"PRI * HTTP/2.0\r\n\r\n",
                b"Upgrade: websocket\r\nConnection: upgrade\r\n",
                b"Content-Length: -1\r\n",
                b"POST //hooks//ca/../ca%2f..%00 HTTP/1.1\r\n\r\n",
                b"CONNECT a:1 HTTP/1.1\r\n\r\n",
                b"Expect: 100-continue\r\n",
                b"\x16\x03\x01\x02\x00",
            ]
        ),
        max_size=6,
    )
)
def test_bytes_that_are_no_request_do_no_harm(gateway: Gateway, data: list[bytes]):
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as peer:
        try:
            for piece in data:
                peer.sendall(piece)
        except OSError:
            pass  # it has hung up already
    assert gateway.process.poll() is None


def test_after_all_that_it_serves_and_its_log_holds_no_traceback(gateway: Gateway, folder: Path):
    assert gateway.get("/health").status_code == 200
    assert gateway.deliver("ca", order_event(), "last").status_code == 202
    engine = open_engine(f"sqlite:///{folder / 'ledger.db'}")
    with read(engine) as connection:
        assert "last" in connection.execute(select(tables.hint.c.event_id)).scalars().all()
    engine.dispose()
    said = gateway.log.read_text()
    assert "Traceback" not in said
    assert '"exception"' not in said


@pytest.fixture
def patient_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """A server with the gateway's protocol, which waits for a head for a third of a second."""
    monkeypatch.setattr(heads, "HEAD_SECONDS", 0.3)
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("served"), methods=["GET", "POST"])])
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=BoundedHeads, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    yield listener.getsockname()
    server.should_exit = True
    thread.join(10)


def said(peer: socket.socket) -> bytes:
    """The whole answer."""
    answer = b""
    while not answer.endswith(b"served") and (piece := peer.recv(1000)):
        answer += piece
    return answer


def hung_up(peer: socket.socket, seconds: float) -> bool:
    """Whether the server ends the connection, without a word, within that time."""
    peer.settimeout(seconds)
    try:
        return peer.recv(1000) == b""
    except ConnectionError:
        return True


def test_who_sends_no_head_is_hung_up_on(patient_for_a_moment: tuple[str, int]):
    with socket.create_connection(patient_for_a_moment) as silent, socket.create_connection(patient_for_a_moment) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert hung_up(silent, 5)
        assert hung_up(slow, 5)


def test_a_second_request_is_not_waited_for_longer(patient_for_a_moment: tuple[str, int]):
    with socket.create_connection(patient_for_a_moment) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert said(peer).endswith(b"served")
        peer.sendall(b"GET / HTTP/1.1\r\n")
        assert hung_up(peer, 5)


def test_a_slow_body_is_the_applications_own_matter(patient_for_a_moment: tuple[str, int]):
    with socket.create_connection(patient_for_a_moment) as peer:
        peer.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na")
        assert said(peer).endswith(b"served")
        time.sleep(0.5)  # longer than a head may take
        peer.sendall(b"bGET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert said(peer).endswith(b"served")


@pytest.mark.parametrize("flood", [b"X: " + b"y" * 8000 + b"\r\n", b"a: b\r\n" * 1000, b"z" * 8000])
def test_a_flood_of_headers_is_hung_up_on(patient_for_a_moment: tuple[str, int], flood: bytes):
    with socket.create_connection(patient_for_a_moment, timeout=5) as peer:
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 100 * heads.LARGEST_HEAD:
                sent += peer.send(b"GET / HTTP/1.1\r\n" if not sent else flood)
        assert sent < 100 * heads.LARGEST_HEAD, "it takes whatever comes"
