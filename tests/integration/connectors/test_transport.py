"""What is known of a request whose answer did not come, over real sockets; and that no call outlives its time."""

from __future__ import annotations

import datetime
import gzip
import ipaddress
import os
import socket
import ssl
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors import registry
from connectors.rest import RestConnection, transport, wire
from integration.errors import NoAnswer, Transient, Unreachable
from tests.fixtures.connections import CountingBudget, connection
from tests.integration.connectors.conftest import RawServer, both, dribble, drop, reply, reset, send

STORED = b'{"SalesOrderID": "SO-0000001", "Version": 1}'
TIMES = {"connect": 0.5, "total": 0.6, "settle": 0}
LATE = 2.0
"""Seconds after which a call has outlived its total time on the busiest machine."""


def connect(url: str, *, verify_tls: bool = True, budget: CountingBudget | None = None) -> RestConnection:
    return registry.connect(connection("tims", url, {"times": TIMES}, verify_tls=verify_tls), budget or CountingBudget())


def create(tims: RestConnection) -> object:
    return tims.create("order", {"ExternalOrderID": "1"})


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


BROKEN = {
    "dropped": drop,
    "reset": reset,
    "silent": lambda _: None,
    "stuck in its body": reply(STORED[:9], b"201 Created", length=len(STORED)),
    "dribbling its headers": dribble(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n" + b"X-Pad: 1\r\n" * 9),
    "dribbling its body": both(reply(b"", b"201 Created", length=len(STORED)), dribble(STORED)),
    "dribbling a chunk's size": both(send(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"), dribble(b"0" * 99)),
    "broken off in its headers": both(send(b"HTTP/1.1 201 Created\r\nContent-Type: app"), drop),
    "broken off before its headers' end": both(send(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"), drop),
    "of two lengths": reply(STORED, b"201 Created", b"Content-Length: 5"),
    "of no number's length": send(b"HTTP/1.1 201 Created\r\nContent-Length: 4_4\r\n\r\n" + STORED),
    "with a header that is none": reply(STORED, b"201 Created", b"nonsense"),
    "with a line without end": send(b"HTTP/1.1 201 Created\r\nX-Pad: " + b"x" * 70_000),
    "with headers without end": send(b"HTTP/1.1 201 Created\r\n" + b"X-Pad: 1\r\n" * 101),
    "with a status that is none": send(b"HTTP/1.1 OK\r\n\r\n"),
    "no HTTP": both(send(b"220 smtp.example\r\n"), drop),
    "shorter than it said": both(reply(STORED[:9], b"201 Created", length=len(STORED)), drop),
    "wrongly compressed": reply(STORED, b"201 Created", b"Content-Encoding: gzip"),
}


@pytest.mark.parametrize("act", BROKEN.values(), ids=BROKEN)
def test_a_write_without_a_whole_answer_may_have_been_done_and_is_not_repeated(raw_server: RawServer, act):
    raw_server.plays(act)
    tims = connect(raw_server.url)
    started = time.monotonic()
    with pytest.raises(NoAnswer):
        create(tims)
    assert time.monotonic() - started < LATE
    assert raw_server.requests == ["POST /api/v1/sales-orders HTTP/1.1"]


@pytest.mark.parametrize("act", BROKEN.values(), ids=BROKEN)
def test_only_a_server_that_we_hung_up_on_may_still_be_at_work(raw_server: RawServer, act, request):
    raw_server.plays(act)
    budget = CountingBudget()
    with pytest.raises(NoAnswer):
        create(connect(raw_server.url, budget=budget))
    ours = any(word in request.node.name for word in ("silent", "stuck", "dribbling"))
    assert budget.lingering == ([TIMES["settle"]] if ours else [])


@pytest.mark.parametrize("act", BROKEN.values(), ids=BROKEN)
def test_a_read_without_a_whole_answer_is_simply_done_again(raw_server: RawServer, act):
    raw_server.plays(act, reply(STORED))
    tims = connect(raw_server.url)
    try:
        found = tims.get("order", "SO-0000001")
    except NoAnswer:
        pytest.fail("a read has no effect that could be unknown")
    except Transient:  # its time was used up; the next call has its own
        found = tims.get("order", "SO-0000001")
    assert found.key == "SO-0000001"


def test_a_server_that_is_not_there_got_nothing():
    with pytest.raises(Transient, match="connection refused") as fault:
        create(connect(f"http://127.0.0.1:{free_port()}"))
    assert type(fault.value) is Unreachable


def test_a_name_that_is_not_known_got_nothing():
    with pytest.raises(Transient, match="name is not known") as fault:
        create(connect("http://tims.invalid"))
    assert type(fault.value) is Unreachable


def test_nothing_is_sent_when_connecting_took_too_long(raw_server: RawServer, monkeypatch):
    """A name server that answers late does so under no socket's timeout."""
    raw_server.plays(reply(STORED, b"201 Created"))
    tims = connect(raw_server.url)
    tims._client.renew()
    monkeypatch.setattr(wire, "IDLE_SECONDS", 0.0)
    resolve = socket.getaddrinfo

    def late(*arguments, **options):
        time.sleep(TIMES["connect"] + 0.1)
        return resolve(*arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", late)
    with pytest.raises(Transient, match="no connection in time") as fault:
        create(tims)
    assert type(fault.value) is Unreachable
    assert raw_server.requests == []


def test_a_connection_is_kept_and_used_again(raw_server: RawServer):
    raw_server.plays(reply(STORED))
    tims = connect(raw_server.url)
    for _ in range(5):
        tims.get("order", "SO-0000001")
    assert (len(raw_server.requests), raw_server.connections) == (5, 1)


def test_a_connection_that_idled_is_not_used_again(raw_server: RawServer, monkeypatch):
    monkeypatch.setattr(wire, "IDLE_SECONDS", 0.0)
    raw_server.plays(reply(STORED))
    tims = connect(raw_server.url)
    tims.get("order", "SO-0000001")
    tims.get("order", "SO-0000001")
    assert raw_server.connections == 3  # the token's, and one for each read


def test_a_connection_that_the_server_closed_meanwhile_costs_no_write(raw_server: RawServer):
    closed = threading.Event()
    raw_server.plays(both(reply(STORED), both(drop, lambda _: closed.set())), reply(STORED, b"201 Created"))
    tims = connect(raw_server.url)
    tims.get("order", "SO-0000001")
    assert closed.wait(5)
    assert create(tims).key == "SO-0000001"


def test_a_forked_child_opens_its_own_connections(raw_server: RawServer, monkeypatch):
    raw_server.plays(reply(STORED))
    tims = connect(raw_server.url)
    tims.get("order", "SO-0000001")
    monkeypatch.setattr(os, "getpid", lambda: 0)
    tims.get("order", "SO-0000001")
    assert raw_server.connections == 2


def test_an_answer_without_end_is_not_kept(raw_server: RawServer, monkeypatch):
    monkeypatch.setattr(wire, "MAX_BODY", 1024 * 1024)
    body = b'{"SalesOrderID": "SO-0000001", "x": "' + b"x" * 1024 * 1024 + b'"}'
    raw_server.plays(reply(body), reply(gzip.compress(body), b"200 OK", b"Content-Encoding: gzip"))
    tims = connect(raw_server.url)
    for _ in range(2):
        with pytest.raises(Transient, match="larger than 1 MB"):
            tims.get("order", "SO-0000001")


def test_compressed_and_chunked_answers_are_read(raw_server: RawServer):
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%s\r\n0\r\n\r\n" % (len(STORED), STORED)
    raw_server.plays(reply(gzip.compress(STORED), b"200 OK", b"Content-Encoding: gzip"), send(chunked))
    tims = connect(raw_server.url)
    assert [tims.get("order", "SO-0000001").version for _ in range(2)] == [1, 1]
    assert raw_server.connections == 1


def test_headers_may_come_in_any_case_twice_and_folded(raw_server: RawServer):
    head = b"HTTP/1.1 200 OK\r\ncontent-LENGTH: %d\r\nX-Twice: 1\r\nx-twice: 2\r\nX-Folded: one\r\n\ttwo\nX-Empty:\n\n" % len(STORED)
    raw_server.plays(send(head + STORED))
    message = transport.Message("GET", f"{raw_server.url}/x", {"Authorization": "Bearer token"})
    answer = transport.Transport(connection("tims", raw_server.url), 1.0, 1).send(message, 1.0)
    assert isinstance(answer, transport.Answer) and answer.body == STORED
    wanted = {"x-twice": "1, 2", "x-folded": "one two", "x-empty": "", "content-length": str(len(STORED))}
    assert {name: answer.headers[name] for name in wanted} == wanted


def test_what_comes_before_the_answer_is_skipped(raw_server: RawServer):
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"
    raw_server.plays(both(send(early), reply(STORED)))
    assert connect(raw_server.url).get("order", "SO-0000001").version == 1


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(STORED),
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
    ],
)
def test_an_answer_may_be_the_connections_last(raw_server: RawServer, head):
    raw_server.plays(both(send(head + STORED), drop))
    tims = connect(raw_server.url)
    assert [tims.get("order", "SO-0000001").version for _ in range(2)] == [1, 1]
    assert raw_server.connections == 2


def test_what_would_break_out_of_its_line_is_not_sent(raw_server: RawServer):
    raw_server.plays(reply(STORED))
    message = transport.Message("GET", f"{raw_server.url}/x", {"Authorization": "Bearer token\r\nX-Other: 1"})
    with pytest.raises(ValueError, match="control character"):
        transport.Transport(connection("tims", raw_server.url), 1.0, 1).send(message, 1.0)
    assert raw_server.requests == []


def test_proxies_of_the_environment_are_not_asked(raw_server: RawServer, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("NO_PROXY")
    raw_server.plays(reply(STORED))
    assert connect(raw_server.url).get("order", "SO-0000001") is not None


def test_an_address_below_a_path_is_kept(raw_server: RawServer):
    raw_server.plays(reply(STORED))
    connect(f"{raw_server.url}/proxy/").get("order", "SO-0000001")
    assert raw_server.requests == ["GET /proxy/api/v1/sales-orders/SO-0000001 HTTP/1.1"]


@pytest.fixture
def tls_context(tmp_path) -> ssl.SSLContext:
    """A server's side with a certificate for 127.0.0.1 that nobody else signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tims.example")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    plain = serialization.NoEncryption()
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.fixture
def tls_server(raw_server: RawServer, tls_context: ssl.SSLContext) -> RawServer:
    raw_server.wrap = lambda client: tls_context.wrap_socket(client, server_side=True)
    raw_server.url = raw_server.url.replace("http:", "https:")
    return raw_server


def test_a_certificate_that_nobody_vouches_for_ends_it_before_anything_is_sent(tls_server: RawServer):
    tls_server.plays(reply(STORED, b"201 Created"))
    with pytest.raises(Transient, match="certificate cannot be verified") as fault:
        create(connect(tls_server.url))
    assert type(fault.value) is Unreachable
    assert tls_server.requests == []


def test_within_this_machine_a_certificate_may_go_unverified(tls_server: RawServer):
    tls_server.plays(reply(STORED, b"201 Created"), dribble(b"HTTP/1.1 201 Created\r\n" + b"X-Pad: 1\r\n" * 9))
    tims = connect(tls_server.url, verify_tls=False)
    assert create(tims).key == "SO-0000001"
    with pytest.raises(NoAnswer):
        create(tims)


def test_a_handshake_that_never_ends_sent_nothing():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        started = time.monotonic()
        with pytest.raises(Transient, match="no connection in time") as fault:
            create(connect(f"https://127.0.0.1:{mute.getsockname()[1]}"))
    assert type(fault.value) is Unreachable
    assert time.monotonic() - started < LATE
