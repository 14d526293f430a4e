"""Reads one flow of the settings: what every flow has, and what only those of its entity have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import Any, get_args

from integration.canonical import CANONICAL
from integration.settings import values
from integration.settings.model import (
    CONFLICTS,
    Buffer,
    Charge,
    Credit,
    FieldGroup,
    Flow,
    GuestRule,
    Guests,
    HoldTimes,
    KnownCustomers,
    NewCustomers,
    OutOfStock,
    PriceRule,
    Winner,
)
from integration.settings.table import Table

Readers = Mapping[str, Callable[[Any], Any]]

EVERY_FLOW: Readers = {
    "every": values.seconds(least=0.5),
    "overlap": values.seconds(least=0),
    "look_back_every": values.seconds(least=1),
    "batches_in_flight": values.whole(1, 100),
    "max_attempts": values.whole(1, 100),
    "behind_after": values.seconds(least=1),
    "rules": values.texts,
}
OF_ENTITY: Mapping[str, Readers] = {
    "order": {
        "out_of_stock": values.one_of(get_args(OutOfStock), "policy"),
        "credit": values.one_of(get_args(Credit), "policy"),
        "customers": values.one_of(get_args(KnownCustomers), "policy"),
        "new_customers": values.one_of(get_args(NewCustomers), "policy"),
        "division": values.code,
    },
    "product": {"price": values.one_of(get_args(PriceRule), "rule")},
    "stock": {"distribution_center": values.code, "full_pass_at": values.time_of_day},
}


def flow(name: str, table: Table, connections: Collection[str]) -> Flow | None:
    """None where its entity or one of its ends is at fault; every fault is noted."""
    required: dict[str, Any] = {
        "entity": table.get("entity", values.one_of(CANONICAL, "entity"), required="what it moves, as in order"),
        "source": table.get("source", values.one_of(connections, "connection"), required="the connection it reads"),
        "target": table.get("target", values.one_of(connections, "connection"), required="the connection it writes"),
    }
    entity = required["entity"] or ""
    options = table.given(EVERY_FLOW) | table.given(OF_ENTITY.get(entity, {}))
    options["holds"] = _holds(table.table("holds"))
    options["conflicts"] = _conflicts(table.table("conflicts"))
    if entity in ("order", ""):
        options["guests"] = _guests(table.table("guests"))
        options["charges"] = _charges(table.table("charges"))
    if entity in ("stock", ""):
        options["buffer"] = _buffer(table.table("buffer"))
    if required["source"] and required["source"] == required["target"]:
        table.problems.fault((*table.path, "target"), "`target` is the connection that is read; name another.")
    if None in required.values():
        return None
    return Flow(name=name, **required, **options)


def _holds(table: Table) -> HoldTimes:
    options = table.given({one.name: values.seconds(least=1) for one in fields(HoldTimes)})
    table.close()
    return HoldTimes(**options)


def _conflicts(table: Table) -> Mapping[str, Winner]:
    chosen = table.given({group: values.one_of(get_args(Winner), "side") for group in get_args(FieldGroup)})
    table.close()
    return {**CONFLICTS, **chosen}


def _charges(table: Table) -> Mapping[str, str]:
    chosen = table.given(dict.fromkeys(get_args(Charge), values.text))
    table.close()
    return chosen


def _buffer(table: Table) -> Buffer:
    options = table.given({"default": values.whole(0, 1_000_000), "groups": values.units_by_name, "skus": values.units_by_name})
    table.close()
    return Buffer(**options)


def _guests(table: Table) -> Guests:
    options = table.given(
        {
            "rule": values.one_of(get_args(GuestRule), "rule"),
            "customer_id": values.text,
            "email": values.email,
            "name": values.text,
        }
    )
    table.close()
    guests = Guests(**options)
    if guests.customer_id and guests.rule != "shared":
        table.problems.fault((*table.path, "customer_id"), '`customer_id` goes with rule = "shared" alone; take one of them out.')
    return guests
