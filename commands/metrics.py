"""`integration metrics`: an endpoint for Prometheus; what it tells is in commands/metrics_ledger.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import click
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from commands.configuration import complete
from commands.invocation import Invocation
from commands.metrics_ledger import Ledger
from commands.output import console
from integration.errors import Misconfigured
from integration.ledger.database import open_engine, read
from integration.ledger.upgrade import upgrade

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True  # a scraper that hangs must not hold up the end


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class calls it so
        """A line for each scrape helps nobody."""


def application(engine: Engine, collector: Collector) -> Application:
    """WSGI: /metrics for Prometheus, /healthz for whoever restarts us: 200 while the ledger answers, else 503."""
    registry = CollectorRegistry()
    registry.register(collector)
    metrics: Application = make_wsgi_app(registry)

    def answer(environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        try:
            if path == "/metrics":
                return metrics(environ, start)
            if path == "/healthz":
                with read(engine):
                    return _plain(start, "200 OK", "the ledger answers\n")
        except SQLAlchemyError:
            return _plain(start, "503 Service Unavailable", "the ledger does not answer\n")
        return _plain(start, "404 Not Found", "there are /metrics and /healthz\n")

    return answer


def _plain(start: StartResponse, status: str, text: str) -> list[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [text.encode()]


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Else that of the configuration; 0 takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on; 0.0.0.0 inside a container.")
@click.pass_obj
def metrics(invocation: Invocation, port: int | None, host: str) -> None:
    """Serve metrics for Prometheus.

    Under /metrics, until it is stopped; /healthz says whether the ledger answers.
    """
    settings = complete(invocation)
    engine = open_engine(settings.database_url)
    upgrade(engine)
    wanted = settings.metrics_port if port is None else port
    app = application(engine, Ledger(settings, engine))
    try:
        server = make_server(host, wanted, app, server_class=_Server, handler_class=_Silent)
    except OSError as error:
        raise Misconfigured(f"nothing can listen on {host}:{wanted} ({error.strerror}); free it, or choose another with --port.") from None
    with server:
        console().print(f"listening on http://{host}:{server.server_port}/metrics")
        server.serve_forever()
