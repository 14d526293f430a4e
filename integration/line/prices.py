"""Named price rules: what a product costs at a moment, and until when. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from integration import clock
from integration.errors import SyncError
from integration.line.journey import Journey
from integration.ports import SourceRecord

Product = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """The price at a moment. `until`: when it will be another although nobody changes the product; None where it will not. `turns`: how
    often that has been so already."""

    price: Decimal
    until: datetime | None = None
    turns: int = 0


def list_price(product: Product, at: datetime) -> Asked:  # noqa: ARG001 - a rule like the others
    """The list price, whatever promotion runs."""
    return Asked(product["list_price"])


def promotion(product: Product, at: datetime) -> Asked:
    """The promotion's price from its begin to its end, else the list price."""
    window = product.get("promotion")
    if window is None:
        return list_price(product, at)
    begin, end = (clock.instant(window[name]) if window.get(name) else None for name in ("starts_at", "ends_at"))
    if begin is not None and end is not None and end <= begin:
        return list_price(product, at)
    if end is not None and end <= at:
        return Asked(product["list_price"], turns=2)
    if begin is not None and at < begin:
        return Asked(product["list_price"], begin)
    return Asked(window["price"], end, turns=1)


PRICE_RULES: Mapping[str, Callable[[Product, datetime], Asked]] = {"promotion": promotion, "list": list_price}


def versions(journey: Journey, records: Sequence[SourceRecord], at: datetime) -> Sequence[SourceRecord]:
    """Of products the version also says how often their price has turned by itself: the system does not call that a change."""
    if journey.flow.entity != "product":
        return records
    return [replace(one, version=f"{one.version} {_turns(journey, one, at)}") for one in records]


def _turns(journey: Journey, record: SourceRecord, at: datetime) -> int:
    try:
        return PRICE_RULES[journey.flow.price](journey.read(record.body), at).turns
    except SyncError:  # transform tells it
        return 0
