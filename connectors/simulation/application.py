"""The ASGI application: every request in the order of checks that the contracts give, with the fault switches between them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from connectors.simulation.answers import Answer, Flaw, Record, Refusal, Request
from connectors.simulation.contract import Operation
from connectors.simulation.control import PREFIX, control
from connectors.simulation.disguise import loosely_written, with_extra_members, with_other_empties, without_optional
from connectors.simulation.exchange import Exchange, Gone, from_form, from_json
from connectors.simulation.simulator import Options, Simulator

log = logging.getLogger(__name__)

HANG_SECONDS = 30.0
DRIBBLE_SECONDS = 10.0
HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
MOST_CONTRACT_ERRORS = 20


class _Broken(Exception):
    """End the connection without an answer."""

    def __init__(self, reset: bool) -> None:
        self.reset = reset


class Application:
    """Serves one simulator, which `reset` replaces by a new one. `build` makes it in its first state."""

    def __init__(self, build: Callable[[Options], Simulator], options: Options) -> None:
        self.options = options
        self.latency = options.latency_ms / 1000
        self._build = build
        self._life: asyncio.Task[None] | None = None
        self.simulator = build(options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        exchange = Exchange(scope, receive, send)
        try:
            if exchange.path.startswith(PREFIX):
                await exchange.answer(await control(self, exchange), _nothing)
            else:
                await self._serve(exchange)
        except Gone:
            pass

    def reset(self) -> None:
        """As it was when it started: no records, tokens, faults or counts of before."""
        self.latency = self.options.latency_ms / 1000
        self._stop()
        self.simulator = self._build(self.options)
        self._start()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._start()
                await send({"type": "lifespan.startup.complete"})
            else:
                self._stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _start(self) -> None:
        self._life = asyncio.create_task(self.simulator.run())
        self._life.add_done_callback(_report)

    def _stop(self) -> None:
        if self._life is not None:
            self._life.cancel()

    async def _serve(self, exchange: Exchange) -> None:
        simulator = self.simulator
        found = simulator.contract.route(exchange.method, exchange.path)
        operation, in_path = found or (None, {})
        name = operation.id if operation else "unknown"
        release = _nothing
        try:
            if name != "getToken":
                self._authorize(simulator, name, exchange)
                release = simulator.admit(name, writes=exchange.method != "GET")
            simulator.counts.requests[name] += 1
            try:
                answer = await self._answer(simulator, exchange, operation, in_path)
            except BaseException:
                release()
                raise
        except Refusal as refusal:
            # A denial answered as 200 is a quirk: a contract has no such answer, save one that refuses in band.
            answer = replace(simulator.refused(name, refusal), check=refusal.status >= 400 or simulator.invalid_status == 200)
        except _Broken as broken:
            await exchange.close(broken.reset)
            return
        await self._send(simulator, exchange, operation, answer, release)

    def _authorize(self, simulator: Simulator, name: str, exchange: Exchange) -> None:
        faults = simulator.faults
        denied = Refusal(401, simulator.codes["unauthorized"], "Authorization was denied.", headers={"WWW-Authenticate": "Bearer"})
        if faults.strikes("auth-denied-as-200", name):
            denied.status = 200
            raise denied
        if simulator.tokens is not None and faults.strikes("early-token-expiry", name):
            simulator.tokens.revoke(exchange.bearer)
        if not simulator.knows(exchange) or faults.strikes("unauthorized", name):
            raise denied

    async def _answer(self, simulator: Simulator, exchange: Exchange, operation: Operation | None, in_path: Mapping[str, str]) -> Answer:
        content = await exchange.body()
        if self.latency:
            await asyncio.sleep(self.latency)
        if operation is None:
            raise Refusal(404, simulator.codes["not_found"], f"There is no {exchange.method} {exchange.path[:200]}.")
        faults, name, usual = simulator.faults, operation.id, operation.id != "getToken"
        if faults.strikes("reset-before-commit", name, usual):
            raise _Broken(reset=True)
        hang = faults.strikes("hang", name, usual)
        if hang and hang.commit in (False, "late"):
            await asyncio.sleep(HANG_SECONDS if hang.delay is None else hang.delay)
            if hang.commit is False:
                raise Refusal(503, simulator.codes["unavailable"], "Nothing was done.", headers={"Retry-After": str(hang.retry_after)})
        broken = {fault: faults.strikes(fault, name, usual) for fault in ("unavailable", "server-error", "html-5xx")}
        failure = next(((fault, switch) for fault, switch in broken.items() if switch), None)
        if failure is not None and not failure[1].commit:
            return self._failure(simulator, *failure)
        if faults.strikes("refuse", name, operation.writes and usual):
            raise simulator.invalid(Flaw("", "invalid_value", "Refused by a fault switch."))
        answer = self._handle(simulator, exchange, operation, in_path, content)
        if failure is not None:
            return self._failure(simulator, *failure)
        if answer.status < 300 and faults.strikes("drop-after-commit", name, operation.writes and usual):
            raise _Broken(reset=False)
        if hang and hang.commit not in (False, "late"):
            await asyncio.sleep(HANG_SECONDS if hang.delay is None else hang.delay)
        return answer

    def _failure(self, simulator: Simulator, fault: str, switch: Any) -> Answer:
        if fault == "html-5xx":
            return Answer(502, HTML)
        if fault == "server-error":
            return simulator.error(Refusal(500, simulator.codes["internal_error"], "Unexpected failure."))
        wait = {"Retry-After": str(switch.retry_after)}
        return simulator.error(Refusal(503, simulator.codes["unavailable"], "Down for a moment.", headers=wait))

    def _handle(self, simulator: Simulator, exchange: Exchange, operation: Operation, in_path: Mapping[str, str], content: bytes) -> Answer:
        try:
            return simulator.handlers[operation.id](self._request(simulator, exchange, operation, in_path, content))
        except Refusal:
            raise
        except Exception:
            log.exception("%s failed", operation.id)
            self._complain(simulator, f"{operation.id}: failed; its log has the traceback")
            raise Refusal(500, simulator.codes["internal_error"], "Unexpected failure.") from None

    def _request(
        self, simulator: Simulator, exchange: Exchange, operation: Operation, in_path: Mapping[str, str], content: bytes
    ) -> Request:
        """Check the shape of a request: 400, then 404, then 422, where the system has one."""
        if operation.id == "getToken":
            form = from_form(content) if exchange.content_type_is("application/x-www-form-urlencoded") else None
            return Request(operation.id, {}, form, {}, exchange.base_url, exchange.basic)
        query = self._query(simulator, operation, exchange.query)
        body = None
        if operation.body is not None:
            if not exchange.content_type_is("application/json"):
                raise simulator.bad_request("", "Content-Type must be application/json.")
            try:
                body = from_json(content)
            except (ValueError, RecursionError):
                raise simulator.bad_request("", "The body is not JSON.") from None
            if simulator.invalid_status == 400:
                self._check_body(simulator, operation, body)
        record = self._named(simulator, operation, in_path)
        simulator.check_free(operation, record)
        if operation.body is not None and simulator.invalid_status != 400:
            self._check_body(simulator, operation, body)
        return Request(operation.id, query, body, record, exchange.base_url)

    def _query(self, simulator: Simulator, operation: Operation, text: str) -> dict[str, Any]:
        query: dict[str, Any] = {}
        try:
            pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict") if text else []
        except ValueError:
            raise simulator.bad_request("", "The query is not well formed.") from None
        for name, value in pairs:
            if name not in operation.query or name in query:
                raise simulator.bad_request(name[:200], "The parameter is unknown or sent twice.")
            try:
                query[name] = operation.query[name].read(value)
            except ValueError as error:
                raise simulator.bad_request(name, f"Parameter {name}: {error}") from None
        for name, parameter in operation.query.items():
            if "default" in parameter.shape.schema:
                query.setdefault(name, parameter.shape.schema["default"])
        return query

    def _check_body(self, simulator: Simulator, operation: Operation, body: Any) -> None:
        if operation.body is not None and not operation.body.holds(body):
            raise simulator.invalid(*operation.body.flaws(body))

    def _named(self, simulator: Simulator, operation: Operation, in_path: Mapping[str, str]) -> Record:
        if not in_path:
            return {}
        records, noun = simulator.named[operation.path]
        try:
            key = tuple(operation.in_path[name].read(text) for name, text in in_path.items())
            record = records.get(key if len(key) > 1 else key[0])
        except ValueError:
            record = None
        if record is None:
            raise Refusal(404, simulator.codes["not_found"], f"{noun} {'-'.join(in_path.values())[:200]} does not exist.")
        return record

    async def _send(
        self, simulator: Simulator, exchange: Exchange, operation: Operation | None, answer: Answer, release: Callable[[], None]
    ) -> None:
        faults, name = simulator.faults, operation.id if operation else "unknown"
        if answer.status >= 400:
            simulator.counts.refused[str(answer.status)] += 1
        body = answer.body
        if isinstance(body, dict):
            if operation is not None and answer.status < 300 and faults.strikes("nulls-in-optional-fields", name):
                shape = operation.answers.get(str(answer.status))
                body = without_optional(body, shape.schema, faults.random.random) if shape else body
            if operation is not None and answer.status < 300 and faults.strikes("empty-strings", name):
                shape = operation.answers.get(str(answer.status))
                body = with_other_empties(body, shape.schema, faults.random.random) if shape else body
            if faults.strikes("unknown-extra-fields", name):
                body = with_extra_members(body)
        if operation is not None and answer.check and self.options.check_answers:
            complaint = operation.complaint(answer.status, body)
            if complaint:
                self._complain(simulator, complaint)
        dribble = faults.strikes("slow-body", name, name != "getToken")
        seconds = None if dribble is None else DRIBBLE_SECONDS if dribble.delay is None else dribble.delay
        try:
            loosely = loosely_written if faults.strikes("number-formatting", name) else None
            await exchange.answer(replace(answer, body=body), release, seconds, loosely)
        finally:
            release()

    def _complain(self, simulator: Simulator, complaint: str) -> None:
        if len(simulator.counts.contract_errors) < MOST_CONTRACT_ERRORS:
            simulator.counts.contract_errors.append(complaint)


def _nothing() -> None:
    pass


def _report(life: asyncio.Task[None]) -> None:
    if not life.cancelled() and life.exception() is not None:
        log.error("What the simulator does by itself has ended.", exc_info=life.exception())
