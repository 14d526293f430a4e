"""The demo's orders: what is said of their fate is true of what they are."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice

import pytest

from commands.demo.channeladvisor import ChannelAdvisor
from commands.demo.clarity import Clarity
from commands.demo.orders import Orders, Placing
from commands.demo.pairs import ERPS, SHOPS, Pair
from commands.demo.sage100 import Sage100
from commands.demo.tims import Tims
from connectors.simulation.catalogue import goods

MOMENT = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
FIRST, SECOND = Pair(ChannelAdvisor(), Tims()), Pair(Clarity(), Sage100())
PAIRS = [Pair(shop, erp) for shop in SHOPS.values() for erp in ERPS.values()]


def orders(count: int, seed: int = 1, pair: Pair = FIRST) -> list[Placing]:
    return list(islice(Orders(pair, seed, lambda: MOMENT), count))


def every_pair(function):
    return pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: "-".join(side.system for side in pair.sides))(function)


@every_pair
def test_the_same_seed_gives_the_same_orders_and_another_gives_others(pair: Pair) -> None:
    assert orders(50, pair=pair) == orders(50, pair=pair)
    assert orders(50, pair=pair) != orders(50, seed=2, pair=pair)


@pytest.mark.parametrize(
    ("pair", "kinds", "dead", "waiting"),
    [
        (
            FIRST,
            7,
            {"total_amount", "status", "Currency"},
            {"lines[0].sku": 4, "ShippingAddress.PostalCode": 2, "ShippingAddress.Line1": 2},
        ),
        (
            SECOND,
            8,
            {"total_amount", "status", "currency"},
            {"lines[0].sku": 4, "shipping_address.postal_code": 2, "ShipToAddress1": 2, "customer": 2},
        ),
    ],
)
def test_of_every_dozen_one_is_bad_and_each_kind_of_fault_comes(pair: Pair, kinds: int, dead: set[str], waiting: dict[str, int]) -> None:
    made = orders(12 * 2 * kinds, pair=pair)
    for start in range(0, len(made), 12):
        assert sum(one.fate in ("dead", "held") for one in made[start : start + 12]) == 1
    assert Counter(one.fault for one in made if one.fate == "dead") == dict.fromkeys(dead, 2)
    assert Counter(one.fault for one in made if one.fate == "held") == waiting


@pytest.mark.parametrize(("pair", "kinds"), [(FIRST, 7), (SECOND, 8)])
def test_every_story_comes(pair: Pair, kinds: int) -> None:
    made = orders(12 * 2 * kinds, pair=pair)
    stories = Counter(one.story for one in made)
    assert stories["restock"] == stories["cancel too late"] == 2
    long = sum(bool(one.street) for one in made)
    assert long == (2 if pair is SECOND else 0)
    assert stories["ship"] == 12 * 2 * kinds - 2 * 2 * kinds + long


def test_only_the_order_with_a_wrong_total_adds_up_wrongly() -> None:
    for one in orders(200):
        raw = ChannelAdvisor().order(one.sale)
        added = sum(
            line["Quantity"] * Decimal(line["UnitPrice"])
            + Decimal(line["TaxAmount"])
            + Decimal(line["ShippingAmount"])
            - Decimal(line["DiscountAmount"])
            for line in raw["Items"]
        )
        assert (added == Decimal(raw["TotalAmount"])) is (one.fault != "total_amount") is one.checked
        raw = Clarity().order(one.sale)
        parts = [
            line["quantity"] * Decimal(str(line["unitPrice"])) + Decimal(str(line["taxAmount"])) - Decimal(str(line["discountAmount"]))
            for line in raw["items"]
        ]
        assert (sum(parts, Decimal(str(raw["shippingAmount"]))) == Decimal(str(raw["total"]))) is one.checked


@every_pair
def test_good_lines_name_active_items_by_their_sku_or_their_alias(pair: Pair) -> None:
    items = {name: each for each in goods(pair.erp.items) for name in (each.sku, each.alias) if name}
    aliases = 0
    for one in orders(200, pair=pair):
        if one.fault == "lines[0].sku":
            assert items.get(one.sale.lines[0].sku) is None or items[one.sale.lines[0].sku].status != "Active"
            continue
        for line, (sku, quantity) in zip(one.sale.lines, one.lines, strict=True):
            assert items[line.sku].status == "Active"
            assert (items[line.sku].sku, line.quantity) == (sku, quantity)
            aliases += line.sku != sku
    assert aliases


@pytest.mark.parametrize(("pair", "lines", "line"), [(FIRST, 2, 60), (SECOND, 3, 40)])
def test_a_street_that_is_too_long_is_longer_than_the_erp_has_lines(pair: Pair, lines: int, line: int) -> None:
    made = orders(500, pair=pair)
    too_long = [one.sale.ship_to.line1 for one in made if one.fault == pair.erp.fields["street"]]
    assert too_long
    assert all(lines * line < len(street) <= 200 for street in too_long)  # ChannelAdvisor takes 200
    assert all(line < len(one.street) <= 2 * line for one in made if one.street)


def test_clarity_gets_a_long_street_in_lines_that_it_takes() -> None:
    for one in orders(500, pair=SECOND):
        address = Clarity().order(one.sale)["shippingAddress"]
        lines = [address[name] for name in ("line1", "line2", "line3") if name in address]
        assert all(len(line) <= 100 for line in lines)
        assert " ".join(lines).split() == f"{one.sale.ship_to.line1} {one.sale.ship_to.line2 or ''}".split()


@every_pair
def test_no_order_number_comes_twice_on_a_site(pair: Pair) -> None:
    numbers = [(one.sale.site.name, one.sale.site.number.format(one.sale.number)) for one in orders(500, pair=pair)]
    assert len(set(numbers)) == len(numbers)


def test_only_a_shop_that_takes_guests_has_orders_without_an_email_address() -> None:
    assert any(one.sale.buyer.email is None for one in orders(200))
    assert all(one.sale.buyer.email for one in orders(200, pair=SECOND))
    assert all(one.buyer for one in orders(200, pair=SECOND))


def test_who_owes_orders_on_account() -> None:
    owing = [one.sale for one in orders(12 * 16, pair=SECOND) if one.sale.buyer.email == Sage100.owing]
    assert [Clarity().order(sale)["payments"] for sale in owing] == [[{"gateway": "Invoice"}]] * 2
