"""What is measured of a contender: each function starts it anew between systems as new, and gives figures that JSON can keep."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks import figures
from benchmarks.drain import TIMS
from benchmarks.orders import orders
from benchmarks.peers.contender import Contender, looking
from benchmarks.peers.judge import judge
from benchmarks.systems import Systems
from integration import clock

Figures = dict[str, Any]
Kind = type[Contender]

WARM_UP = 100
LOOK_SECONDS = 0.05
SECONDS = 300.0
QUIET_SECONDS = 25.0
"""After which a contender that looks by itself is taken to have nothing more to do: five looks."""

MEGABYTE = 1 << 20
PER_SECOND = 2


def speed(kind: Kind, home: Path, systems: Systems, count: int, latency_ms: int, *, memory: bool) -> Figures:
    """CPU seconds and elapsed ones per 1,000 orders, all of new customers; what a look costs that finds nothing; the greatest memory."""
    systems.reset()
    with kind(home, systems) as contender:
        systems.place(orders(0, WARM_UP))
        _take_over(contender, systems, WARM_UP)
        before = contender.cpu_seconds()
        if not contender.polls:
            contender.work()
        a_look = contender.cpu_seconds() - before
        for system in (systems.channel, systems.erp):
            system.post("latency", {"ms": latency_ms})
        before = contender.cpu_seconds()
        systems.place(orders(WARM_UP, count))
        with _peak(contender) if memory else contextlib.nullcontext(lambda: 0.0) as peak:
            elapsed = _take_over(contender, systems, WARM_UP + count)
        spent = contender.cpu_seconds() - before
        return {
            "cpu": (spent - a_look) / count * 1000,
            "a_look": a_look,
            "elapsed": elapsed / count * 1000,
            "memory": peak() / MEGABYTE,
            "requests": sum(systems.erp.get("stats")["requests"].values()) / (WARM_UP + count),
        }


def latency(kind: Kind, home: Path, systems: Systems, count: int) -> Figures:
    """Seconds from placed to booked, of orders that come one after the other; a look every EVERY seconds for everybody."""
    systems.reset(20)
    with kind(home, systems) as contender, looking(contender):
        systems.place(orders(0, WARM_UP))
        _wait(lambda: systems.told() >= WARM_UP)
        started = time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, started + number / PER_SECOND - time.monotonic()))
            systems.place(orders(WARM_UP + number, 1))
        _wait(lambda: systems.told() >= WARM_UP + count)
    booked: dict[str, Any] = {}
    for one in systems.erp.get("state")["sales_orders"]:
        booked.setdefault(one["ExternalOrderID"], clock.instant(one["CreatedAt"]))
    placed = {str(one["ChannelAdvisorOrderID"]): clock.instant(one["CreatedDate"]) for one in systems.channel.get("state")["orders"]}
    took = [(booked[key] - moment).total_seconds() for key, moment in sorted(placed.items())][WARM_UP:]
    return {"p50": figures.percentile(took, 50), "p95": figures.percentile(took, 95), "seconds": took}


def budget(kind: Kind, home: Path, systems: Systems, count: int, seconds: int) -> Figures:
    """Under the contracts' limits and with more orders than they allow: the share of the ERP's requests of a minute that was used within so
    many seconds, and the answers of 429 from both. One that gives up looks again after EVERY seconds."""
    systems.reset(20)
    with kind(home, systems, limited=True) as contender:
        systems.place(orders(0, count))
        with looking(contender) as stop:
            _wait(lambda: systems.erp.counted("listCustomers") > 0)
            time.sleep(seconds)
            asked = systems.erp.get("stats")["requests"]
            refused = systems.refused().get("429", 0)
            stop.set()
            contender.kill()
    used = sum(number for operation, number in asked.items() if operation != "getToken")
    return {"used": used / TIMS.requests, "refused": refused, "double": _verdict(systems)["double"]}


def killed(kind: Kind, home: Path, systems: Systems, count: int, *, only_unexported: bool) -> Figures:
    """Killed once half of the orders are booked, started again and left alone until it has no more to do; `back` are the seconds from the
    new start to the last sales order."""
    systems.reset(20)
    with kind(home, systems, only_unexported=only_unexported) as contender:
        systems.place(orders(0, count))
        work = threading.Thread(target=contender.work, daemon=True)
        work.start()
        _wait(lambda: systems.erp.counted("createSalesOrder") >= count // 2)
        contender.kill()
        work.join(SECONDS)
        at_kill = systems.erp.counted("createSalesOrder")
        again = clock.now()
        contender.start_again()
        if contender.polls:
            _wait_until_quiet(contender, systems)
        else:
            contender.work()
            if _verdict(systems)["missing"]:  # a second look where the first had only to clear up
                contender.work()
        last = max(clock.instant(one["CreatedAt"]) for one in systems.erp.get("state")["sales_orders"])
        back = (last - again).total_seconds()
        return {**_verdict(systems), "booked_at_kill": at_kill, "later": contender.left_in_queue(), "back": back}


def _verdict(systems: Systems) -> Figures:
    placed = [str(one["ChannelAdvisorOrderID"]) for one in systems.channel.get("state")["orders"]]
    found = judge(placed, (one["ExternalOrderID"] for one in systems.erp.get("state")["sales_orders"]))
    return {"missing": found.missing, "double": found.double}


def _take_over(contender: Contender, systems: Systems, told: int) -> float:
    """Let it take over what was placed; gives the seconds from its first read to the last order that the channel was told of."""
    reads = systems.channel.counted("listOrders")
    work = threading.Thread(target=contender.work, daemon=True)
    work.start()
    began, deadline = None, time.monotonic() + SECONDS
    while True:
        at_work = work.is_alive() or contender.polls
        asked, now = systems.channel.get("stats")["requests"], time.monotonic()
        if began is None and asked.get("listOrders", 0) > reads:
            began = now
        if asked.get("exportOrder", 0) >= told:
            break
        if not at_work or now > deadline:
            raise RuntimeError(f"{asked.get('exportOrder', 0)} of {told} orders were taken over; see {contender.home}")
        time.sleep(LOOK_SECONDS)
    work.join(SECONDS)
    contender.rest(told)
    return now - (began or now)


def _wait(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not what():
        if time.monotonic() > deadline:
            raise RuntimeError(f"nothing more came within {SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)


def _wait_until_quiet(contender: Contender, systems: Systems) -> None:
    """Until nothing waits in it and no order is booked or marked any more, for some looks that find nothing."""
    before, since, deadline = (-1, -1), time.monotonic(), time.monotonic() + SECONDS
    while time.monotonic() - since < QUIET_SECONDS and time.monotonic() < deadline:
        now = (systems.erp.counted("createSalesOrder"), systems.told())
        if now != before or contender.busy():
            before, since = now, time.monotonic()
        time.sleep(0.5)


@contextlib.contextmanager
def _peak(contender: Contender) -> Iterator[Callable[[], float]]:
    """The greatest sum of the proportional sizes of all its processes while the block runs, looked at four times a second."""
    most, stop = [0.0], threading.Event()

    def look() -> None:
        while True:
            size = 0.0
            for process in contender.processes():
                with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                    full = process.memory_full_info()
                    size += getattr(full, "pss", full.rss)
            most[0] = max(most[0], size)
            if stop.wait(0.25):
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield lambda: most[0]
    finally:
        stop.set()
        thread.join()
