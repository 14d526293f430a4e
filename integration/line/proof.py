"""Judges one order of a channel: whether it is booked exactly once with equal money, and if not, why, and who can mend it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from integration import clock
from integration.ledger.findings import Finding, Known, Verdict
from integration.ledger.records import DEAD, ENDS, SKIPPED
from integration.ports import Booked

READ_WITHIN = timedelta(minutes=15)
"""A change that is younger than this and has not been read may still be on its way; what is older should have been read."""


FAULTS: tuple[Verdict, ...] = ("missing", "double", "different")
"""Verdicts that need somebody, in the order in which they are told."""

AGAIN = "--repair sends it again"


@dataclass(frozen=True, slots=True)
class Placed:
    """An order as the channel has it now. `expected`: what should be booked of it, None where it cannot be read, for the reason `fault`."""

    key: str
    number: str | None
    version: str
    changed_at: datetime
    status: str | None
    exported: bool
    expected: Booked | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Sides:
    """The names of both connections, and up to which change the channel has been read; None where it never was."""

    source: str
    target: str
    position: datetime | None


def judge(order: Placed, sales: Sequence[Booked], known: Known, sides: Sides) -> Finding:
    """`sales`: whatever the target holds of the order, by its number or as what it was booked."""
    counting = [one for one in sales if not one.void]
    cancelled = order.status == "cancelled"
    if len(counting) > 1:
        keys = ", ".join(one.key for one in counting)
        ours = known.target_key if any(one.key == known.target_key for one in counting) else min(one.key for one in counting)
        rest = "all of them" if cancelled else f"all but {ours}"
        return _finding(order, counting, "double", f"booked {len(counting)} times: {keys}", f"cancel {rest} in {sides.target}")
    if cancelled and not counting:
        if sales:
            return _finding(order, counting, "proven", "cancelled on both sides", "")
        return _finding(order, counting, "explained", "cancelled before it was booked", "")
    fault = _fault(order, sales, counting, known, sides)
    if fault is None:
        return _finding(order, counting, "proven", "booked once with equal money", "")
    explained = _explanation(order, known, sides, missing=not sales)
    if explained is not None:
        return _finding(order, counting, "explained", *explained)
    return _finding(order, counting, *fault)


def together(sales: Sequence[Booked], rest: Sequence[Booked]) -> list[Booked]:
    """Both parts of an order as one: what counts of each, where that is one."""
    counting = [[one for one in part if not one.void] for part in (sales, rest)]
    if [len(part) for part in counting] != [1, 1]:
        return [*sales, *rest]
    first, second = counting[0][0], counting[1][0]
    total = first.total + second.total if first.total is not None and second.total is not None else None
    units = dict(Counter(first.units) + Counter(second.units))
    return [replace(first, key=f"{first.key} and {second.key}", total=total, units=units)]


def _fault(
    order: Placed, sales: Sequence[Booked], counting: Sequence[Booked], known: Known, sides: Sides
) -> tuple[Verdict, str, str, bool] | None:
    """What does not fit, what to do, and whether the line can mend it."""
    trace = f"integration trace {order.key}"
    if not counting:
        return _not_booked(order, sales, known, sides, trace)
    (booked,) = counting
    expected = order.expected
    if expected is None:
        return "different", f"cannot be read ({order.fault}), but is booked as {booked.key}", f"compare by hand; {trace}", False
    if order.status == "cancelled":
        behind = known.version is not None and order.version > known.version
        said = f"cancelled in {sides.source}, but {booked.key} still counts in {sides.target}"
        advice = AGAIN if behind else f"cancel {booked.key} by hand, if it still can be; {trace}"
        return "different", said, advice, behind
    by_hand = f"correct {booked.key} in {sides.target} by hand, or the order in {sides.source}; {trace}"
    if (booked.currency, booked.total) != (expected.currency, expected.total):
        ours, theirs = _money(expected), _money(booked)
        return "different", f"{ours} in {sides.source}, but {theirs} in {sides.target} ({booked.key})", by_hand, False
    if booked.units != expected.units:
        return "different", f"{_lines(expected, booked)} in {booked.key}", by_hand, False
    if known.version is not None and order.version > known.version:
        said = f"a newer version of {clock.text(order.changed_at)} has not reached {booked.key}"
        return "different", said, AGAIN, True
    return None


def _not_booked(order: Placed, sales: Sequence[Booked], known: Known, sides: Sides, trace: str) -> tuple[Verdict, str, str, bool]:
    if sales:
        keys = ", ".join(one.key for one in sales)
        said = f"{keys} is cancelled in {sides.target}, but the order is {order.status or 'unreadable'} in {sides.source}"
        return "different", said, f"cancel it in {sides.source} too, or book it again by hand", False
    if known.target_key is not None:
        said = f"was booked as {known.target_key}, which is no longer in {sides.target}"
        return "missing", said, f"find out who deleted it, and book it again by hand; {trace}", False
    if known.state is not None:
        return "missing", f"its newest version is {known.state}, but nothing is booked", trace, False
    if order.expected is None:
        return "missing", f"was never read, and cannot be ({order.fault})", f"correct it in {sides.source}", False
    return "missing", "was never read", "--repair books it", True


def _explanation(order: Placed, known: Known, sides: Sides, *, missing: bool) -> tuple[str, str] | None:
    """Cause and advice where the line itself knows why an order is not as it should be."""
    if known.letter is not None:
        return f"dead letter {known.letter[0]}: {known.letter[1]}", f"integration dead-letters show {known.letter[0]}"
    if known.hold is not None:
        return f"on hold, {known.hold[1]}", "integration holds list"
    if known.state is not None and known.state not in ENDS:
        return f"on its way: {known.state}", "look again later"
    if missing and (said := _left_out(order, known)) is not None:
        return said
    if sides.position is not None and order.changed_at > max(sides.position, clock.now() - READ_WITHIN):
        return "changed a moment ago, and is not read yet", "look again later"
    return None


def _left_out(order: Placed, known: Known) -> tuple[str, str] | None:
    """Why an order was not to be booked."""
    if known.state == DEAD and known.dismissed is not None:
        return f"dead letter {known.dismissed[0]} was dismissed{': ' if known.dismissed[1] else ''}{known.dismissed[1]}", ""
    if known.state == SKIPPED:
        return known.reason or SKIPPED, ""
    if known.state is None and known.target_key is None and order.exported:
        return "was marked as taken over by somebody else", "a backfill of its window books it all the same"
    return None


def _finding(order: Placed, counting: Sequence[Booked], verdict: Verdict, cause: str, advice: str, repairable: bool = False) -> Finding:
    counts = order.expected is not None and order.status != "cancelled"
    return Finding(
        order.key,
        order.number,
        verdict,
        cause,
        advice,
        repairable,
        order.expected.currency if order.expected else next((one.currency for one in counting), None),
        str(order.expected.total) if order.expected is not None and counts else None,
        [(one.key, str(one.total or 0)) for one in counting],
    )


def _money(booked: Booked) -> str:
    return f"{booked.total} {booked.currency}"


def _lines(expected: Booked, booked: Booked) -> str:
    skus = sorted({*expected.units, *booked.units})
    said = [f"{_units(expected.units, sku)} of {sku} are {_units(booked.units, sku)}" for sku in skus if _differs(expected, booked, sku)]
    return ", ".join(said)


def _differs(expected: Booked, booked: Booked, sku: str) -> bool:
    return _units(expected.units, sku) != _units(booked.units, sku)


def _units(units: Mapping[str, int], sku: str) -> int:
    return units.get(sku, 0)
