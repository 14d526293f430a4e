"""The control plane under /_sim/: state, counts, faults and whatever a person or the world outside does to the system."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from connectors.simulation.answers import Answer, Command, ControlError
from connectors.simulation.exchange import Exchange, from_json

if TYPE_CHECKING:
    from connectors.simulation.application import Application

PREFIX = "/_sim/"
_LOOPBACK = ("127.0.0.1", "::1")


async def control(application: Application, exchange: Exchange) -> Answer:
    """Carry out one request. It needs no token, never counts and is never limited; the caller must be on this machine."""
    if exchange.client not in _LOOPBACK:
        return Answer(403, {"error": "The control plane is for this machine alone."})
    content = await exchange.body()
    try:
        body = from_json(content) if content else {}
    except ValueError:
        return Answer(400, {"error": "Send JSON."})
    if not isinstance(body, dict):
        return Answer(400, {"error": "Send a JSON object."})
    try:
        done, result = _run(application, exchange.method, exchange.path.removeprefix(PREFIX), body)
    except ControlError as error:
        return Answer(400, {"error": str(error)})
    return Answer(200, result) if done else Answer(404, {"error": f"There is no {exchange.method} {exchange.path[:200]} here."})


def _run(application: Application, method: str, path: str, body: dict[str, Any]) -> tuple[bool, Any]:
    """Whether there is such a call, and its result."""
    simulator = application.simulator
    own: dict[tuple[str, str], Callable[[], Any]] = {
        ("GET", "state"): simulator.state,
        ("GET", "stats"): lambda: _stats(application),
        ("GET", "faults"): simulator.faults.state,
        ("POST", "faults"): lambda: simulator.faults.set(body),
        ("DELETE", "faults"): simulator.faults.clear,
        ("POST", "latency"): lambda: _set_latency(application, body),
        ("POST", "reset"): application.reset,
    }
    if (method, path) in own:
        return True, own[method, path]() or {}
    name, _, key = path.partition("/")
    handler = simulator.controls.get((method, name + "/" if key else name))
    return (False, None) if handler is None else (True, handler(Command(body, key)))


def _set_latency(application: Application, body: dict[str, Any]) -> None:
    if not isinstance(body.get("ms"), (int, float)) or body["ms"] < 0:
        raise ControlError('Send {"ms": milliseconds}.')
    application.latency = body["ms"] / 1000


def _stats(application: Application) -> dict[str, Any]:
    """`requests` are the accepted ones, `refused` the answers of 400 and more by status, `faults` how often each struck."""
    simulator = application.simulator
    return {
        "requests": dict(simulator.counts.requests),
        "refused": dict(simulator.counts.refused),
        "peak_concurrent": simulator.limit.peak_concurrent,
        "peak_window": simulator.limit.peak_window,
        "contract_errors": simulator.counts.contract_errors,
        "faults": dict(simulator.faults.fired),
    }
