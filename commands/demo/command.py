"""The command itself: a home folder of its own, everything started in it, and the verdict where there is an end."""

from __future__ import annotations

import os

import click

from commands import processes
from commands.demo import home, table
from commands.demo.display import Display
from commands.demo.following import Follower
from commands.demo.home import CHANNEL, ERP, FLOW, FOLDER, DemoHome
from commands.demo.orders import Shop
from commands.demo.run import Run
from commands.exits import Exit
from commands.failure import Failure
from commands.invocation import Invocation
from commands.ledger import opened
from commands.supervisor import Event, Supervisor
from connectors.registry import definition
from connectors.simulation.remote import RemoteSimulator
from integration.ports import Limits
from integration.settings import Settings
from integration.settings.environment import CONFIG, DATABASE_URL, KEY, REDIS_URL

STEADY_RATE = 1.5
"""Orders a second of a demo without an end: some 5 requests a second to TIMS, and as many for all that is polled; it allows 10."""

BRISK_RATE = 4.0
"""The same for a number of orders: with its customers, and all that comes back, an order costs some 3 requests to TIMS."""

SHOWN = 20
"""Complaints that are told in full."""

OPEN_FLOWER = {"INTEGRATION_DEMO": "1"}
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
    with Supervisor(FOLDER, lambda event: _notice(notices, event)) as supervisor:
        ended, wrong = _run(supervisor, orders, rate or (BRISK_RATE if orders else STEADY_RATE), seed, notices)
    if wrong:
        more = [f"and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
        head = f"{len(wrong)} thing{'s are' if len(wrong) > 1 else ' is'} not as it must be; the ledger and the logs are kept in {FOLDER}."
        raise Failure("\n".join([head, *wrong[:SHOWN], *more]), Exit.FAILED)
    if not keep:
        home.remove(FOLDER)
    if orders and not ended:
        raise Failure("stopped before the last order had come to its end.", Exit.STOPPED)


def _run(supervisor: Supervisor, orders: int | None, rate: float, seed: int, notices: list[str]) -> tuple[bool, list[str]]:
    """Whether it has come to its end, and what is not as it must be then."""
    made = home.furnish(FOLDER)
    for child in made.simulators():
        supervisor.start(child)
    with opened(Invocation(made.configuration)) as house:
        settings = house.settings
        processes.start(supervisor, settings, OPEN_FLOWER)
        limits = {name: definition(connection).limits for name, connection in settings.connections.items()}
        follower = Follower(house.engine, settings.flows[FLOW], {name: limit.per_seconds for name, limit in limits.items()})
        simulators = {name: RemoteSimulator(made.url(name)) for name in made.ports}
        shop = Shop(seed)
        run = Run(supervisor, house, simulators, follower, shop.orders(), rate, orders, shop.scarce.sku)
        with Display(
            _signs(made, settings, limits, f"{f'{orders} orders' if orders else 'orders until Ctrl-C'}, {rate:g} a second")
        ) as display:
            ended = run.go(display, notices)
        wrong = run.complaints() if ended else []
        click.echo(table.line(follower))
        if ended and not wrong:
            click.echo(
                f"All {follower.booked} good orders are booked once, with their money, lines and customers, and the channel was told;"
            )
            click.echo(f"of the others {follower.held} wait on hold, each with its reason, and what is wrong is explained by dead letters.")
            click.echo(f"{follower.shipped} shipments are on the channel with their tracking numbers, and it shows the right stock.")
            click.echo(f"Requests: {', '.join(f'{name} {count}' for name, count in run.requests().items())}; none was refused by a limit.")
        elif not ended:
            click.echo("Stopping everything …")
    return ended, wrong


def _signs(made: DemoHome, settings: Settings, limits: dict[str, Limits], title: str) -> table.Signs:
    urls = {
        "Flower": f"http://127.0.0.1:{settings.flower_port}",
        "Metrics": f"http://127.0.0.1:{settings.metrics_port}/metrics",
        "ChannelAdvisor, simulated": f"{made.url(CHANNEL)}/_sim/state",
        "TIMS, simulated": f"{made.url(ERP)}/_sim/state",
    }
    return table.Signs(title, limits, urls, str(made.configuration))


def _notice(notices: list[str], event: Event) -> None:
    if event.what == "exited":
        notices.append(processes.tell(event, FOLDER))
