"""The pairs that the demo can show: each shop with each ERP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import click

from commands import pairs
from commands.demo.channeladvisor import ChannelAdvisor
from commands.demo.clarity import Clarity
from commands.demo.sage100 import Sage100
from commands.demo.sides import Erp, Shop
from commands.demo.tims import Tims
from connectors.registry import SYSTEMS

SHOPS: Mapping[str, Shop] = {shop.system: shop for shop in (ChannelAdvisor(), Clarity())}
ERPS: Mapping[str, Erp] = {erp.system: erp for erp in (Tims(), Sage100())}


@dataclass(frozen=True, slots=True)
class Pair:
    shop: Shop
    erp: Erp

    @property
    def title(self) -> str:
        return " → ".join(SYSTEMS[side.system].title for side in self.sides)

    def rate(self, *, ends: bool) -> float:
        """Orders a second that the limits of both sides have room for."""
        return min(self.shop.most, self.erp.brisk if ends else self.erp.steady)

    @property
    def sides(self) -> tuple[Shop, Erp]:
        return self.shop, self.erp


def chosen(name: str) -> Pair:
    """By its name, as in clarity-sage100."""
    shop, erp = pairs.systems(name)
    for system, known in ((shop, SHOPS), (erp, ERPS)):
        if system not in known:
            raise click.UsageError(f"the demo cannot show {system} yet; commands/demo/pairs.py names what it can.")
    return Pair(SHOPS[shop], ERPS[erp])
