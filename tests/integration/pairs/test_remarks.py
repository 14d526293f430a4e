"""What an order says beside goods and money: the buyer's remark and own number, and a shipping method for which there is no code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from integration.ledger import retention
from integration.ledger.crosswalk import look_up
from integration.ledger.database import read, write
from integration.line.journey import House
from integration.line.privacy import personal
from tests.fixtures.line import drain
from tests.fixtures.pairs import Erp, InSage, InTims, OnClarity, Shop, Sold
from tests.integration.line.conftest import letters

Paired = Callable[..., House]
REMARK = "Please ring twice: Ana's door is the red one."


@pytest.fixture
def shop(shops: Mapping[str, Shop]) -> OnClarity:
    found = shops["clarity"]
    assert isinstance(found, OnClarity)
    return found


@pytest.fixture
def erp(erps: Mapping[str, Erp]) -> InSage:
    found = erps["sage100"]
    assert isinstance(found, InSage)
    return found


def comments(erp: InSage) -> list[str]:
    return [line["CommentText"] for line in erp.raw(erp.orders()[0])["Lines"]]


def delivered(house: House, sold: Sold) -> dict[str, Any]:
    with read(house.engine) as connection:
        crossing = look_up(connection, "shop", "erp", "order", [sold.key])[sold.key]
    assert crossing.delivered is not None
    found: dict[str, Any] = house.vault.open(crossing.delivered)
    return found


def test_a_remark_and_a_number_of_the_buyers_own_reach_sage_100(paired: Paired, shop: OnClarity, erp: InSage) -> None:
    house = paired(shop, erp)
    shop.place([1], notes=REMARK, customerPoNumber="PO-7781")
    drain(house, "orders")
    assert comments(erp) == [f"PO PO-7781; Notes {REMARK}", ""]
    assert letters(house) == []


def test_they_reach_tims_with_the_third_line_of_the_address(paired: Paired, shop: OnClarity, erps: Mapping[str, Erp]) -> None:
    tims = erps["tims"]
    assert isinstance(tims, InTims)
    house = paired(shop, tims)
    address = shop.checkout(1)["shippingAddress"] | {"line2": "Dock 4", "line3": "Gate B"}
    shop.place([1], notes=REMARK, customerPoNumber="PO-7781", shippingAddress=address, shippingMethod="usps-priority")
    drain(house, "orders")
    (order,) = tims.simulator.state()["sales_orders"]
    assert order["Notes"].endswith(f"Ship by usps-priority; PO PO-7781; Notes {REMARK}")
    lines = f"{order['ShippingAddress']['Line1']} {order['ShippingAddress']['Line2']}"
    assert all(part in lines for part in ("Orchard Lane", "Dock 4", "Gate B"))
    assert letters(house) == []


def test_a_remark_is_forgotten_with_the_payloads_and_what_is_read_again_is_unchanged(paired: Paired, shop: OnClarity, erp: InSage) -> None:
    house = paired(shop, erp)
    (sold,) = shop.place([1], notes=REMARK)
    drain(house, "orders")
    assert REMARK in str(delivered(house, sold))
    flow = house.settings.flows["orders"]
    with write(house.engine) as connection:
        retention.forget_delivered(connection, house.vault, flow, {sold.key}, personal(house, flow))
    left = delivered(house, sold)
    assert REMARK not in str(left)
    assert [line["ItemCode"] for line in left["Lines"]] == ["LAMP-002", "DESK-002"]
    shop.simulator.change(sold.key, shippingMethod="ups-2day")
    drain(house, "orders")
    assert (letters(house), erp.raw(erp.orders()[0])["ShipVia"]) == ([], "UPS 2DAY")
    shop.simulator.change(sold.key, notes="Do not ring.")
    drain(house, "orders")
    assert [letter.reason for letter in letters(house)] == [
        f"Lines: changed after {erp.orders()[0].key} was made and cannot be changed there"
    ]


def test_a_shipping_method_without_a_code_waits_for_a_person(paired: Paired, shop: OnClarity, erp: InSage) -> None:
    house = paired(shop, erp)
    shop.place([1], shippingMethod="White Glove")
    shop.place([2], shippingMethod=None)
    drain(house, "orders")
    [letter] = letters(house)
    assert "ShipVia: 'White Glove' is not in the word list ship_via" in letter.reason
    assert [erp.raw(one)["ShipVia"] for one in erp.orders()] == [""]


def test_what_the_list_lacks_may_have_a_code_of_its_own(paired: Paired, shop: OnClarity, erp: InSage, tmp_path: Path) -> None:
    folder = tmp_path / "ours" / "sage100"
    folder.mkdir(parents=True)
    (folder / "order.yaml").write_text('system: sage100\nentity: order\nwords:\n  ship_via:\n    "*": UPS GRND\n')
    house = paired(shop, erp, f'[mappings]\nfolder = "{tmp_path / "ours"}"\n')
    shop.place([1], shippingMethod="White Glove")
    shop.place([2], shippingMethod="fedex-overnight")
    drain(house, "orders")
    assert [erp.raw(one)["ShipVia"] for one in erp.orders()] == ["UPS GRND", "FEDEX OVRN"]
    assert letters(house) == []
