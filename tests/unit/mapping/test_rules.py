"""Each rule finds its fault, names the field with the numbers, and is silent on a good order."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integration.canonical import CANONICAL
from integration.errors import Misconfigured
from integration.mapping import load_flow_rules
from integration.rules import RULES, broken
from integration.schema import checked

ROOT = Path(__file__).parents[3]


@pytest.fixture
def order() -> dict[str, Any]:
    stored = json.loads((ROOT / "tests/golden/channeladvisor-tims/promotion.json").read_text(encoding="utf-8"))["canonical"]
    return copy.deepcopy(checked(CANONICAL["order"], stored, "the order"))


def found(order: dict[str, Any]) -> list[str]:
    return [str(fault) for fault in broken(RULES, order)]


def test_a_good_order_breaks_none(order: dict[str, Any]):
    assert found(order) == []


def test_sums(order: dict[str, Any]):
    for wrong in ("96.90", "96.92", "-96.91"):
        order["total_amount"] = Decimal(wrong)
        assert found(order) == [f"total_amount: says {wrong}, the lines add up to 96.91"]


def test_shipping_sums(order: dict[str, Any]):
    order["shipping_amount"] = Decimal("7.00")
    order["total_amount"] = Decimal("96.92")
    assert found(order) == ["shipping_amount: says 7.00, the lines add up to 6.99"]
    for line in order["lines"]:
        line["shipping_amount"] = None
    assert found(order) == [], "a channel that charges shipping by order has none by line"


def test_a_line_is_rounded_half_up_before_it_is_added(order: dict[str, Any]):
    order["lines"] = [order["lines"][1] | {"quantity": 3, "unit_price": Decimal("0.335"), "tax_amount": Decimal(0)} for _ in range(2)]
    order["lines"][1]["source_line_key"] = "2"
    order["shipping_amount"], order["total_amount"] = Decimal("0.00"), Decimal("2.02")  # 1.005 twice
    assert found(order) == []


def test_quantities_and_lines(order: dict[str, Any]):
    order["lines"][0]["quantity"] = 0
    order["lines"][1]["source_line_key"] = order["lines"][0]["source_line_key"]
    order["total_amount"] = Decimal("48.91")
    assert found(order) == [
        "lines[0].quantity: is 0, it must be above zero",
        "lines[1].source_line_key: 90016 is that of lines[0] too",
    ]
    order["lines"] = []
    assert "lines: there is none" in found(order)


def test_currency(order: dict[str, Any]):
    order["currency"] = "QQQ"
    assert found(order) == ["currency: QQQ is not a currency of ISO 4217", "currency: is QQQ, and the target keeps its books in USD"]


def test_a_currency_that_the_target_does_not_name(order: dict[str, Any]):
    order["currency"] = "EUR"
    assert found(order) == ["currency: is EUR, and the target keeps its books in USD"]


def test_addresses(order: dict[str, Any]):
    order["shipping_address"]["city"] = None
    order["billing_address"] = {"line1": "", "city": "Austin", "country": "CA"}
    assert found(order) == ["shipping_address.city: is missing", "billing_address.line1: is missing"]


@pytest.mark.parametrize("code", ["00501", "78701", "78701-1234", "99950"])
def test_a_zip_code_that_exists(order: dict[str, Any], code: str):
    order["shipping_address"]["postal_code"] = code
    assert found(order) == []


@pytest.mark.parametrize("code", [None, "", "11111", "00500", "99951", "7870", "78701-12", "SW1A 1AA"])
def test_a_zip_code_that_does_not(order: dict[str, Any], code: str | None):
    order["shipping_address"]["postal_code"] = code
    assert found(order) == ["shipping_address.postal_code: is no ZIP code: five digits from 00501 to 99950, or nine"]
    order["shipping_address"]["country"] = "GB"
    assert found(order) == []


@pytest.mark.parametrize(("member", "moment", "said"), [
    ("ordered_at", "1970-01-01T00:00:00.000Z", "which is before 2000"),
    ("created_at", "2026-02-27T00:00:00.000Z", "which is before ordered_at"),
    ("updated_at", "2026-02-27T00:00:00.000Z", "which is before created_at"),
    ("ordered_at", "2206-03-02T00:00:00.000Z", "which is before ordered_at"),
])  # fmt: skip
def test_dates(order: dict[str, Any], member: str, moment: str, said: str):
    order[member] = moment
    assert any(said in fault for fault in found(order))


def test_the_flows_of_each_pair_name_rules_that_exist(tmp_path: Path):
    rules = load_flow_rules(ROOT / "mappings" / "flows.yaml")
    assert {name for names in rules.values() for name in names} == set(RULES)
    assert set(RULES) - set(rules["clarity", "tims", "order"]) == {"us_dollars", "us_postal_codes"}
    wrong = tmp_path / "flows.yaml"
    wrong.write_text("flows:\n  - source: a\n    target: b\n    entity: order\n    rules:\n      - order_sum\n")
    with pytest.raises(Misconfigured, match=r"flows.yaml:6: there is no rule order_sum; did you mean `order_sums`\?"):
        load_flow_rules(wrong)
    wrong.write_text("flows:\n  - source: a\n    target: b\n    rules: []\n")
    with pytest.raises(Misconfigured, match=r"flows.yaml:2: a flow names source, target, entity, rules"):
        load_flow_rules(wrong)
