"""Access tokens: OAuth 2.0 client credentials, by Basic authentication or in the form, with a refresh token where the system has one."""

from __future__ import annotations

import hmac
import secrets
import time

from connectors.simulation.answers import Answer, Request


class Tokens:
    """Grants of the one client that a simulator knows; earlier tokens stay valid until they expire."""

    def __init__(
        self, client: tuple[str, str], token_type: str, seconds: int, refresh_token: str | None = None, *, in_form: bool = False
    ) -> None:
        """`in_form`: the client's name and secret are fields of the form."""
        self._client = client
        self._in_form = in_form
        self._refresh_token = refresh_token
        self._grant_type = "refresh_token" if refresh_token else "client_credentials"
        self._token_type = token_type
        self._seconds = seconds
        self._expiry: dict[str, float] = {}

    def grant(self, request: Request) -> Answer:
        """Answer the token call; its errors have the shape of OAuth 2.0 in every system."""
        form = request.body
        in_form = {"client_id", "client_secret"} if self._in_form else set()
        sent = request.basic or ("", "")
        if self._in_form:
            if form is None or not in_form <= set(form):
                return _error(400, "invalid_request", "client_id and client_secret belong into the form.")
            sent = form["client_id"], form["client_secret"]
        if not all(hmac.compare_digest(a.encode(), b.encode()) for a, b in zip(sent, self._client, strict=True)):
            return _error(401, "invalid_client", "Unknown client or wrong secret.", {} if in_form else {"WWW-Authenticate": "Basic"})
        wanted = {"grant_type"} | in_form | ({"refresh_token"} if self._refresh_token else set())
        if form is None or "grant_type" not in form or set(form) - wanted:
            return _error(400, "invalid_request", f"The form must hold exactly {' and '.join(sorted(wanted))}.")
        if form["grant_type"] != self._grant_type:
            return _error(400, "unsupported_grant_type", f"The only grant is {self._grant_type}.")
        if set(form) != wanted:
            return _error(400, "invalid_request", "refresh_token is missing.")
        if self._refresh_token and not hmac.compare_digest(form["refresh_token"].encode(), self._refresh_token.encode()):
            return _error(400, "invalid_grant", "Unknown refresh token.")
        now = time.monotonic()
        self._expiry = {token: expiry for token, expiry in self._expiry.items() if expiry > now}
        token = "at-" + secrets.token_hex(16)
        self._expiry[token] = now + self._seconds
        return Answer(200, {"access_token": token, "token_type": self._token_type, "expires_in": self._seconds})

    def valid(self, token: str) -> bool:
        return self._expiry.get(token, 0) > time.monotonic()

    def revoke(self, token: str) -> None:
        self._expiry.pop(token, None)


def _error(status: int, error: str, description: str, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, {"error": error, "error_description": description}, headers or {})
