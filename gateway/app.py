"""The gateway as an ASGI application: a webhook is verified, kept and answered; what it hints at is fetched by others."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.registry import definition
from connectors.rest.webhooks import Hint, hints
from gateway import openapi
from gateway.bell import Bell
from gateway.intake import Busy, Intake
from gateway.readiness import hindrance
from gateway.subscribers import Subscribers
from gateway.verify import Unsigned, comes_from, verify
from integration import clock
from integration.ledger.database import read
from integration.settings import Settings
from integration.settings.model import Connection

log = structlog.get_logger()

LARGEST = 256 * 1024
"""Bytes of a body; an event is a few thousand."""


class TooLarge(Exception):
    pass


class Gateway:
    def __init__(self, settings: Settings, engine: Engine, bell: Bell) -> None:
        self._settings, self._engine, self._bell = settings, engine, bell
        self._subscribers = Subscribers(settings)
        self._intake = Intake(engine)

    def app(self) -> Starlette:
        routes = [
            Route("/hooks/{connection}", self.receive, methods=["POST"]),
            Route("/health", self.health),
            Route("/ready", self.ready),
            Route("/openapi.json", self.openapi),
        ]
        return Starlette(routes=routes, lifespan=self._lifespan, exception_handlers={404: _absent, 405: _absent})

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self._intake.start()
        try:
            yield
        finally:
            await run_in_threadpool(self._intake.stop)

    async def receive(self, request: Request) -> Response:
        connection = self._subscribers.get(request.path_params["connection"])
        if connection is None:
            return _say(404, "unknown_connection", "There is no such connection, or it is not subscribed.")
        if not comes_from(request.client.host if request.client else None, connection.webhook_networks):
            return _say(403, "forbidden_network", "Webhooks of this connection are not taken from this address.")
        try:
            body = await _body(request)
            event_id = verify(body, request.headers, connection.webhook_secrets)
        except TooLarge:
            return _say(413, "too_large", f"A body may have {LARGEST} bytes.")
        except ClientDisconnect:
            return _say(400, "incomplete", "The body did not come whole.")
        except Unsigned as reason:
            log.warning("webhook refused", connection=connection.name, reason=str(reason))
            return _say(401, "unsigned", f"The delivery is not believed: {reason}.")
        found = _hints(connection, body)
        if not found:
            # Answered well all the same, or it would come again for a day.
            log.warning("webhook of no use", connection=connection.name, event=event_id, bytes=len(body))
            return Response(status_code=202)
        try:
            await self._intake.keep([_row(connection, event_id, hint) for hint in found])
        except Busy:
            return _say(503, "busy", "The database does not answer; send it again.", {"Retry-After": "5"})
        self._bell.pull(connection.name)
        return Response(status_code=202)

    async def health(self, _: Request) -> Response:
        try:
            await run_in_threadpool(self._ask_ledger)
        except SQLAlchemyError:
            return _say(503, "no_ledger", "The ledger does not answer.")
        return _say(200, "ok", "The ledger answers.")

    async def ready(self, _: Request) -> Response:
        try:
            why = await run_in_threadpool(hindrance, self._engine, self._settings)
        except SQLAlchemyError:
            return _say(503, "no_ledger", "The ledger does not answer.")
        return _say(503, "stuck", f"Work does not progress: {why}.") if why else _say(200, "ok", "Work progresses.")

    async def openapi(self, _: Request) -> Response:
        return JSONResponse(openapi.document())

    def _ask_ledger(self) -> None:
        with read(self._engine):
            pass


async def _body(request: Request) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > LARGEST:
            raise TooLarge
    return bytes(content)


def _hints(connection: Connection, body: bytes) -> list[Hint]:
    declared = definition(connection).webhooks
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return []
    return hints(declared, event) if declared is not None else []


def _row(connection: Connection, event_id: str, hint: Hint) -> dict[str, Any]:
    return {
        "connection": connection.name,
        "event_id": event_id,
        "event": hint.event,
        "entity": hint.entity,
        "key": hint.key,
        "changed_at": hint.changed_at,
        "received_at": clock.now(),
    }


async def _absent(_: Request, __: Exception) -> Response:
    return _say(404, "not_found", "There are POST /hooks/{connection}, GET /health, GET /ready and GET /openapi.json.")


def _say(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"code": code, "message": message}, status, headers)
