"""How long a change in the ERP takes to show on the channel, by polling and by webhook, and what a full push of all SKUs costs."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import func, select

from benchmarks import figures
from benchmarks.installation import Installation, installed
from benchmarks.processes import wait_for
from benchmarks.progress import Progress
from benchmarks.report import Report
from benchmarks.systems import Systems, simulated
from benchmarks.world import World
from connectors.simulation.catalogue import goods
from integration.ledger import tables
from integration.ledger.database import read
from integration.ports import Limits

FLOWS = """
[flows.stock]
entity = "stock"
source = "tims"
target = "ca"
"""
CHANNEL, ERP = Limits(requests=2000, per_seconds=60, concurrent=5), Limits(requests=600, per_seconds=60, concurrent=8)
"""The contracts' `x-rate-limit`."""
AT_ONCE, A_PAGE = 100, 200
LATENCY_MS = 50
SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Pushed:
    skus: int
    writes: int
    other_channel: int
    erp: int
    seconds: float
    refused: int


def run(progress: Progress, *, quick: bool) -> Report:
    count = 15 if quick else 100
    took = {"polling": _changes(progress, count), "webhook": _changes(progress, count, hooks=True)}
    pushed = _full(progress, 2_000 if quick else 100_000)
    pages = -(-pushed.skus // A_PAGE)
    least_writes = -(-pushed.skus // AT_ONCE)
    least = max(
        figures.least_seconds(least_writes, CHANNEL, LATENCY_MS / 1000),
        pages * LATENCY_MS / 1000,  # one page names the next, so they come one after the other
        figures.least_seconds(pages, ERP, LATENCY_MS / 1000),
    )
    points = {way: [figures.percentile(seconds, point) for point in (50, 99)] for way, seconds in took.items()}
    return Report(
        "stock",
        f"Stock: a change until it shows (a poll every 5 s), and {pushed.skus} SKUs in full ({LATENCY_MS} ms an answer)",
        ("what", "figure", "least", "ratio"),
        [
            *((f"a change by {way}, p50; p99", "; ".join(f"{one:.2f} s" for one in those), "", "") for way, those in points.items()),
            ("in full: time", f"{pushed.seconds:.1f} s", f"{least:.1f} s", f"{pushed.seconds / least:.2f}"),
            ("in full: writes", f"{pushed.writes:,}", f"{least_writes:,}", f"{pushed.writes / least_writes:.2f}"),
            ("in full: other requests to the channel; to the ERP", f"{pushed.other_channel:,}; {pushed.erp:,}", "", ""),
            ("in full: requests refused", str(pushed.refused or "none"), "", ""),
        ],
        (
            "A change: from the moment that the ERP has it to the first look (every 20 ms) at which the channel shows it.",
            "In full: from the first page asked of the ERP to the last quantity settled.",
            "Least: the channel's writes at its limits, or the ERP's pages one after the other at its own, whichever takes longer.",
        ),
        {"changes": took, "p50 and p99": points, **asdict(pushed), "least_writes": least_writes, "least_seconds": least},
    )


def _changes(progress: Progress, count: int, *, hooks: bool = False) -> list[float]:
    """Seconds from each change to the first look that shows it; a poll comes every 5 s in either case."""
    draw = random.Random(3)
    took = []
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        with (
            simulated(home, unlimited=True) as systems,
            installed(home, systems, unlimited=True, flows=FLOWS, hooks=["tims"] if hooks else []) as installation,
        ):
            world = World(systems)
            skus = sorted(world.look(0).should)
            _settled(installation, len(skus))
            with progress.of(f"stock, changes by {'webhook' if hooks else 'polling'}", count) as advance:
                for number in range(count):
                    time.sleep(draw.random() * 5)  # anywhere between two polls
                    sku, units = draw.choice(skus), 1000 + number
                    systems.erp.post("inventory", {"SKU": sku, "OnHand": units})
                    changed = time.monotonic()
                    wait_for(lambda sku=sku, units=units: world.look(0).shown[sku] == units, 60, f"{sku} did not show {units}")  # type: ignore[misc]
                    took.append(time.monotonic() - changed)
                    advance()
    return took


def _full(progress: Progress, skus: int) -> Pushed:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        with simulated(home, latency_ms=LATENCY_MS, items=skus) as systems:
            _list_all(systems, skus)
            systems.channel.post("latency", {"ms": LATENCY_MS})
            with installed(home, systems, flows=FLOWS) as installation, progress.of("stock, in full", skus) as advance:
                _settled(installation, skus, advance)
                r, s = tables.run.c, tables.stock.c
                with read(installation.engine) as connection:
                    began = connection.execute(select(func.min(r.started_at)).where(r.flow == "stock", r.kind == "first read")).scalar_one()
                    ended = connection.execute(select(func.max(s.published_at))).scalar_one()
            sent = systems.channel.get("stats")["requests"]
            erp = systems.erp.get("stats")["requests"]
            writes = sent.get("updateInventory", 0)
            other = sum(sent.values()) - writes - sent.get("getToken", 0)
            total = sum(erp.values()) - erp.get("getToken", 0)
            return Pushed(skus, writes, other, total, (ended - began).total_seconds(), sum(systems.refused().values()))


def _list_all(systems: Systems, skus: int) -> None:
    """The channel has only what is active; here it has them all."""
    resting = [one for one in goods(skus) if one.status != "Active"]
    for start in range(0, len(resting), 1000):
        products = [{"SKU": one.sku, "Title": one.title, "Currency": "USD"} for one in resting[start : start + 1000]]
        systems.channel.post("products", {"products": products})


def _settled(installation: Installation, skus: int, advance: Callable[..., None] = lambda _: None) -> None:
    """Until so many SKUs are published and nothing is due."""
    s = tables.stock.c

    def done() -> bool:
        with read(installation.engine) as connection:
            published, due = connection.execute(select(func.count(s.published_at), func.count(s.due_at))).one()
        advance(published)
        return bool(published >= skus and not due)

    wait_for(done, SECONDS, f"not all of {skus} SKUs were published")
