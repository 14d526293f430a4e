"""How a system lets us in: each grant is one class, and `Tokens` keeps what it gave in this process's memory alone."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlencode

from integration.errors import Transient
from integration.settings.model import Secret


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """OAuth 2.0, a refresh token that neither expires nor rotates; HTTP Basic. `user`, `password`, `refresh_token` name credentials."""

    kind: Literal["refresh_token"]
    path: str
    user: str
    password: str
    refresh_token: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def wanted(self) -> tuple[str, ...]:
        return (self.user, self.password, self.refresh_token, *self.headers.values())

    def form(self, credentials: Mapping[str, Secret]) -> bytes:
        return urlencode({"grant_type": "refresh_token", "refresh_token": credentials[self.refresh_token].reveal()}).encode()


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """OAuth 2.0 client credentials; HTTP Basic, or fields of the form with `in_form`. `user` and `password` name credentials."""

    kind: Literal["client_credentials"]
    path: str
    user: str
    password: str
    in_form: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def wanted(self) -> tuple[str, ...]:
        return (self.user, self.password, *self.headers.values())

    def form(self, credentials: Mapping[str, Secret]) -> bytes:
        client = {"client_id": credentials[self.user].reveal(), "client_secret": credentials[self.password].reveal()}
        return urlencode({"grant_type": "client_credentials"} | (client if self.in_form else {})).encode()


@dataclass(frozen=True, slots=True)
class Headers:
    """Nothing but credentials that go along with every request, by the header that carries each; there is no token."""

    kind: Literal["headers"]
    headers: Mapping[str, str]

    @property
    def wanted(self) -> tuple[str, ...]:
        return tuple(self.headers.values())


Grant = RefreshToken | ClientCredentials
"""Ways to a token; their `headers` go along with every request but the token's, by the header that carries each credential."""
Access = Grant | Headers
"""The registry: a new way in is one class more in these lines."""


def of_client(grant: Grant, credentials: Mapping[str, Secret]) -> dict[str, str]:
    """The Authorization header of the token call (RFC 7617), where the client is not named in the form."""
    if isinstance(grant, ClientCredentials) and grant.in_form:
        return {}
    pair = f"{credentials[grant.user].reveal()}:{credentials[grant.password].reveal()}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode("ascii")}


class Tokens:
    """The access token of one connection. One thread renews it while the others wait, whatever number of them met the 401."""

    def __init__(self, fetch: Callable[[float], tuple[str, float]]) -> None:
        """`fetch(seconds)` asks for a token within that time: the token and its lifetime in seconds."""
        self._fetch = fetch
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0

    def current(self, seconds: float, rejected: str = "") -> str:
        """A token that is good as far as we know; `rejected` is one that just met a 401. Raises what `fetch` raises, or Transient."""
        token = self._token
        if token and token != rejected and time.monotonic() < self._renew_at:
            return token
        give_up = time.monotonic() + seconds
        if not self._lock.acquire(timeout=seconds):
            raise Transient("no access token came in time")
        try:
            asked = time.monotonic()
            if not self._token or self._token == rejected or asked >= self._renew_at:
                self._token, lifetime = self._fetch(max(give_up - asked, 0.001))
                # A tenth of its life early, at most half a minute: a token must not expire between here and the server.
                self._renew_at = asked + lifetime - min(30.0, lifetime / 10)
            return self._token
        finally:
            self._lock.release()
