"""The command itself: starts everything, places orders at a rate, shows what becomes of them, and judges where there is an end."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
from rich.live import Live

from commands import processes
from commands.demo import home, table
from commands.demo.following import Follower, Placed
from commands.demo.home import CHANNEL, ERP, FLOW, FOLDER, DemoHome
from commands.demo.orders import Placing, Shop
from commands.demo.verdict import complaints
from commands.exits import Exit
from commands.failure import Failure
from commands.invocation import Invocation
from commands.output import console
from commands.supervisor import Event, Supervisor
from connectors.configured import load_settings
from connectors.registry import definition
from connectors.simulation.remote import RemoteSimulator
from connectors.wiring import open_house
from integration import clock
from integration.errors import Unreachable
from integration.ledger import counts, letters
from integration.ledger.database import read
from integration.line.journey import House
from integration.settings.environment import CONFIG, DATABASE_URL, KEY, REDIS_URL

STEP_SECONDS = 0.25
LINE_SECONDS = 2.0
"""Between two lines where the output is no terminal."""

STEADY_RATE = 2.0
"""Orders a second for a demo without an end: with new buyers some 3.5 requests a second to TIMS, which allows 10."""

BRISK_RATE = 10.0
"""The same for a number of orders: 200 need some 400 requests to TIMS, fewer than it allows in the first minute."""

START_SECONDS = 60.0
STUCK_SECONDS = 100.0
"""Nothing has moved for so long, which is more than the window of any limit: the demo has failed."""

SETTLED_SECONDS = 10.0
"""The same where nothing is on its way any more: several polls have found nothing new."""

SHOWN = 20
"""Complaints that are told in full."""

DEMO = {"INTEGRATION_DEMO": "1"}
"""Lets Flower run without a password, on loopback alone; see flowerconfig.py."""


@click.command()
@click.option("--orders", type=click.IntRange(min=1), help="Place so many, wait for their end, judge it and leave; else until Ctrl-C.")
@click.option("--rate", type=click.FloatRange(0.1, 100), help=f"Orders a second; {STEADY_RATE:g}, or {BRISK_RATE:g} with --orders.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed gives other orders.")
@click.option("--keep", is_flag=True, help="Leave the ledger and the logs behind at the end, to look at them.")
@click.pass_obj
def demo(invocation: Invocation, orders: int | None, rate: float | None, seed: int, keep: bool) -> None:
    """Show everything at work between simulated systems."""
    if invocation.config is not None:
        raise click.UsageError("the demo brings its own configuration; leave --config out.")
    for name in (DATABASE_URL, REDIS_URL, CONFIG, KEY):
        os.environ.pop(name, None)  # simulated orders must never reach what a real installation uses
    notices: list[str] = []
    failed = True
    try:
        with Supervisor(FOLDER, lambda event: _notice(notices, event)) as supervisor:
            run = _Run(supervisor, orders, rate or (BRISK_RATE if orders else STEADY_RATE), seed, notices)
            run.everything()
        failed = False
    finally:
        _leave(FOLDER, keep=keep or failed)


class _Run:
    """One demo, from the first process to the verdict."""

    def __init__(self, supervisor: Supervisor, orders: int | None, rate: float, seed: int, notices: list[str]) -> None:
        self._supervisor = supervisor
        self._orders = orders
        self._rate = rate
        self._supply = Shop(seed).orders()
        self._notices = notices
        self._screen = console()
        self._placed: dict[str, Placing] = {}
        """What the verdict is about; empty where there is none."""

    def everything(self) -> None:
        made = home.furnish(FOLDER)
        for child in made.simulators():
            self._supervisor.start(child)
        settings = load_settings(made.configuration)
        house = open_house(settings)
        try:
            processes.start(self._supervisor, settings, DEMO)
            self._simulators = {name: RemoteSimulator(made.url(name)) for name in made.ports}
            self._follow(made, house)
        finally:
            house.engine.dispose()

    def _follow(self, made: DemoHome, house: House) -> None:
        settings = house.settings
        limits = {name: definition(connection).limits for name, connection in settings.connections.items()}
        self._follower = Follower(house.engine, settings.flows[FLOW], {name: limit.per_seconds for name, limit in limits.items()})
        urls = {
            "Flower": f"http://127.0.0.1:{settings.flower_port}",
            "Metrics": f"http://127.0.0.1:{settings.metrics_port}/metrics",
            "ChannelAdvisor, simulated": f"{made.url(CHANNEL)}/_sim/state",
            "TIMS, simulated": f"{made.url(ERP)}/_sim/state",
        }
        title = f"integration demo   {self._orders or 'endless'} orders, {self._rate:g} a second"
        self._signs = table.Signs(title, limits, urls, str(made.configuration))
        if not self._screen.is_terminal:
            for name, url in urls.items():
                click.echo(f"{name}: {url}")
            click.echo(f"In another terminal: integration --config {made.configuration} dead-letters list")
        if not self._wait_for_the_line(house):
            self._stopped()
            return
        with self._shown() as show:
            ended = self._stream(house, show)
        if not ended:
            self._stopped()
        else:
            self._tell(house)

    def _wait_for_the_line(self, house: House) -> bool:
        """Until the first poll has begun; False where a signal came first."""
        deadline = time.monotonic() + START_SECONDS
        with self._screen.status("starting Valkey, workers, beat, Flower and the simulated systems …") if self._screen.is_terminal else contextlib.nullcontext():
            while not counts.count(house.engine).cursor_age:
                if time.monotonic() > deadline:
                    raise Failure(f"no worker has begun to poll within {START_SECONDS:g} s; look into {FOLDER / 'logs'}.", Exit.FAILED)
                if self._supervisor.wait(STEP_SECONDS):
                    return False
        return True

    @contextlib.contextmanager
    def _shown(self) -> Iterator[Live | None]:
        if not self._screen.is_terminal:
            yield None
            return
        with Live(console=self._screen, auto_refresh=False, screen=False) as live:
            yield live

    def _stream(self, house: House, live: Live | None) -> bool:
        """Place orders and show what becomes of them; True where all have come to their end, False where a signal came first."""
        began = moved = told = time.monotonic()
        before: tuple[int, ...] = ()
        said = ""
        while True:
            if self._supervisor.wait(STEP_SECONDS):
                return False
            now = time.monotonic()
            with contextlib.suppress(Unreachable):  # a simulator that is being started again; the next step places what is due
                self._place(now - began)
            for booked in self._follower.look():
                self._change(booked.placed)
            if self._follower.progress() != before:
                before, moved = self._follower.progress(), now
            if live:
                live.update(table.render(self._follower, now - began, self._with_notices()), refresh=True)
            elif now - told >= LINE_SECONDS and (line := table.line(self._follower, now - began)) != said:
                click.echo(line)
                said, told = line, now
            if self._follower.placed == self._orders and self._is_over(house, now - moved):
                return True

    def _place(self, seconds: float) -> None:
        due = int(seconds * self._rate) + 1 - self._follower.placed
        if self._orders:
            due = min(due, self._orders - self._follower.placed)
        for _ in range(due):
            placing = next(self._supply)
            [stored] = self._simulators[CHANNEL].place([placing.order], check=placing.checked)
            key = str(stored["ChannelAdvisorOrderID"])
            self._follower.add(Placed(key, clock.instant(stored["CreatedDate"]), placing))
            if self._orders:
                self._placed[key] = placing

    def _change(self, placed: Placed) -> None:
        if placed.placing.later:
            self._simulators[CHANNEL].change(int(placed.key), placed.placing.later)

    def _is_over(self, house: House, still: float) -> bool:
        """Whether all is as it must be, or nothing moves any more; `still`: the seconds since something did."""
        if self._follower.waiting or self._follower.unfinished:
            return still > STUCK_SECONDS
        return still > SETTLED_SECONDS or not self._complaints(house)

    def _complaints(self, house: House) -> list[str]:
        with read(house.engine) as connection:
            still_open = letters.still_open(connection, flow=FLOW)
        state = {name: simulator.state() for name, simulator in self._simulators.items()}
        stats = {name: simulator.stats() for name, simulator in self._simulators.items()}
        guest = house.settings.flows[FLOW].guests.email
        return complaints(self._placed, state[CHANNEL], state[ERP], still_open, stats, guest)

    def _tell(self, house: House) -> None:
        """The verdict. Raises Failure where anything is not as it must be."""
        click.echo(table.line(self._follower, 0).partition(": ")[2])
        found = self._complaints(house)
        if not found:
            requests = {name: sum(simulator.stats()["requests"].values()) for name, simulator in self._simulators.items()}
            click.echo(
                f"All {self._follower.booked} good orders are booked once, with their money, lines and customers; "
                f"each of the {self._follower.dead} bad ones is explained by a dead letter."
            )
            click.echo("Requests: " + ", ".join(f"{name} {count}" for name, count in requests.items()) + "; none refused by a limit.")
            return
        more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        where = f"The ledger and the logs are kept in {FOLDER}."
        raise Failure("\n".join([f"{len(found)} things are not as they must be:", *found[:SHOWN], *more, where]), Exit.FAILED)

    def _stopped(self) -> None:
        """A demo without an end is ended so; one with an end has not come to it."""
        if self._orders:
            raise Failure("stopped before the last order had come to its end.", Exit.STOPPED)

    def _with_notices(self) -> table.Signs:
        signs = self._signs
        return table.Signs(signs.title, signs.limits, signs.urls, signs.config, tuple(self._notices[-3:]))


def _notice(notices: list[str], event: Event) -> None:
    if event.what == "exited":
        log = FOLDER / "logs" / f"{event.child.name}.log"
        notices.append(f"{event.child.name} ended ({event.child.last_exit}) and is started again; its log: {log}")


def _leave(folder: Path, *, keep: bool) -> None:
    if keep:
        return
    home.clear(folder)
    (folder / "supervisor.lock").unlink(missing_ok=True)
    folder.rmdir()
