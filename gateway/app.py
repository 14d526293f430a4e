"""The gateway as an ASGI application: a webhook is verified, kept and answered; what it hints at is fetched by others."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.rest import payload
from connectors.rest.observe import Exchange
from connectors.rest.tally import Tally
from connectors.rest.webhooks import Hint, hints
from gateway import openapi
from gateway.bell import Bell
from gateway.intake import Busy, Intake
from gateway.readiness import hindrance
from gateway.subscribers import Subscriber, Subscribers
from gateway.verify import Unsigned, comes_from, verify
from integration import clock
from integration.ledger.calls import WEBHOOK
from integration.ledger.database import read
from integration.settings import Settings

log = structlog.get_logger()

LARGEST = 256 * 1024
"""Bytes of a body; an event is a few thousand."""

BODY_SECONDS = 10.0
"""For a body to come whole; its sender has given up by then."""

LOOK_SECONDS = 5.0
"""For a look into the ledger, by which it answers or does not."""

AGAIN = {"Retry-After": "5"}

T = TypeVar("T")


class TooLarge(Exception):
    pass


class Gateway:
    def __init__(self, settings: Settings, engine: Engine, bell: Bell) -> None:
        self._settings, self._engine, self._bell = settings, engine, bell
        self._subscribers = Subscribers(settings)
        self._intake = Intake(engine)
        self._tally = Tally(engine)

    def app(self) -> Starlette:
        routes = [
            Route("/hooks/{connection}", self.receive, methods=["POST"]),
            Route("/health", self.health),
            Route("/ready", self.ready),
            Route("/openapi.json", self.openapi),
        ]
        return Starlette(routes=routes, lifespan=self._lifespan, exception_handlers={HTTPException: _other, Exception: _unexpected})

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self._intake.start()
        self._bell.start()
        try:
            yield
        finally:
            await run_in_threadpool(self._intake.stop)
            await run_in_threadpool(self._tally.write)

    async def receive(self, request: Request) -> Response:
        subscriber = self._subscribers.get(request.path_params["connection"])
        if subscriber is None:
            return _say(404, "unknown_connection", "There is no such connection, or it is not subscribed.")
        began = time.monotonic()
        answer = await self._receive(subscriber, request)
        taken = Exchange(subscriber.connection.name, WEBHOOK, "POST", answer.status_code, time.monotonic() - began)
        self._tally.count(taken)
        return answer

    async def _receive(self, subscriber: Subscriber, request: Request) -> Response:
        connection = subscriber.connection
        if not comes_from(request.client.host if request.client else None, connection.webhook_networks):
            log.warning("webhook refused", connection=connection.name, reason="it comes from none of the networks that are configured")
            return _say(403, "forbidden_network", "Webhooks of this connection are not taken from this address.")
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _body(request)
            event_id = verify(body, request.headers, connection.webhook_secrets)
        except TooLarge:
            return _say(413, "too_large", f"A body may have {LARGEST} bytes.", {"Connection": "close"})
        except (ClientDisconnect, TimeoutError):
            return _say(408, "incomplete", "The body did not come whole.", {"Connection": "close"})
        except Unsigned as reason:
            log.warning("webhook refused", connection=connection.name, reason=str(reason))
            return _say(401, "unsigned", f"The delivery is not believed: {reason}.")
        found = _hints(subscriber, body)
        if not found:
            # Answered well all the same, or it would come again for a day.
            log.warning("webhook of no use", connection=connection.name, webhook=event_id, size=len(body))
            return Response(status_code=202)
        try:
            await self._intake.keep([_row(connection.name, event_id, hint) for hint in found])
        except Busy:
            return _say(503, "busy", "The database does not answer; send it again.", AGAIN)
        self._bell.pull(connection.name)
        return Response(status_code=202)

    async def health(self, _: Request) -> Response:
        try:
            await _look(self._ask_ledger)
        except (SQLAlchemyError, TimeoutError):
            return _say(503, "no_ledger", "The ledger does not answer.")
        return _say(200, "ok", "The ledger answers.")

    async def ready(self, _: Request) -> Response:
        try:
            why = await _look(lambda: hindrance(self._engine, self._settings))
        except (SQLAlchemyError, TimeoutError):
            return _say(503, "no_ledger", "The ledger does not answer.")
        return _say(503, "stuck", f"Work does not progress: {why}.") if why else _say(200, "ok", "Work progresses.")

    async def openapi(self, _: Request) -> Response:
        return JSONResponse(openapi.document())

    def _ask_ledger(self) -> None:
        with read(self._engine) as connection:
            connection.execute(text("SELECT 1"))


async def _look(ask: Callable[[], T]) -> T:
    return await asyncio.wait_for(run_in_threadpool(ask), LOOK_SECONDS)


async def _body(request: Request) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > LARGEST:
            raise TooLarge
    return bytes(content)


def _hints(subscriber: Subscriber, body: bytes) -> list[Hint]:
    try:
        return hints(subscriber.declared, payload.decode(body))
    except ValueError:  # no JSON
        return []


def _row(connection: str, event_id: str, hint: Hint) -> dict[str, Any]:
    """Nothing of the body but what it is a hint for."""
    return {
        "connection": connection,
        "event_id": event_id,
        "event": hint.event,
        "entity": hint.entity,
        "key": hint.key,
        "changed_at": hint.changed_at,
        "received_at": clock.now(),
    }


async def _other(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    offered = "There are POST /hooks/{connection}, GET /health, GET /ready and GET /openapi.json."
    return _say(status, "wrong_method" if status == 405 else "not_found", offered, headers)


async def _unexpected(_: Request, __: Exception) -> Response:
    return _say(500, "unexpected", "Something unexpected happened; the log says where.")


def _say(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"code": code, "message": message}, status, headers)
