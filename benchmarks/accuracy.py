"""How often the channel shows what it should, while buyers buy, the warehouse moves and the systems fail; beside it a naive push.

At each look (ten a second) every SKU is right if the channel shows what it should: the ERP's Available less the units of channel orders
that the ERP does not count yet, by the simulators' own state. A difference may last ALLOWANCE seconds, longer by as much as a
system did not answer at all; the share without any allowance is given too. Oversold are units sold beyond that truth: ours where nothing
but what we wrote let the channel offer them, the warehouse's where goods were found missing so recently that nobody could have known.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from benchmarks.installation import installed
from benchmarks.plot import Line, plot
from benchmarks.processes import ROOT
from benchmarks.progress import Progress
from benchmarks.report import Report
from benchmarks.systems import Systems, simulated
from benchmarks.world import Look, World

AIM = 0.999
ALLOWANCE = 5.0
STEP = 0.1
ITEMS = 50
ON_HAND = 10
PICTURE = ROOT / "docs" / "pictures" / "accuracy.svg"

FLOWS = """
[flows.order-status]
entity = "order_status"
source = "tims"
target = "ca"
[flows.shipments]
entity = "shipment"
source = "tims"
target = "ca"
"""
STOCK = """
[flows.stock]
entity = "stock"
source = "tims"
target = "ca"
every = "1s"
"""
FAULTS: dict[str, Any] = {
    "drop-after-commit": {"rate": 0.02},
    "server-error": {"rate": 0.01},
    "html-5xx": {"rate": 0.01, "commit": True},
}
LATE = {"late-arriving-orders": {"rate": 0.05}}
OUTAGE = {"unavailable": {"retry_after": 1}}


@dataclass
class Course:
    """What one installation did: `off` is by how many units the channel was off in all, by time."""

    off: list[tuple[float, float]] = field(default_factory=list)
    looks: int = 0
    right: int = 0
    exact: int = 0
    sold: int = 0
    ours: int = 0
    warehouse: int = 0
    writes: int = 0


def run(progress: Progress, *, quick: bool) -> Report:
    seconds = 60 if quick else 300
    guarded = _course(progress, "with the guard", seconds, FLOWS + STOCK, contextlib.nullcontext)
    naive = _course(progress, "the naive push", seconds, FLOWS, _naive_push)
    if not quick:
        lines = [Line("with the guard", guarded.off, "#1a7f37"), Line("naive push of Available", naive.off, "#cf222e")]
        PICTURE.write_text(plot("Units by which the channel is off, all SKUs together", "seconds", lines, _outages(seconds)))
    return Report(
        "accuracy",
        f"What the channel shows ({seconds} s, {ITEMS} items, 2 orders and 1 movement a second, faults and two outages)",
        ("", "right", "aim", "without allowance", "units sold", "oversold by us", "aim", "by missing goods", "writes"),
        [_row("with the guard", guarded), _row("naive push", naive)],
        (
            f"Right: shows what it should, or did so within the last {ALLOWANCE:g} s (longer by the time that a system did not answer).",
            "Should: Available less the units of channel orders that the ERP does not count yet, by the simulators' own state.",
            "Naive: every second Available of what has changed goes to the channel as it is. Both meet the same script of events.",
        ),
        {"with the guard": _figures(guarded), "naive push": _figures(naive), "seconds": seconds},
    )


def _row(name: str, course: Course) -> tuple[str, ...]:
    share, exact = course.right / course.looks, course.exact / course.looks
    aims = (f"≥ {AIM:.1%}", "0") if name == "with the guard" else ("", "")
    sold, ours, missing = str(course.sold), str(course.ours), str(course.warehouse)
    return name, f"{share:.3%}", aims[0], f"{exact:.2%}", sold, ours, aims[1], missing, str(course.writes)


def _figures(course: Course) -> dict[str, Any]:
    return {
        "right": course.right / course.looks,
        "exact": course.exact / course.looks,
        "sold": course.sold,
        "oversold_by_us": course.ours,
        "oversold_by_missing_goods": course.warehouse,
        "writes": course.writes,
    }


def _outages(seconds: int) -> Sequence[tuple[float, float]]:
    """One of the channel, one of the ERP."""
    length = seconds / 20
    return [(seconds * 0.35, seconds * 0.35 + length), (seconds * 0.65, seconds * 0.65 + length)]


def _course(progress: Progress, name: str, seconds: int, flows: str, beside: Callable[[Systems], Any]) -> Course:
    course = Course()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with simulated(home, unlimited=True, items=ITEMS) as systems:
            world = World(systems)
            for sku in world.look(0).should:
                systems.erp.post("inventory", {"SKU": sku, "OnHand": ON_HAND})
            with (
                installed(home, systems, unlimited=True, flows=flows, hooks=("ca", "tims")),
                beside(systems),
                progress.of(f"accuracy, {name}", seconds) as advance,
            ):
                _wait_until_equal(world)
                for system in (systems.channel, systems.erp):
                    system.post("faults", FAULTS)
                systems.channel.post("faults", LATE)
                _play(world, course, seconds, advance)
                course.sold = world.sold
            course.writes = systems.channel.counted("updateInventory")
    return course


def _wait_until_equal(world: World) -> None:
    deadline = time.monotonic() + 60
    while (look := world.look(0)).shown != look.should:
        if time.monotonic() > deadline:
            raise TimeoutError("the first read did not reach the channel")
        time.sleep(0.2)


def _play(world: World, course: Course, seconds: int, advance: Callable[..., None]) -> None:
    began = time.monotonic()
    recent: list[Look] = []
    lost: dict[str, tuple[float, int]] = {}
    outages = list(zip(_outages(seconds), (world.systems.channel, world.systems.erp), strict=True))
    down_until = 0.0
    step = 0
    while (at := time.monotonic() - began) < seconds:
        for (start, end), system in outages:
            if start <= at < end:
                system.post("faults", OUTAGE)
                down_until = end
            elif at >= end:
                system.post("faults", {"unavailable": False})
        look = world.look(at)
        allowance = ALLOWANCE + max(0.0, min(at, down_until) - (down_until - seconds / 20)) if at < down_until + ALLOWANCE else ALLOWANCE
        recent = [one for one in recent if one.at >= at - allowance] + [look]
        _judge(course, look, recent)
        if step % 5 == 0:
            _sell(world, course, look, lost, step, allowance)
        if step % 10 == 3:
            sku, units = world.move(look)
            if units < 0:
                lost[sku] = (at, lost.get(sku, (0.0, 0))[1] - units if at - lost.get(sku, (0.0, 0))[0] < allowance else -units)
        if step % 10 == 7:
            world.ship()
        advance(int(at))
        step += 1
        time.sleep(max(0.0, began + step * STEP - time.monotonic()))


def _judge(course: Course, look: Look, recent: Sequence[Look]) -> None:
    off = 0
    for sku, should in look.should.items():
        shown = look.shown[sku]
        course.looks += 1
        course.exact += shown == should
        course.right += any(one.shown[sku] == one.should[sku] for one in recent)
        off += abs(shown - should)
    course.off.append((look.at, off))


def _sell(world: World, course: Course, look: Look, lost: dict[str, tuple[float, int]], number: int, allowance: float) -> None:
    bought = world.buy(look, number)
    if bought is None:
        return
    sku, units = bought
    beyond = units - look.should[sku] if look.should[sku] < units else 0
    at, missing = lost.get(sku, (-1e9, 0))
    by_warehouse = min(beyond, missing) if look.at - at <= allowance else 0
    course.warehouse += by_warehouse
    course.ours += beyond - by_warehouse


@contextlib.contextmanager
def _naive_push(systems: Systems) -> Iterator[None]:
    """What many a shop runs: each second, Available of whatever has changed goes to the channel."""
    stop = threading.Event()
    thread = threading.Thread(target=_push, args=(systems, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)


def _push(systems: Systems, stop: threading.Event) -> None:
    erp, channel = requests.Session(), requests.Session()
    since: str | None = None
    while not stop.wait(1.0):
        with contextlib.suppress(requests.RequestException, KeyError, ValueError):
            for session, system, user, form in (
                (erp, systems.erp, ("demo-client", "demo-client-secret"), {"grant_type": "client_credentials"}),
                (
                    channel,
                    systems.channel,
                    ("demo-application", "demo-shared-secret"),
                    {"grant_type": "refresh_token", "refresh_token": "demo-refresh-token"},
                ),
            ):
                session.trust_env = False
                if "Authorization" not in session.headers:
                    granted = session.post(f"{system.url}/oauth2/token", data=form, auth=user, timeout=10).json()
                    session.headers["Authorization"] = f"Bearer {granted['access_token']}"
            as_of = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            query = {"limit": "200", **({"changedSince": since} if since else {})}
            page = erp.get(f"{systems.erp.url}/api/v1/inventory/items", params=query, timeout=10).json()["items"]
            items = [{"SKU": one["SKU"], "DistributionCenterID": 0, "Quantity": max(0, one["Available"]), "AsOf": as_of} for one in page]
            for start in range(0, len(items), 100):
                channel.put(
                    f"{systems.channel.url}/v2/inventory", json={"Items": items[start : start + 100]}, timeout=10
                ).raise_for_status()
            since = page[-1]["UpdatedAt"] if page else since
