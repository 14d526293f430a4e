"""The demo's orders: what is said of their fate is true of what they are."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice

from commands.demo.orders import ITEMS, Placing, Shop
from connectors.simulation.catalogue import goods

MOMENT = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


def orders(count: int, seed: int = 1) -> list[Placing]:
    return list(islice(Shop(seed, lambda: MOMENT).orders(), count))


def total(made: Placing) -> Decimal:
    return sum(
        (
            line["Quantity"] * Decimal(line["UnitPrice"])
            + Decimal(line["TaxAmount"])
            + Decimal(line["ShippingAmount"])
            - Decimal(line["DiscountAmount"])
            for line in made.order["Items"]
        ),
        Decimal(0),
    )


def test_the_same_seed_gives_the_same_orders_and_another_gives_others() -> None:
    assert orders(50) == orders(50)
    assert orders(50) != orders(50, seed=2)


def test_of_every_dozen_one_is_bad_and_each_kind_of_fault_comes() -> None:
    made = orders(12 * 14)
    for start in range(0, len(made), 12):
        assert sum(one.fate in ("dead", "held") for one in made[start : start + 12]) == 1
    assert Counter(one.fault for one in made if one.fate == "dead") == {"total_amount": 2, "status": 2, "Currency": 2}
    waiting = Counter(one.fault for one in made if one.fate == "held")
    assert waiting == {"lines[0].sku": 4, "ShippingAddress.PostalCode": 2, "ShippingAddress.Line1": 2}


def test_every_story_comes() -> None:
    stories = Counter(one.story for one in orders(12 * 14))
    assert stories["restock"] == stories["cancel too late"] == 2
    assert stories["ship"] == 12 * 14 - 14 - 14


def test_only_the_order_with_a_wrong_total_adds_up_wrongly() -> None:
    for one in orders(200):
        assert (total(one) == Decimal(one.order["TotalAmount"])) is (one.fault != "total_amount") is one.checked


def test_good_lines_name_active_items_by_their_sku_or_their_alias() -> None:
    items = {name: each for each in goods(ITEMS) for name in (each.sku, each.alias) if name}
    aliases = 0
    for one in orders(200):
        if one.fault == "lines[0].sku":
            assert items.get(one.order["Items"][0]["SKU"]) is None or items[one.order["Items"][0]["SKU"]].status != "Active"
            continue
        for line, (sku, quantity) in zip(one.order["Items"], one.lines, strict=True):
            assert items[line["SKU"]].status == "Active"
            assert (items[line["SKU"]].sku, line["Quantity"]) == (sku, quantity)
            aliases += line["SKU"] != sku
    assert aliases


def test_a_street_that_is_too_long_is_longer_than_two_lines_and_no_longer_than_the_channel_takes() -> None:
    streets = [one.order["ShippingAddress"]["AddressLine1"] for one in orders(500) if one.fault == "ShippingAddress.Line1"]
    assert streets
    assert all(2 * 60 < len(street) <= 200 for street in streets)


def test_no_order_number_comes_twice_on_a_site() -> None:
    numbers = [(one.order["SiteName"], one.order["OrderID"]) for one in orders(500)]
    assert len(set(numbers)) == len(numbers)
