"""Whether live orders wait for a backfill: their latency without one and with one, in the same installation, one after the other."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from benchmarks import figures
from benchmarks.installation import FLOW, Installation, installed
from benchmarks.orders import orders
from benchmarks.processes import wait_for
from benchmarks.progress import Progress
from benchmarks.report import Report
from benchmarks.systems import Systems, simulated
from integration import clock
from integration.ledger import tables
from integration.ledger.database import read
from integration.line import backfill

LATENCY_MS = 50
"""Of an answer of the ERP; one that answers at once is never in the way of anybody."""

EVERY_SECONDS = 2.0
"""Between two live orders: so that they alone stay far below what the API allows beside a backfill."""

WARM_UP = 20
UNDER_WAY = 50
"""Orders of the backfill that are booked before the second measurement begins."""

SECONDS = 300.0
AT_ONCE = 1000
A_DAY = 200
BEGIN = clock.instant("2025-01-01T00:00:00Z")
BEHIND = 1_000_000
"""The numbers of the backfill's orders begin here."""


def run(progress: Progress, *, quick: bool) -> Report:
    live, old = (20, 2_000) if quick else (150, 50_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with simulated(folder, latency_ms=LATENCY_MS) as systems, installed(folder, systems) as installation:
            _place_old(progress, systems, old)
            systems.place(orders(0, WARM_UP))
            installation.take_over(WARM_UP, SECONDS)
            _place_live(progress, systems, WARM_UP, live)
            installation.take_over(WARM_UP + live, SECONDS)
            backfill.begin(installation.engine, FLOW, BEGIN, BEGIN + timedelta(days=old // A_DAY), "")
            before = WARM_UP + live
            wait_for(lambda: _booked(systems) >= before + UNDER_WAY, SECONDS, "the backfill did not begin")
            already, began = _booked(systems), time.monotonic()
            _place_live(progress, systems, before, live)
            booked, took = _booked(systems) - already - live, time.monotonic() - began
            wait_for(lambda: _are_booked(systems, before, live), SECONDS, "live orders were not booked")
            still = _still_open(installation)
            seconds = _seconds(systems)
    alone, beside = seconds[WARM_UP:before], seconds[before:]
    rows = [_row("no backfill", alone), _row(f"a backfill of {old:,} orders", beside)]
    rate = 60 * booked / took
    notes = [
        f"{live} orders each, one every {EVERY_SECONDS:g} s; a poll comes every 5 s, so an order waits half of that for it on average.",
        f"The backfill booked about {rate:.0f} orders a minute meanwhile and was {'still under way' if still else 'over before the end'}.",
    ]
    found = {"alone": alone, "beside": beside, "p95": [figures.percentile(some, 95) for some in (alone, beside)]}
    title = "Seconds from live order placed to booked, without and with a backfill"
    columns = ("beside", "p50", "p95", "p99", "longest")
    return Report("lanes", title, columns, rows, notes, {**found, "backfill_per_minute": rate, "backfill_lasted": still})


def _place_old(progress: Progress, systems: Systems, count: int) -> None:
    """Orders of long ago that somebody else took over, of buyers that come again."""
    with progress.of("orders of long ago", count) as advance:
        for first in range(0, count, AT_ONCE):
            some = orders(BEHIND + first, min(AT_ONCE, count - first), 0.0)
            systems.place([{**one, **_dated(BEGIN + timedelta(days=(first + place) // A_DAY))} for place, one in enumerate(some)])
            advance(first + len(some))


def _dated(day: datetime) -> dict[str, Any]:
    moment = clock.text(day + timedelta(hours=10))
    return {"CreatedDate": moment, "UpdatedDate": moment, "OrderDate": moment, "Exported": True}


def _place_live(progress: Progress, systems: Systems, first: int, count: int) -> None:
    started = time.monotonic()
    with progress.of("live orders", count) as advance:
        for number in range(count):
            time.sleep(max(0.0, started + number * EVERY_SECONDS - time.monotonic()))
            systems.place(orders(first + number, 1, 0.0))
            advance()


def _booked(systems: Systems) -> int:
    return systems.erp.counted("createSalesOrder")


def _live(systems: Systems) -> dict[str, dict[str, Any]]:
    """By the channel's key, in the order of placing."""
    found = (one for one in systems.channel.get("state")["orders"] if int(one["OrderID"].split("-")[1]) < BEHIND)
    return {str(one["ChannelAdvisorOrderID"]): one for one in sorted(found, key=lambda one: str(one["OrderID"]))}


def _are_booked(systems: Systems, first: int, count: int) -> bool:
    time.sleep(1.0)  # the state of a system with so many orders is large
    there = {one["ExternalOrderID"] for one in systems.erp.get("state")["sales_orders"]}
    return set(list(_live(systems))[first : first + count]) <= there


def _still_open(installation: Installation) -> bool:
    b = tables.batch.c
    with read(installation.engine) as connection:
        return connection.execute(select(b.id).where(b.state == "open", b.lane == "backfill").limit(1)).first() is not None


def _seconds(systems: Systems) -> list[float]:
    booked = {one["ExternalOrderID"]: clock.instant(one["CreatedAt"]) for one in systems.erp.get("state")["sales_orders"]}
    return [(booked[key] - clock.instant(one["CreatedDate"])).total_seconds() for key, one in _live(systems).items()]


def _row(name: str, seconds: Sequence[float]) -> tuple[str, ...]:
    points = [figures.percentile(seconds, point) for point in (50, 95, 99)]
    return (name, *(f"{value:.2f}" for value in (*points, max(seconds))))
