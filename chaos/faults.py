"""The faults, each a function by its name: it strikes, yields the seconds until it goes on, and undoes at its end what must not last.

A fault that finds nothing to strike (a process that is down already) lets the turn pass.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

import psutil
import redis

from chaos.scene import WORKERS, Scene
from connectors.simulation.remote import RemoteSimulator
from integration.ledger.batches import LEASE_SECONDS, STAGE_SECONDS

Steps = Generator[float, None, None]

REFUSALS: Mapping[str, Mapping[str, Any]] = {
    "channeladvisor": {"auth-denied-as-200": {"rate": 0.03}, "unauthorized": {"rate": 0.03}},
    "tims": {"early-token-expiry": {"rate": 0.05}},
    "clarity": {"unauthorized": {"rate": 0.03}, "version-conflict": {"rate": 0.1}},
    "sage100": {"record-locked": {"rate": 0.1, "retry_after": 2}, "unauthorized": {"rate": 0.02}},
}
"""In which way a system says no besides what any system does."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a fault may use: the scene, the control planes, a way to place a bad order, and dice of its own."""

    scene: Scene
    simulators: Mapping[str, RemoteSimulator]
    place_poison: Callable[[], None]
    dice: Random


def kill(stage: Stage) -> Steps:
    """SIGKILL for a child of a worker, a worker, beat or the gateway, every few seconds."""
    while True:
        name = stage.dice.choice(("child", "child", *WORKERS, "beat", "gateway"))
        if name == "child":
            pool = stage.scene.pool(stage.dice.choice(WORKERS))
            if pool:
                _signal(stage.dice.choice(pool).pid, signal.SIGKILL)
        elif name in (pids := stage.scene.pids()):
            _signal(pids[name], signal.SIGKILL)
        yield stage.dice.uniform(3, 7)


def flush(stage: Stage) -> Steps:
    """Redis is emptied again and again."""
    with redis.Redis(port=stage.scene.valkey_port()) as client:
        while True:
            with contextlib.suppress(redis.RedisError):
                client.flushall()
            yield stage.dice.uniform(1, 3)


def valkey(stage: Stage) -> Steps:
    """SIGKILL for Valkey; its supervisor starts it again."""
    if pid := stage.scene.pids().get("valkey"):
        _signal(pid, signal.SIGKILL)
    yield 60.0


def database(stage: Stage) -> Steps:
    """PostgreSQL stops at once and starts again; SQLite is locked by somebody else."""
    stage.scene.database.strike(stage.dice.uniform(1, 5))
    yield 60.0


def full_disk(stage: Stage) -> Steps:
    """There is no room for the database to write to."""
    disk = stage.scene.disk
    assert disk is not None
    disk.fill()
    try:
        yield 60.0
    finally:
        disk.free()
        stage.scene.database.revive()


def lost_answers(stage: Stage) -> Steps:
    """A fifth of the answers to writes is lost when all is done, and some connections are reset when nothing is."""
    faults = {"drop-after-commit": {"rate": 0.2}, "reset-before-commit": {"rate": 0.1}}
    return _switched(stage, dict.fromkeys(stage.simulators, faults))


def refusals(stage: Stage) -> Steps:
    """Storms of 429, 500 and 502 in HTML, tokens that die early, denials that look like success, records in use at somebody's desk."""
    everywhere: dict[str, Any] = {
        "rate-limited": {"rate": stage.dice.choice((0.05, 0.3)), "retry_after": 1},
        "server-error": {"rate": 0.05, "commit": stage.dice.random() < 0.5},
        "html-5xx": {"rate": 0.05, "commit": stage.dice.random() < 0.5},
        "unknown-extra-fields": {"rate": 0.5},
    }
    return _switched(stage, {name: {**everywhere, **REFUSALS[name]} for name in stage.simulators})


def outage(stage: Stage) -> Steps:
    """One system is away while the other goes on: it answers 503, or not at all."""
    name = stage.dice.choice([side.system for side in stage.scene.pair.sides])
    away: dict[str, Any] = stage.dice.choice(({"unavailable": {"retry_after": 1}}, {"hang": {"delay": 7, "commit": False}}))
    return _switched(stage, {name: away})


def twice(stage: Stage) -> Steps:
    """A second beat, every webhook twice, and those of each second and a half in reverse."""
    schedule = str(stage.scene.folder / "second-beat-schedule")
    ringing = stage.scene.ringing()
    with stage.scene.celery("second-beat", "beat", "--schedule", schedule, "--loglevel", "INFO"):
        try:
            for step in count():
                # What comes later waits for a shorter time, so that it arrives sooner.
                later = 3.0 - 2 * (step % 15) / 10
                faults = {"duplicate-webhooks": True, "out-of-order-webhooks": {"delay": round(later, 1)}}
                for name in ringing:
                    stage.simulators[name].switch_faults(**faults)
                yield 0.1
        finally:
            _off(stage, dict.fromkeys(ringing, ("duplicate-webhooks", "out-of-order-webhooks")))


def freeze(stage: Stage) -> Steps:
    """A worker of another machine stands still for longer than the lease of its batches, in the middle of its work, and goes on then;
    now and then for longer than its claims of single records, too."""
    with stage.scene.celery("frozen", "worker", "--hostname", "frozen@%h", "--concurrency", "2", "--loglevel", "INFO") as worker:
        yield stage.dice.uniform(6, 9)
        family = [worker.pid, *(child.pid for child in psutil.Process(worker.pid).children(recursive=True))]
        try:
            for pid in family:
                _signal(pid, signal.SIGSTOP)
            yield stage.dice.choice((LEASE_SECONDS, LEASE_SECONDS, STAGE_SECONDS)) + stage.dice.uniform(2, 8)
        finally:
            for pid in reversed(family):  # the children first, before their parent sees that their time is over
                _signal(pid, signal.SIGCONT)
        yield 600.0


def clock(stage: Stage) -> Steps:
    """The clock of the installation jumps, ahead or back, by up to a minute, and back to the truth."""
    try:
        while True:
            stage.scene.set_clock(stage.dice.choice((-60, -20, -5, 5, 20, 60)))
            yield stage.dice.uniform(2, 6)
    finally:
        stage.scene.set_clock(0)


def deploy(stage: Stage) -> Steps:
    """Everything is told to end, and started with another version of a mapping."""
    stage.scene.deploy()
    yield 60.0


def poison(stage: Stage) -> Steps:
    """An order that kills each worker that looks at it."""
    stage.place_poison()
    yield 60.0


FAULTS: Mapping[str, Callable[[Stage], Steps]] = {
    "kill": kill,
    "flush": flush,
    "valkey": valkey,
    "database": database,
    "full-disk": full_disk,
    "lost-answers": lost_answers,
    "refusals": refusals,
    "outage": outage,
    "twice": twice,
    "freeze": freeze,
    "clock": clock,
    "deploy": deploy,
    "poison": poison,
}


def _switched(stage: Stage, faults: Mapping[str, Mapping[str, Any]]) -> Steps:
    try:
        for name, switches in faults.items():
            stage.simulators[name].switch_faults(**switches)
        yield 600.0
    finally:
        _off(stage, faults)


def _off(stage: Stage, faults: Mapping[str, Any]) -> None:
    for name, switches in faults.items():
        stage.simulators[name].switch_faults(**dict.fromkeys(switches, False))


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
