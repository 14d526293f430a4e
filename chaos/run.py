"""One run: a world and a storm for as long as its orders are placed, then rest, and the verdict."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import create_engine, func, select

from chaos.plan import Turn, plan
from chaos.progress import Progress
from chaos.scene import Scene, scene
from chaos.storm import Storm, Struck
from chaos.verdict import Evidence, gather, judge, without_storms
from chaos.world import World
from commands.demo.orders import Placing
from commands.demo.pairs import chosen
from commands.pairs import USUAL
from integration import clock
from integration.ledger import tables
from integration.settings.environment import database_url

Times = Mapping[str, tuple[datetime, datetime]]
"""When a good order was placed and when it was seen to be booked, by its key."""

STEP_SECONDS = 0.05
CALM_SECONDS = 240.0
"""So long after the last fault all must be as it should be; retries are minutes apart at most."""

AFTER_JUMP_SECONDS = 480.0
"""The same where the clock has jumped: a quantity that was dated ahead is offered anew after five minutes, and what was to happen
`in` some seconds by the wrong clock happens by the right one."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be run; the same case is the same world under the same plan."""

    seed: int
    database: str
    orders: int
    rate: float
    faults: Sequence[str]
    because: str = ""
    pair: str = USUAL

    def turns(self) -> list[Turn]:
        return plan(self.seed, self.orders / self.rate, self.faults)


@dataclass(slots=True)
class Result:
    """`wrong` are the sentences of the verdict. `waiting` is how many good orders were not booked, by seconds since the beginning."""

    case: Case
    wrong: list[str]
    evidence: Evidence | None
    placed: dict[str, Placing]
    times: Times
    struck: list[Struck]
    seconds: float
    read_backs: int
    shipped: int
    counted: int
    waiting: list[tuple[float, int]] = field(default_factory=list)
    shaded: list[tuple[float, float]] = field(default_factory=list)


def play(case: Case, folder: Path, progress: Progress) -> Result:
    """Raises whatever kept the run from being played; what it shows is in the result."""
    turns = case.turns()
    pair = chosen(case.pair)
    with scene(folder, pair, case.database, case.faults) as played:
        simulators = played.simulators()
        world = World(pair, case.seed, case.orders, case.rate, simulators)
        storm = Storm(played, played.simulators, turns, world.place_poison)
        began, began_at = time.monotonic(), clock.now()
        waiting: list[tuple[float, int]] = []
        storm.begin()
        try:
            while not (world.idle and storm.over):
                at = time.monotonic() - began
                if at > case.orders / case.rate + CALM_SECONDS + max((turn.at + turn.lasts for turn in turns), default=0.0):
                    break  # the warehouse waits for orders that do not come
                world.step(at)
                if not waiting or at - waiting[-1][0] >= 1:
                    waiting.append((at, world.wanted - len(world.booked)))
                    progress.show(world, storm.raging, at)
                time.sleep(STEP_SECONDS)
        finally:
            storm.end()
        for one in simulators.values():
            one.end_faults()
        wrong, evidence = _rest(played, world, case, progress, began)
        return Result(
            case,
            [*storm.broken, *wrong],
            evidence,
            world.placed,
            _times(world),
            storm.struck,
            time.monotonic() - began,
            _read_backs(played),
            world.shipped,
            world.counted,
            waiting,
            [_shade(one, began_at) for one in storm.struck if one.fault == "outage"],
        )


def _rest(played: Scene, world: World, case: Case, progress: Progress, began: float) -> tuple[list[str], Evidence | None]:
    """Look again and again until all is as it must be, or it has had its time."""
    simulators = played.simulators()
    deadline = time.monotonic() + (AFTER_JUMP_SECONDS if "clock" in case.faults else CALM_SECONDS)
    wrong, evidence = ["the command line told nothing of dead letters and holds"], None
    while True:
        looked = time.monotonic()
        world.step(looked - began)
        if (found := gather(played, simulators)) is not None:
            evidence, wrong = found, judge(world.placed, found)
        progress.rest(len(wrong), deadline - time.monotonic())
        if not wrong or time.monotonic() > deadline:
            return wrong, evidence
        time.sleep(min(20.0, 2 + 2 * (time.monotonic() - looked)))


def _read_backs(played: Scene) -> int:
    """How often a write without an answer was found by looking it up, so that it was not sent again: the ledger alone knows."""
    engine = create_engine(database_url({"DATABASE_URL": played.database.url}, played.folder))
    try:
        with engine.connect() as connection:
            d = tables.delivery.c
            found = select(func.count()).where(d.operation.in_(("order found", "customer found")), d.outcome == "ok")
            return int(connection.execute(found).scalar_one())
    finally:
        engine.dispose()


def _shade(one: Struck, began: datetime) -> tuple[float, float]:
    return (one.began - began).total_seconds(), (one.ended - began).total_seconds()


def _times(world: World) -> Times:
    """Of those that were booked, and did not have to wait for goods."""
    good = (key for key, placing in world.placed.items() if placing.fate in ("booked", "too late") and placing.story != "restock")
    return {key: (world.placed_at[key], world.booked_at[key]) for key in good if key in world.booked}


def refused_by_limit(result: Result) -> int:
    """Requests beyond the limit, as the systems counted them."""
    assert result.evidence
    return sum(int(without_storms(one)["refused"].get("429", 0)) for one in result.evidence.stats.values())


def requests(result: Result) -> dict[str, int]:
    assert result.evidence
    return {name: sum(one["requests"].values()) for name, one in result.evidence.stats.items()}
