"""Which SKUs the target knows: asked once, remembered in the ledger, asked again when one is unknown."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from integration import clock
from integration.ledger import tables
from integration.ledger.database import read, write
from integration.line.journey import House, Journey
from integration.ports import Item

KNOWN_FOR = timedelta(hours=24)
UNKNOWN_FOR = timedelta(seconds=30)
"""An unknown or inactive SKU is asked for again soon: somebody is likely to be adding it."""


def known_items(house: House, journey: Journey, skus: Iterable[str]) -> dict[str, Item | None]:
    """The item of each SKU, None where the target has none."""
    wanted = sorted(set(skus))
    name = journey.flow.target
    with read(house.engine) as connection:
        known = _remembered(connection, name, wanted)
    missing = [sku for sku in wanted if sku not in known]
    if missing:
        asked: dict[str, Item | None] = {}
        try:
            with journey.target_budget.expecting(len(missing)):
                for sku in missing:
                    asked[sku] = _ask(journey, sku)
        finally:
            with write(house.engine) as connection:
                _remember(connection, name, asked)
        known |= asked
    return known


def _ask(journey: Journey, sku: str) -> Item | None:
    """An item of that code, an item with that alias, or the one that the mapping names."""
    item, named = journey.target.item(sku), journey.items.get(sku)
    return journey.target.item(named) if item is None and named is not None else item


def forget(connection: Connection, name: str, skus: Collection[str]) -> None:
    """The target refused an order: what is remembered of its SKUs is no longer believed."""
    if not skus:
        return
    connection.execute(delete(tables.item).where(tables.item.c.connection == name, tables.item.c.sku.in_(sorted(set(skus)))))


def _remembered(connection: Connection, name: str, skus: list[str]) -> dict[str, Item | None]:
    i = tables.item.c
    moment = clock.now()
    known: dict[str, Item | None] = {}
    for row in connection.execute(select(tables.item).where(i.connection == name, i.sku.in_(skus))):
        good = row.target_sku is not None and row.active
        if moment - row.checked_at < (KNOWN_FOR if good else UNKNOWN_FOR):
            known[row.sku] = Item(row.target_sku, row.active) if row.target_sku is not None else None
    return known


def _remember(connection: Connection, name: str, asked: dict[str, Item | None]) -> None:
    if not asked:
        return
    moment = clock.now()
    rows = [
        {
            "connection": name,
            "sku": sku,
            "target_sku": item.sku if item else None,
            "active": bool(item and item.active),
            "checked_at": moment,
        }
        for sku, item in sorted(asked.items())
    ]
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = dialect.insert(tables.item)
    values = {column: new.excluded[column] for column in ("target_sku", "active", "checked_at")}
    connection.execute(new.on_conflict_do_update(index_elements=["connection", "sku"], set_=values), rows)
