"""The goods that every simulated system starts with: the same at every start, and the same in all systems."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

# Family of SKUs, the short code of its marketplace aliases, what it is, and its list price in cents.
FAMILIES = (
    ("LAMP", "LMP", "Lamp", 2999),
    ("DESK", "DSK", "Standing Desk", 34900),
    ("CHAIR", "CHR", "Office Chair", 18950),
    ("SHELF", "SHF", "Wall Shelf", 4975),
    ("RUG", "RUG", "Wool Rug", 12900),
    ("MUG", "MUG", "Stoneware Mug", 1450),
    ("TOWEL", "TWL", "Bath Towel", 1995),
    ("CLOCK", "CLK", "Wall Clock", 3925),
)
VARIANTS = ("Classic", "Walnut", "Oak", "Graphite", "Linen", "Ivory", "Sage", "Indigo", "Copper", "Amber")
BRANDS = ("Brightly", "Nordhem", "Casa Verde")


@dataclass(frozen=True, slots=True)
class Goods:
    """Prices in cents. In each ten of a family the ninth is Inactive and the tenth Discontinued; every third has an alias."""

    sku: str
    title: str
    brand: str
    list_price: int
    cost: int
    alias: str | None
    status: str
    upc: str


def goods(count: int) -> Iterator[Goods]:
    """LAMP-001 to LAMP-010, DESK-001 to DESK-010 and so on; LAMP-011 follows when every family has ten."""
    for place in range(count):
        ten, variant = divmod(place, 10)
        family, code, title, price = FAMILIES[ten % len(FAMILIES)]
        number = ten // len(FAMILIES) * 10 + variant + 1
        list_price = price + variant * 100
        yield Goods(
            sku=f"{family}-{number:03d}",
            title=f"{VARIANTS[variant]} {title}",
            brand=BRANDS[place % len(BRANDS)],
            list_price=list_price,
            cost=list_price * 2 // 5,
            alias=f"AMZ-{code}-{number}" if variant % 3 == 0 else None,
            status={8: "Inactive", 9: "Discontinued"}.get(variant, "Active"),
            upc=f"{12345678900 + place:012d}",
        )
