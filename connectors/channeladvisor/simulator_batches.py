"""Batches of the simulated ChannelAdvisor, whose items are accepted or not one by one."""

from __future__ import annotations

from typing import Any

from connectors.simulation.answers import Flaw, Record, Refusal, Request

MOST_ITEMS = 100
FUTURE_MS = 5 * 60 * 1000  # how far ahead of the server's clock an AsOf may be


def items_of(request: Request) -> list[Any]:
    items: list[Any] = request.body["Items"]
    if not 1 <= len(items) <= MOST_ITEMS:
        flaw = Flaw("Items", "too_many", f"Has {len(items)} items.")
        raise Refusal(400, "BatchTooLarge", f"A batch has 1 to {MOST_ITEMS} items.", [flaw])
    return items


def result(item: Any, status: str, message: str | None) -> Record:
    """A BatchItemResult; `item` may be anything that was sent."""
    sent = item if isinstance(item, dict) else {}
    sku, center = sent.get("SKU"), sent.get("DistributionCenterID")
    out: Record = {"SKU": sku[:200] if isinstance(sku, str) else None, "Status": status, "Message": message and message[:500]}
    if isinstance(center, int) and not isinstance(center, bool):
        out["DistributionCenterID"] = center
    return out
