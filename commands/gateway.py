"""`integration gateway`: the HTTP side, where webhooks come in."""

from __future__ import annotations

import os
import socket

import click
import uvicorn

from commands.configuration import complete
from commands.invocation import Invocation
from commands.output import console
from connectors.registry import definition
from gateway.app import Gateway
from gateway.bell import Bell
from gateway.heads import BoundedHeads
from integration import logs
from integration.errors import Misconfigured
from integration.ledger.database import open_engine
from integration.ledger.upgrade import upgrade
from integration.settings.environment import CONFIG

GRACE_SECONDS = 8
"""For what is in hand when the end comes."""

MOST_AT_ONCE = 500
"""Deliveries in hand; beyond that a sender is told to come again."""

BACKLOG = 1024


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Else that of the configuration; 0 takes a free one.")
@click.option("--host", help="Else that of the configuration; 0.0.0.0 inside a container.")
@click.pass_obj
def gateway(invocation: Invocation, port: int | None, host: str | None) -> None:
    """Take webhooks.

    Until it is stopped. POST /hooks/<connection> keeps a delivery; /health and /ready tell how things are; /openapi.json says more.
    """
    settings = complete(invocation)
    address, wanted = host or settings.gateway.host, settings.gateway.port if port is None else port
    os.environ[CONFIG] = str(settings.path)  # Celery's settings are read from there
    from tasks.hint import ring  # noqa: PLC0415 - loads Celery, which needs the configuration

    engine = open_engine(settings.database_url)
    upgrade(engine)
    logs.configure()
    bell = Bell(ring, {name: definition(one).limits for name, one in settings.connections.items()})
    server = uvicorn.Server(
        uvicorn.Config(
            Gateway(settings, engine, bell).app(),
            http=BoundedHeads,
            log_config=None,
            access_log=False,
            server_header=False,
            # Who says in a header that it speaks for another is believed only where it is named.
            proxy_headers=bool(settings.gateway.proxies),
            forwarded_allow_ips=[str(one) for one in settings.gateway.proxies],
            limit_concurrency=MOST_AT_ONCE,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    try:
        listener = socket.create_server((address, wanted), family=socket.AF_INET6 if ":" in address else socket.AF_INET, backlog=BACKLOG)
    except OSError as error:
        raise Misconfigured(
            f"nothing can listen on {address}:{wanted} ({error.strerror}); free it, or choose another with --port."
        ) from None
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # an answer of two parts must not wait 40 ms for its second
    with listener:
        console().print(f"listening on http://{address}:{listener.getsockname()[1]}/hooks/<connection>")
        server.run(sockets=[listener])
    engine.dispose()
