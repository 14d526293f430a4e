"""Judges from outside: what both systems hold at rest and what they counted, and what `integration` says of dead letters and holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos.scene import Scene
from chaos.weakness import POISON
from commands.demo.orders import Placing
from commands.demo.pairs import Pair
from commands.demo.sides import State
from commands.demo.verdict import complaints
from connectors.simulation.remote import RemoteSimulator

ORDERS = "orders"
GUEST = "guests@orders.invalid"
"""The customer of orders without an e-mail address, where the flow names no other."""


@dataclass(frozen=True, slots=True)
class Explained:
    """An open dead letter or a hold, as the command line tells of it."""

    id: int
    flow: str
    source_key: str
    reason: str
    fields: Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the verdict is made of."""

    pair: Pair
    shop: State
    erp: State
    stats: Mapping[str, State]
    letters: Sequence[Explained]
    holds: Sequence[Explained]


def gather(scene: Scene, simulators: Mapping[str, RemoteSimulator]) -> Evidence | None:
    """None where the command line cannot tell, as while the database is away."""
    groups, waiting = scene.command("dead-letters", "list"), scene.command("holds", "list")
    if groups is None or waiting is None:
        return None
    letters = [_explained(one, group["flow"]) for group in groups for one in group["letters"]]
    holds = [_explained(one, one["flow"]) for one in waiting]
    stats = {name: one.stats() for name, one in simulators.items()}
    shop, erp = (simulators[side.system].state() for side in scene.pair.sides)
    return Evidence(scene.pair, shop, erp, stats, letters, holds)


def judge(placed: Mapping[str, Placing], evidence: Evidence) -> list[str]:
    """One sentence for each thing that is not as it must be; none where all is well."""
    letters = [one for one in evidence.letters if one.flow == ORDERS]
    holds = [one for one in evidence.holds if one.flow == ORDERS]
    stats = {name: without_storms(counted) for name, counted in evidence.stats.items()}
    storefront, books = evidence.pair.shop.storefront(evidence.shop), evidence.pair.erp.books(evidence.erp)
    return [
        *complaints(placed, storefront, books, letters, holds, stats, GUEST),
        *_wrong_poison(placed, letters),
        *(f"dead letter {one.id} of {one.flow}: {one.reason}" for one in evidence.letters if not _expected(placed, one)),
        *(f"hold {one.id} of {one.flow}: {one.reason}" for one in evidence.holds if one.flow != ORDERS),
    ]


def _expected(placed: Mapping[str, Placing], letter: Explained) -> bool:
    """Whether a letter is judged with its order, or tells of a parcel that left while its order was cancelled."""
    too_late = (key for key, placing in placed.items() if placing.fate == "too late")
    return letter.flow == ORDERS or (letter.flow == "shipments" and any(key in letter.reason for key in too_late))


def without_storms(counted: State) -> dict[str, Any]:
    """What a system refused, less the 429 that it was told to give."""
    refused: Counter[str] = Counter(counted["refused"])
    refused -= Counter({"429": counted["faults"].get("rate-limited", 0)})
    return {**counted, "refused": dict(refused)}


def _wrong_poison(placed: Mapping[str, Placing], letters: Sequence[Explained]) -> Iterator[str]:
    for one in letters:
        killed = "killed its worker" in "".join(fault["message"] for fault in one.fields)
        poisonous = one.source_key in placed and _kills(placed[one.source_key])
        if poisonous and not killed:
            yield f"order {one.source_key} kills each worker, and its dead letter says: {one.reason}"
        elif killed and not poisonous:
            yield f"order {one.source_key} is harmless, and is put aside as one that kills"


def _kills(placing: Placing) -> bool:
    return any(line.sku == POISON for line in placing.sale.lines)


def _explained(one: Mapping[str, Any], flow: str) -> Explained:
    return Explained(one["id"], flow, one["source_key"], one["reason"], one["fields"])
