"""One request and its whole answer within a time that holds, and what can be known of a request that failed.

`requests` builds on `urllib3`; the adapter is used without a `Session`, whose cookies, redirects, proxies of the environment and address
parsing are all unwanted here and cost as much again as the request.
"""

from __future__ import annotations

import ipaddress
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.util import Timeout, Url, parse_url

from connectors.rest import wire
from connectors.rest.wire import Received, Wire, WireTls
from integration.errors import Misconfigured
from integration.settings.model import Connection

HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "order-integration"}

# urllib3 logs whole addresses, whose queries hold e-mail addresses.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """What is sent, to an absolute address of the connection's server."""

    method: str
    address: str
    headers: Mapping[str, str]
    body: bytes | None = None
    media: str = "application/json"


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """A whole answer; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """No answer. `sent` is False only where not a byte of the request can have reached the server; with `given_up` it was we who hung
    up, and the server may still be at work."""

    reason: str
    sent: bool
    given_up: bool = False


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = cast("Any", Wire)

    def urlopen(self, *arguments: Any, **options: Any) -> Any:
        return super().urlopen(*arguments, **{**options, "release_conn": True})  # an answer is whole when it is here


class _TlsPool(urllib3.HTTPSConnectionPool, _Pool):
    ConnectionCls = cast("Any", WireTls)


class _Response(requests.Response):
    """One without the cookies and the history that would cost more than the rest of it."""

    def __init__(self, request: requests.PreparedRequest, received: Received) -> None:
        self.request, self.raw = request, received
        self.status_code, self.headers = received.status, cast("Any", received.headers)


class _Adapter(HTTPAdapter):
    """An adapter of one server: it knows its pool, and does without proxies, cookies and text encodings, which cost as much as the rest."""

    def __init__(self, pool: urllib3.HTTPConnectionPool) -> None:
        super().__init__(max_retries=0)
        self._pool = pool

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> urllib3.HTTPConnectionPool:
        return self._pool

    def request_url(self, request: requests.PreparedRequest, *_: Any) -> str:
        return "/" + str(request.url).split("/", 3)[3]  # absolute, so the path follows the third slash

    def build_response(self, request: requests.PreparedRequest, raw: Any) -> requests.Response:
        return _Response(request, raw)


class Transport:
    """The way to one connection's server, safe for threads and for a fork."""

    def __init__(self, connection: Connection, connect: float, concurrent: int) -> None:
        """`connect` in seconds; `concurrent` is how many connections are kept. Raises Misconfigured for an url that cannot be used."""
        self._url = _server(connection)
        self._headers = {**HEADERS, "Host": str(self._url.netloc)}
        self._tls = self._url.scheme == "https"
        self._verify = connection.verify_tls
        self._connect = connect
        self._concurrent = concurrent
        self._process = 0
        self._adapter: _Adapter | None = None
        if self._tls and not self._verify:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def send(self, message: Message, seconds: float) -> Answer | Broken:
        """One request and its whole answer within that time. Raises nothing of the network."""
        request = self._prepared(message)
        timeout: Any = Timeout(connect=min(self._connect, seconds), total=seconds)
        # Nothing is raised from here: a network error's text holds the address, and with it what was searched for.
        try:
            response = self._server().send(request, stream=True, timeout=timeout, verify=self._verify)
            content = response.raw.read(wire.MAX_BODY + 1, decode_content=True)
        except (requests.RequestException, HTTPError) as fault:
            return _broken(fault)
        if len(content) > wire.MAX_BODY:
            return Broken(f"the answer is larger than {wire.MAX_BODY >> 20} MB", sent=True)
        return Answer(response.status_code, response.headers, content)

    def _server(self) -> _Adapter:
        if self._adapter is None or self._process != os.getpid():  # a forked child must not speak on its parent's sockets
            host = str(self._url.host).strip("[]")
            pool = (_TlsPool if self._tls else _Pool)(host, self._url.port, maxsize=self._concurrent)
            self._adapter, self._process = _Adapter(pool), os.getpid()
        return self._adapter

    def _prepared(self, message: Message) -> requests.PreparedRequest:
        """Put together by hand: addresses are encoded already, and `requests` would look into them once more."""
        headers = {**self._headers, **message.headers}
        if message.body is not None:
            headers |= {"Content-Type": message.media, "Content-Length": str(len(message.body))}
        elif message.method != "GET":
            headers["Content-Length"] = "0"
        request = requests.PreparedRequest()
        request.method, request.url, request.body = message.method, message.address, message.body
        request.headers = cast("Any", headers)
        return request


def _server(connection: Connection) -> Url:
    where = f"connection {connection.name}, url"
    try:
        url = parse_url(connection.url)
    except HTTPError:
        raise Misconfigured("the url cannot be read; write it like https://api.example.com", where=where) from None
    if url.scheme not in {"http", "https"} or not url.host or url.auth or url.query is not None or url.fragment is not None:
        raise Misconfigured("the url must be like https://api.example.com, without user name, query or fragment", where=where)
    if not connection.verify_tls and not _is_loopback(url.host):
        where = f"connection {connection.name}, verify_tls"
        raise Misconfigured(f"verify_tls = false is only allowed for this machine itself, not for {url.host}", where=where)
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _broken(fault: Exception) -> Broken:
    cause = fault.args[0] if fault.args else None
    cause = getattr(cause, "reason", cause)  # what a MaxRetryError is about
    if isinstance(cause, NewConnectionError):
        return Broken(_unreached(cause), sent=False)
    if isinstance(cause, ConnectTimeoutError):
        return Broken("no connection in time", sent=False)
    if isinstance(fault, requests.ReadTimeout):
        return Broken("no answer in time", sent=True, given_up=True)
    return Broken("the connection broke", sent=True)


def _unreached(cause: NewConnectionError) -> str:
    if isinstance(cause, urllib3.exceptions.NameResolutionError):
        return "the server's name is not known"
    origin = cause.__cause__
    if type(origin).__name__ == "SSLCertVerificationError":
        return "the server's certificate cannot be verified"
    return "connection refused" if isinstance(origin, ConnectionRefusedError) else "no connection"
