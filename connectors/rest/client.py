"""Calls of one connection: token, budget, request, and the one decision that its answer asks for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import backoff

from connectors.rest import auth, outcome, payload
from connectors.rest.definition import Definition
from connectors.rest.observe import Exchange, observe
from connectors.rest.outcome import Outcome
from connectors.rest.transport import Answer, Broken, Message, Transport
from integration.errors import Limited, Misconfigured, Refused, SyncError, Transient, Unauthorized, Unreachable, VersionConflict, Waiting
from integration.ports import Body, Budget
from integration.settings.model import Connection

READ_TRIES = 3
"""A hiccup is over at once or lasts; what lasts is the sweeper's, which waits without holding a worker."""


@dataclass(frozen=True, slots=True)
class Call:
    """One operation. `name` is for people (`order.create`); `sent` are our values that an error text may not repeat.

    `repeatable`: doing it twice does no harm. `absent`: statuses that say "there is none". `refusal`: what a 400 is raised as.
    """

    name: str
    method: str
    address: str = field(repr=False)
    body: Body | None = field(default=None, repr=False)
    sent: Any = field(default=None, repr=False)
    repeatable: bool = True
    absent: tuple[int, ...] = ()
    refusal: type[Refused] = Refused


class Client:
    """Safe for threads. Raises nothing but SyncError."""

    def __init__(self, connection: Connection, definition: Definition, budget: Budget) -> None:
        self.name = connection.name
        self._credentials = connection.credentials
        self._grant = definition.auth
        lacking = [credential for credential in self._grant.wanted if credential not in connection.credentials]
        if lacking:
            where = f"connection {connection.name}, credentials"
            raise Misconfigured(f"{definition.title} needs the credential {lacking[0]!r}", where=where)
        for header, name in self._grant.headers.items():
            value = connection.credentials[name].reveal()
            if not (value.isascii() and value.isprintable()):
                where = f"connection {connection.name}, credentials.{name}"
                raise Misconfigured(f"what goes into the header {header} must be one line of plain letters; set it again", where=where)
        self._url = connection.url.rstrip("/")
        self._errors = definition.errors
        self._times = definition.times
        self._budget = budget
        self._transport = Transport(connection, definition.times.connect, definition.limits.concurrent)
        self._tokens = None if isinstance(self._grant, auth.Headers) else auth.Tokens(partial(self._fetch_token, self._grant))
        retry = backoff.on_exception(
            backoff.expo,
            Transient,
            factor=0.2,
            jitter=backoff.full_jitter,
            max_tries=READ_TRIES,
            max_time=definition.times.total,
            giveup=lambda fault: isinstance(fault, Transient) and fault.retry_after is not None,
            logger=None,
        )
        self._patiently: Callable[[Call], Body | None] = retry(self._once)

    def note(self, body: Body | None, sent: Body) -> str:
        """What the system said beside having done what was `sent`."""
        return self._errors.note(body, sent)

    def call(self, call: Call) -> Body | None:
        """The body of the answer: None where it has none, or where there is no such record."""
        return self._patiently(call) if call.repeatable else self._once(call)

    def renew(self) -> None:
        """Ask for a token now, where there are any; raises Unauthorized or Transient."""
        self._token(self._times.total)

    def _once(self, call: Call) -> Body | None:
        left = self._times.total  # of the network's time; waiting for the budget's turn is not counted
        content = None if call.body is None else payload.encode(call.body)
        rejected = ""
        while True:
            started = time.monotonic()
            token = self._token(left, rejected)
            left -= time.monotonic() - started
            if left <= 0:
                raise Transient(f"{self.name}: no time was left for {call.name} after the token had come")
            writes = call.method != "GET"
            with self._budget.request(writes=writes):
                started = time.monotonic()
                answer = self._send(call.name, Message(call.method, call.address, self._headers(token), content), left)
                left -= time.monotonic() - started
                if isinstance(answer, Broken) and answer.given_up:
                    self._budget.linger(self._times.settle, writes=writes)
            if isinstance(answer, Broken):
                raise self._broken(call.name, answer, writes=not call.repeatable)
            meaning, body = self._judge(call, answer)
            if meaning is Outcome.DONE:
                return cast("Body | None", body)
            if meaning is not Outcome.DENIED or rejected or not token:
                raise self._failure(call, answer, meaning, body)
            rejected = token  # a request that was denied changed nothing, so it may be sent again

    def _token(self, seconds: float, rejected: str = "") -> str:
        return "" if self._tokens is None else self._tokens.current(seconds, rejected)

    def _headers(self, token: str) -> dict[str, str]:
        along = {header: self._credentials[name].reveal() for header, name in self._grant.headers.items()}
        return {**along, "Authorization": f"Bearer {token}"} if token else along

    def _broken(self, name: str, answer: Broken, *, writes: bool) -> Transient:
        said = f"{self.name}: {name}: {answer.reason}"
        return outcome.again(said, writes=writes) if answer.sent else Unreachable(said)

    def _send(self, name: str, message: Message, seconds: float) -> Answer | Broken:
        started = time.monotonic()
        answer = self._transport.send(message, seconds)
        status = answer.status if isinstance(answer, Answer) else None
        observe(Exchange(self.name, name, message.method, status, time.monotonic() - started))
        return answer

    def _judge(self, call: Call, answer: Answer) -> tuple[Outcome, Any]:
        """DONE with an object or None; anything else with whatever could be read."""
        meaning = outcome.of(answer.status)
        try:
            body = payload.decode(answer.body)
        except ValueError:
            return (Outcome.UNKNOWN if meaning is Outcome.DONE else meaning), None
        if meaning is Outcome.DONE:
            if self._errors.is_denied(body):
                return Outcome.DENIED, body
            if self._errors.is_refused(body):
                return Outcome.REFUSED, body
            return (Outcome.DONE if body is None or isinstance(body, dict) else Outcome.UNKNOWN), body
        if answer.status in call.absent and self._errors.is_own(body):
            return Outcome.DONE, None
        return meaning, body

    def _failure(self, call: Call, answer: Answer, meaning: Outcome, body: Any) -> SyncError:
        wait = outcome.retry_after(answer.headers)
        words = self._errors.read(body, call.sent)
        said = f"{self.name}: {call.name} was answered {answer.status}"
        said += (f" {words.code}" if words.code else "") + (f": {words.message}" if words.message else "")
        current = self._errors.record(body)
        if meaning is Outcome.LIMITED and wait is None:
            wait = outcome.DEFAULT_PAUSE
        if wait is not None and meaning is not Outcome.LATER:
            # 429 and 503 alike: whoever asks for a pause gets it from everybody. A lock keeps away from nothing but what is locked.
            self._budget.pause(wait)
        match meaning:
            case Outcome.DENIED if self._tokens is None:
                fault: SyncError = Unauthorized(f"{said}; check {self._references()}")
            case Outcome.DENIED | Outcome.FORBIDDEN:
                fault = Unauthorized(f"{said}; check what {self._references()} may do")
            case Outcome.LIMITED:
                fault = Limited(said, outcome.DEFAULT_PAUSE if wait is None else wait)
            case Outcome.LATER if call.method == "POST":
                fault = Limited(said, outcome.DEFAULT_PAUSE if wait is None else wait)  # no record yet: all that is new waits
            case Outcome.LATER:
                fault = Waiting(said, outcome.DEFAULT_PAUSE if wait is None else wait)
            case Outcome.CONFLICT if current is not None or (words.code and words.code == self._errors.outdated):
                fault = VersionConflict(said, current)
            case Outcome.ABSENT if answer.status in call.absent:
                # A proxy's 404 must not pass for "there is no such record", after which it would be made again.
                fault = Transient(f"{said}, not in the system's own words; check url and base path")
            case Outcome.MOVED:
                fault = Refused(f"{said}; redirects are not followed, so check the connection's url")
            case Outcome.ABSENT | Outcome.CONFLICT | Outcome.REFUSED:
                fault = (call.refusal if answer.status == 400 else Refused)(said, words.fields, words.code)
            case _:
                fault = outcome.again(f"{said}; it is no answer of the contract", writes=not call.repeatable, retry_after=wait)
        return fault

    def _fetch_token(self, grant: auth.Grant, seconds: float) -> tuple[str, float]:
        headers = auth.of_client(grant, self._credentials)
        form = grant.form(self._credentials)
        message = Message("POST", self._url + grant.path, headers, form, media="application/x-www-form-urlencoded")
        answer = self._send("token", message, seconds)
        if isinstance(answer, Broken):
            raise self._broken("token", answer, writes=False)
        if answer.status in {400, 401, 403}:
            raise Unauthorized(f"{self.name}: no access token was given ({answer.status}); check {self._references()}")
        if answer.status != 200:
            raise Transient(f"{self.name}: the token call was answered {answer.status}", outcome.retry_after(answer.headers))
        try:
            granted = payload.decode(answer.body)
            token, lifetime = granted["access_token"], float(granted["expires_in"])
        except (ValueError, TypeError, KeyError, OverflowError):
            token, lifetime = "", 0.0
        if not (isinstance(token, str) and token.isascii() and token.isprintable() and token and lifetime > 0):
            raise Transient(f"{self.name}: the token call was answered without access_token and expires_in")
        return token, lifetime

    def _references(self) -> str:
        wanted: Iterable[str] = self._grant.wanted
        return "the credentials " + ", ".join(f"{name} {self._credentials[name]}" for name in wanted)
