"""The command itself: a home folder of its own, everything started in it, and the verdict where there is an end."""

from __future__ import annotations

import os
from collections.abc import Iterator

import click

from commands import processes
from commands.demo import home, table
from commands.demo.display import Display
from commands.demo.following import Follower
from commands.demo.home import FLOW, FOLDER, DemoHome
from commands.demo.orders import Orders
from commands.demo.pairs import Pair, chosen
from commands.demo.run import Run
from commands.exits import Exit
from commands.failure import Failure
from commands.invocation import Invocation
from commands.ledger import opened
from commands.pairs import USUAL
from commands.supervisor import Event, Supervisor
from connectors.registry import SYSTEMS, definition
from connectors.simulation.remote import RemoteSimulator
from integration.settings import Settings
from integration.settings.environment import CONFIG, DATABASE_URL, KEY, REDIS_URL

SHOWN = 20
"""Complaints that are told in full."""

OPEN_FLOWER = {"INTEGRATION_DEMO": "1"}
"""Lets Flower run without a password, on loopback alone; see flowerconfig.py."""


@click.command()
@click.option("--pair", default=USUAL, show_default=True, metavar="SHOP-ERP", help="What is shown, as in clarity-sage100.")
@click.option("--orders", type=click.IntRange(min=1), help="Place so many, wait for their end, judge it and leave; else until Ctrl-C.")
@click.option("--rate", type=click.FloatRange(0.1, 100), help="Orders a second; what the limits of the ERP have room for.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed gives other orders.")
@click.option("--keep", is_flag=True, help="Leave the ledger and the logs behind at the end, to look at them.")
@click.pass_obj
def demo(invocation: Invocation, pair: str, orders: int | None, rate: float | None, seed: int, keep: bool) -> None:
    """Show everything at work between simulated systems."""
    if invocation.config is not None:
        raise click.UsageError("the demo brings its own configuration; leave --config out.")
    shown = chosen(pair)
    for name in (DATABASE_URL, REDIS_URL, CONFIG, KEY):
        os.environ.pop(name, None)  # simulated orders must never reach what a real installation uses
    notices: list[str] = []
    with Supervisor(FOLDER, lambda event: _notice(notices, event)) as supervisor:
        ended, wrong = _run(supervisor, shown, orders, rate or shown.rate(ends=bool(orders)), seed, notices)
    if wrong:
        more = [f"and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
        head = f"{len(wrong)} thing{'s are' if len(wrong) > 1 else ' is'} not as it must be; the ledger and the logs are kept in {FOLDER}."
        raise Failure("\n".join([head, *wrong[:SHOWN], *more]), Exit.FAILED)
    if not keep:
        home.remove(FOLDER)
    if orders and not ended:
        raise Failure("stopped before the last order had come to its end.", Exit.STOPPED)


def _run(supervisor: Supervisor, pair: Pair, orders: int | None, rate: float, seed: int, notices: list[str]) -> tuple[bool, list[str]]:
    """Whether it has come to its end, and what is not as it must be then."""
    made = home.furnish(FOLDER, pair)
    for child in made.simulators():
        supervisor.start(child)
    with opened(Invocation(made.configuration)) as house:
        settings = house.settings
        processes.start(supervisor, settings, OPEN_FLOWER)
        limits = {name: definition(connection).limits for name, connection in settings.connections.items()}
        follower = Follower(house.engine, settings.flows[FLOW], limits)
        simulators = {name: RemoteSimulator(made.url(name)) for name in made.ports}
        run = Run(supervisor, house, simulators, follower, Orders(pair, seed), rate, orders)
        title = f"{pair.title}: {f'{orders} orders' if orders else 'orders until Ctrl-C'}, {rate:g} a second"
        with Display(_signs(made, settings, title)) as display:
            ended = run.go(display, notices)
        wrong = run.complaints() if ended else []
        click.echo(table.line(follower))
        if ended and not wrong:
            click.echo("\n".join(_proven(follower, run)))
        elif not ended:
            click.echo("Stopping everything …")
    return ended, wrong


def _proven(follower: Follower, run: Run) -> Iterator[str]:
    """What is so where nothing is wrong."""
    waits = "waits" if follower.held == 1 else "wait"
    yield f"All {follower.booked} good orders are booked once, with their money, lines and customers, and the shop was told;"
    if follower.warned:
        yield f"{follower.warned} of them with a warning, which `trace` tells, and which is no reason to send one again;"
    yield f"of the others {follower.held} {waits} on hold, each with its reason, and what is wrong is explained by dead letters."
    yield f"{follower.shipped} shipments are in the shop with their tracking numbers, and it shows the right stock."
    yield f"Requests: {', '.join(f'{name} {count}' for name, count in run.requests().items())}; none was refused by a limit."


def _signs(made: DemoHome, settings: Settings, title: str) -> table.Signs:
    urls = {
        "Flower": f"http://127.0.0.1:{settings.flower_port}",
        "Metrics": f"http://127.0.0.1:{settings.metrics_port}/metrics",
        **{SYSTEMS[name].title: f"{made.url(name)}/_sim/state" for name in made.ports},
    }
    return table.Signs(title, urls, str(made.configuration))


def _notice(notices: list[str], event: Event) -> None:
    if event.what == "exited":
        notices.append(processes.tell(event, FOLDER))
