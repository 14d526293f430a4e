"""The quantities that a channel shows: read from its stock records, and set many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.rest.definition import Levels
from integration import clock
from integration.errors import Transient
from integration.ports import Body, Level, LevelResult


def level(declared: Levels, body: Body, center: str) -> Level:
    """Raises Transient for a body that is no stock record."""
    sku, centers, pending = body.get(declared.sku), body.get(declared.centers), body.get(declared.pending or "")
    if not isinstance(sku, str) or not isinstance(centers, list):
        raise Transient("a stock record was answered that cannot be read")
    one = next((each for each in centers if isinstance(each, dict) and str(each.get(declared.center)) == center), {})
    quantity, as_of = one.get(declared.quantity), one.get(declared.as_of)
    try:
        moment = clock.instant(as_of) if isinstance(as_of, str) else None
    except ValueError:
        raise Transient("a stock record was answered with an instant that cannot be read") from None
    return Level(
        sku,
        quantity if isinstance(quantity, int) else None,
        moment,
        (pending if isinstance(pending, int) else 0) if declared.pending else None,
    )


def results(declared: Levels, sent: Sequence[Body], answer: Body | None) -> list[LevelResult]:
    """Raises Transient for an answer that does not say something of each: the quantities are absolute, and are sent again."""
    found: Any = (answer or {}).get(declared.results)
    if not isinstance(found, list) or len(found) != len(sent) or not all(isinstance(one, dict) for one in found):
        raise Transient("quantities were set and not answered one by one")
    ours = {theirs: word for word, theirs in declared.words.items()}
    return [
        LevelResult(str(body[declared.sku]), ours.get(str(one.get(declared.result)), "invalid"), str(one.get(declared.message) or ""))
        for body, one in zip(sent, found, strict=True)
    ]
