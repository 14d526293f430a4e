"""`python -m connectors.simulation <system>` serves a simulated system until SIGTERM or Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator

import click
import uvicorn

from connectors.simulation.application import Application
from connectors.simulation.exchange import Protocol
from connectors.simulation.registry import SIMULATORS
from connectors.simulation.simulator import Options


class Server(uvicorn.Server):
    """uvicorn's own, which says when it listens and ends with exit code 0 when it is told to stop."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            host, port = listener.getsockname()[:2]
            print(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn raises the signal once more after it has stopped, which would end the process by that signal."""

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield


@click.command()
@click.argument("system", type=click.Choice(sorted(SIMULATORS)))
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free port.")
@click.option("--items", default=Options().items, show_default=True, type=click.IntRange(0), help="Items that the system starts with.")
@click.option("--latency-ms", default=0.0, show_default=True, type=click.FloatRange(0), help="Delay of every answer.")
@click.option("--limit-requests", type=click.IntRange(1), help="Requests per window instead of the contract's.")
@click.option("--limit-concurrent", type=click.IntRange(1), help="Requests at once instead of the contract's.")
@click.option("--token-seconds", type=click.IntRange(1, 1800), help="Life of an access token instead of the contract's.")
@click.option("--check-answers/--no-check-answers", default=True, show_default=True, help="Check every answer against the contract.")
def main(
    *,
    system: str,
    host: str,
    port: int,
    items: int,
    latency_ms: float,
    limit_requests: int | None,
    limit_concurrent: int | None,
    token_seconds: int | None,
    check_answers: bool,
) -> None:
    """Serve a simulated SYSTEM, with its control plane under /_sim/."""
    options = Options(items, latency_ms, limit_requests, limit_concurrent, token_seconds, check_answers)
    # With the protocol named, asyncio sends small answers at once (TCP_NODELAY) instead of 40 ms later.
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise click.ClickException(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another --port.") from None
    config = uvicorn.Config(
        Application(SIMULATORS[system], options),
        http=Protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    Server(config).run([listener])


if __name__ == "__main__":
    main()
