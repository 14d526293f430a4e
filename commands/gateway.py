"""`integration gateway`: the HTTP side, where webhooks come in."""

from __future__ import annotations

import click
import uvicorn

from commands.configuration import complete
from commands.invocation import Invocation
from commands.output import console
from commands.ports import is_free
from integration import logs
from integration.errors import Misconfigured
from integration.ledger.database import open_engine
from integration.ledger.upgrade import upgrade

GRACE_SECONDS = 8
"""For what is in hand when the end comes."""

MOST_AT_ONCE = 500
"""Deliveries in hand; beyond that a sender is told to come again."""


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Else that of the configuration.")
@click.option("--host", help="Else that of the configuration; 0.0.0.0 inside a container.")
@click.pass_obj
def gateway(invocation: Invocation, port: int | None, host: str | None) -> None:
    """Take webhooks, until it is stopped.

    POST /hooks/<connection> keeps a delivery; /health and /ready tell how things are; /openapi.json says more.
    """
    settings = complete(invocation)
    address, wanted = host or settings.gateway.host, port or settings.gateway.port
    if not is_free(wanted):
        raise Misconfigured(f"nothing can listen on port {wanted}; free it, or choose another with --port.")
    from gateway.app import Gateway  # noqa: PLC0415 - loads Celery, which needs the configuration
    from gateway.bell import Bell  # noqa: PLC0415

    engine = open_engine(settings.database_url)
    upgrade(engine)
    logs.configure()
    app = Gateway(settings, engine, Bell()).app()
    console().print(f"listening on http://{address}:{wanted}/hooks/<connection>")
    uvicorn.run(
        app,
        host=address,
        port=wanted,
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_AT_ONCE,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
