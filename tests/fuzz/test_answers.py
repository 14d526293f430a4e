"""What a server may answer, of its own making or a hostile one's: read, or refused by its decision; no traceback, no record lost."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import re
import socket
import threading
import tracemalloc
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors import registry
from connectors.registry import SYSTEMS
from connectors.rest import outcome, payload, webhooks
from connectors.rest.client import Call
from connectors.rest.definition import load
from connectors.rest.transport import Answer
from connectors.rest.wire import MAX_BODY, _Parsed
from integration.errors import Invalid, Refused, SyncError, Transient
from integration.ports import PageRequest
from integration.settings.model import Connection, Secret
from tests.fixtures.connections import CountingBudget, connection
from tests.fixtures.fuzz import ODD_TEXTS, VALUES, floats, fuzz, spoiled

URL = "https://own.example"
DEFINITIONS = {name: load(system.connector_file, {}, "web") for name, system in SYSTEMS.items()}


def _at(place: str, value: Any) -> dict[str, Any]:
    """`{"error": {"code": value}}` for `error.code`."""
    for member in reversed(place.split(".")):
        value = {member: value}
    return dict(value)


def _page(definition: Any) -> dict[str, Any]:
    """A page of orders, one of which is told as in the contract."""
    order, paging = definition.entities["order"], definition.paging
    record = {str(order.key): "S-1", str(order.changed): "2026-03-02T14:05:09Z", "Version": 1, "Total": Decimal("19.90"), "Lines": [{}]}
    return {paging.items: [record, {**record, order.key: 5}], getattr(paging, "next", "next"): f"{URL}/v1/orders?skip=1"}


def _refusal(definition: Any) -> dict[str, Any]:
    """One with an address and a number in its words, wherever the system has them."""
    errors, said = definition.errors, "ana@buyer.example, +1 512 555 0100"
    fault = {getattr(errors, "field", "field"): "Lines[0].Sku", getattr(errors, "text", "text"): said}
    values = {"code": "TAKEN", "message": said, "details": [fault], "result": "Failed", "text": said}
    whole: dict[str, Any] = {}
    for name, value in values.items():
        place = getattr(errors, name, None)
        for member, inner in _at(place, value).items() if isinstance(place, str) else ():
            whole[member] = {**whole[member], **inner} if isinstance(inner, dict) and isinstance(whole.get(member), dict) else inner
    return whole


PAGES = [
    *map(_page, DEFINITIONS.values()),
    *map(_refusal, DEFINITIONS.values()),
    *(_page(one)[one.paging.items][0] for one in DEFINITIONS.values()),
    {"access_token": "t", "expires_in": 3600},
]
BYTES = st.one_of(
    st.binary(max_size=200),
    spoiled(PAGES).map(lambda value: json.dumps(value, default=str).encode()),
    st.sampled_from(
        [
            b"",
            b"null",
            b"[" * 100_000,
            b"{" * 5,
            b"1" * 10_000,
            b'{"a": NaN}',
            b'{"a":1e999999999999}',
            b'"\\ud800"',
            b"\xff\xfe",
            b'{"a":1,"a":2}',
            b"<html>",
            b'{"a": -Infinity}',
            b'["\\u0000"]',
            b"\xef\xbb\xbf{}",
        ]
    ),
)


@fuzz(150)
@given(content=BYTES)
def test_json_is_read_without_floats_or_refused(content: bytes):
    try:
        body = payload.decode(content)
    except ValueError:
        return
    assert not floats(body)
    text = json.dumps(body, default=str, ensure_ascii=False)
    assert "\x00" not in text.encode("utf-8").decode(), "no database keeps NUL"
    if isinstance(body, dict):
        with contextlib.suppress(Invalid):
            payload.encode(body)


@pytest.fixture(scope="module", params=sorted(SYSTEMS))
def rest(request: pytest.FixtureRequest) -> Any:
    """A connection whose server answers with `rest.answers`, by turns, and for ever with the last."""
    credentials = {name: Secret(f"env:{name.upper()}", "words") for name in SYSTEMS[request.param].credentials}
    made = registry.connect(Connection("web", request.param, URL, credentials), CountingBudget())
    client: Any = made._client
    sent: list[Any] = []
    answers: list[Answer] = []

    def send(message, seconds):
        sent.append(message)
        if len(sent) > 20:
            raise AssertionError("it asks for ever")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    client._transport = SimpleNamespace(send=send)
    client._patiently = client._once
    client._tokens = None
    return SimpleNamespace(connection=made, client=client, sent=sent, answers=answers)


ANSWERS = st.lists(
    st.tuples(
        st.sampled_from([200, 200, 200, 201, 204, 302, 400, 401, 404, 409, 423, 429, 500, 503, 999]),
        BYTES,
        st.one_of(ODD_TEXTS, st.text(max_size=20)),
    ).map(lambda parts: Answer(parts[0], {"retry-after": parts[2], "location": "https://evil.example/"}, parts[1])),
    min_size=1,
    max_size=2,
)


@fuzz(60)
@given(answers=ANSWERS, key=st.text(min_size=1, max_size=20) | ODD_TEXTS)
def test_every_operation_ends_in_a_result_or_a_decision(rest, answers, key: str):
    made = rest.connection
    operations = [
        lambda: made.fetch_page("order", PageRequest(size=5)),
        lambda: made.fetch_one("order", key),
        lambda: made.find("customer", key) if made.finds("customer") else None,
        lambda: made.item(key),
        lambda: made.available(key),
        lambda: made.create("order", {"a": key}),
        lambda: made.update("order", key, {"a": key}, 1),
        lambda: made.credit(key),
        lambda: made.set_levels([{"Sku": key, "SKU": key, "sku": key}]),
        lambda: list(made.subscriptions.list()),
        lambda: rest.client._fetch_token(rest.client._grant, 1.0) if hasattr(rest.client._grant, "path") else None,
    ]
    for place, operation in enumerate(operations):
        rest.sent.clear()
        rest.answers[:] = list(answers)
        try:
            result = operation()
        except SyncError as error:
            assert len(error.message) < 1500
            assert "ana@buyer.example" not in str(error)
            assert "555 0100" not in str(error)
        else:
            assert not floats(getattr(result, "body", None))
        assert rest.sent or place > 0, "the page was not asked for"
        for message in rest.sent:
            assert urlsplit(message.address).netloc == "own.example", "our token goes nowhere else"
            assert message.address.isascii()
            assert message.address.isprintable()


@fuzz(100)
@given(raws=st.lists(spoiled(_page(DEFINITIONS["channeladvisor"])["value"]), max_size=5))
@example(raws=[{"ChannelAdvisorOrderID": "x" * 201, "UpdatedDate": "2026-03-02T14:05:09Z"}])
@example(raws=[{"ChannelAdvisorOrderID": 1, "UpdatedDate": "0001-01-01T00:00:00+14:00"}])
@example(raws=[{"ChannelAdvisorOrderID": True, "UpdatedDate": "0001-01-01T00:00:00Z"}])
def test_no_object_of_a_page_is_lost(raws: list[Any]):
    made: Any = registry.connect(connection("channeladvisor", URL), CountingBudget())
    made._client.call = lambda call: {made._definition.paging.items: raws}
    page = made.fetch_page("order", PageRequest())
    assert len(page.records) + len(page.unreadable) == len(raws)
    for record in page.records:
        assert 0 < len(record.key) <= 200
        assert len(record.version) == 24


LINKS = st.one_of(
    st.sampled_from(
        [
            "//evil.example/x",
            "https://evil.example/x?y=1",
            "https://own.example@evil.example/x",
            "/x\r\nX-Evil: 1",
            "/é",
            "/\x00",
            "\\\\evil\\x",
            "https://[::1/x",
            "javascript:alert(1)",
            "http://own.example:80:80/",
            "/../../x",
            "https://own.example//evil.example/x",
            "?x",
            "",
        ]
    ),
    st.text(max_size=30),
)


@fuzz(150)
@given(link=LINKS)
def test_a_link_leads_to_our_server_alone(link: str):
    paging: Any = DEFINITIONS["channeladvisor"].paging
    try:
        token = paging.token({paging.next: link, paging.items: []}, URL)
        address = paging.address(f"{URL}/v1/orders", {}, 5, token)
    except (Refused, Transient):
        return
    assert urlsplit(address).netloc == "own.example"
    assert address.isascii()
    assert address.isprintable()
    assert " " not in address


@fuzz(150)
@given(
    pieces=st.lists(
        st.binary(max_size=60)
        | st.sampled_from(
            [
                b"HTTP/1.1 200 OK\r\n",
                b"Content-Length: 5\r\n",
                b"\r\n",
                b"A: b\r\n",
                b"Transfer-Encoding: chunked\r\n",
                b"ffffffffffffffff\r\n",
                b"Content-Length: 99999999999999999999\r\n",
                b"HTTP/1.1 100 Continue\r\n\r\n",
                b"A" * 70000,
                b"Content-Encoding: gzip\r\n",
            ]
        ),
        max_size=8,
    )
)
def test_bytes_on_the_wire_are_an_answer_or_none(pieces: list[bytes]):
    parsed = _Parsed(MAX_BODY)
    try:
        for piece in [*(one for one in pieces if one), b""]:
            if parsed.whole:
                break
            parsed.take(piece)
    except (http.client.HTTPException, OSError):
        return
    assert parsed.received().status >= 200


@fuzz(150)
@given(
    text=st.text(max_size=40)
    | ODD_TEXTS
    | st.from_regex(r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{1,6} \d\d?:\d\d:\d\d [+-]?\w{1,4}", fullmatch=True)
)
def test_any_retry_after(text: str):
    seconds = outcome.retry_after({"retry-after": text})
    assert seconds is None or 0 <= seconds <= outcome.LONGEST_PAUSE


@fuzz(100)
@given(
    system=st.sampled_from(sorted(SYSTEMS)),
    body=spoiled(
        [
            {
                "type": "order.created",
                "timestamp": "2026-03-02T14:05:09Z",
                "data": {"ChannelAdvisorOrderID": 5, "UpdatedDate": "2026-03-02T14:05:09Z"},
            },
        ]
    ),
)
def test_any_event_is_a_hint_or_none(system: str, body: Any):
    declared = DEFINITIONS[system].webhooks
    for hint in webhooks.hints(declared, body) if declared is not None else []:
        assert hint.key is None or (0 < len(hint.key) <= 200 and hint.key.isprintable())


SAID = st.text(st.sampled_from("ab@. 0123456789()-+,;é\n\x1b"), max_size=2000)


@pytest.mark.timeout(20)
@fuzz(60)
@given(said=SAID, sent=VALUES)
@example(said="1" * 100_000, sent=None)
@example(said="1 " * 50_000, sent=None)
@example(said="a@" * 50_000, sent=["a"] * 1000)
@example(said="a." * 50_000, sent={"x": "a" * 10_000})
def test_what_a_system_says_is_redacted_in_bounded_time(said: str, sent: Any):
    definition = DEFINITIONS["tims"]
    words = definition.errors.read({"error": {"code": said, "message": said}, "code": said, "message": said}, sent)
    assert len(words.message) <= 500
    assert "\n" not in words.message
    assert not re.search(r"[a-z]@[a-z]", words.message)


def test_a_bomb_of_zeros_is_given_up_while_it_is_unpacked(server_of_bytes) -> None:
    """A gigabyte that was packed into a megabyte is never in memory."""
    packed = gzip.compress(bytes(64 * 1024 * 1024), 9)
    url = server_of_bytes(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)
    made: Any = registry.connect(connection("channeladvisor", url), CountingBudget())
    made._client._tokens = None
    made._client._patiently = made._client._once
    tracemalloc.start()
    with pytest.raises(Transient, match="larger than 20 MB"):
        made._client.call(Call("order.list", "GET", f"{url}/x"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * MAX_BODY


@pytest.fixture
def server_of_bytes():
    """A server that answers whatever it is asked with these bytes."""
    sockets: list[socket.socket] = []

    def start(answer: bytes) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        sockets.append(listener)

        def serve() -> None:
            with listener.accept()[0] as peer:
                peer.recv(65536)
                peer.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for one in sockets:
        one.close()
