"""What all peers share of the mapping: a channel's order as the ERP takes it, by the same compiled files as ours.

Only the carriage is compared, so nobody's mapping is made dearer or poorer; needs ruamel.yaml, marshmallow and pycountry alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.channeladvisor import schemas as channeladvisor
from connectors.tims import schemas as tims
from integration.canonical import customer_of
from integration.mapping import load_mapping

MAPPINGS = Path(__file__).parents[2] / "mappings"

_read_order = load_mapping(MAPPINGS / "channeladvisor" / "order.yaml", None, channeladvisor.KNOWN_PATHS["order"]).read
_write_order = load_mapping(MAPPINGS / "tims" / "order.yaml", None, tims.KNOWN_PATHS["order"]).write
_write_customer = load_mapping(MAPPINGS / "tims" / "customer.yaml", None, tims.KNOWN_PATHS["customer"]).write


@dataclass(frozen=True, slots=True)
class SalesOrder:
    """`order` lacks the CustomerID, which is `customer`'s in the ERP; `email` is that customer's, in lower case, or
    empty where a guest gave none. `key` is the channel's."""

    key: int
    email: str
    order: dict[str, Any]
    customer: dict[str, Any]


def sales_order(raw: dict[str, Any]) -> SalesOrder:
    canonical = _read_order(raw)
    order = _write_order(canonical)
    for name in ("CustomerID", "OrderStatus"):  # the first is found in the ERP; a create does not take the other
        order.pop(name, None)
    return SalesOrder(
        raw["ChannelAdvisorOrderID"], (canonical["customer"]["email"] or "").lower(), order, _write_customer(customer_of(canonical))
    )
