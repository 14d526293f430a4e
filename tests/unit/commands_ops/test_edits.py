"""Edits of a payload keep the types of what they replace, and say in one sentence what they cannot do."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.channeladvisor.schemas import READ
from integration.errors import Misconfigured
from integration.ledger.edits import apply, parse

RAW: dict[str, Any] = {
    "OrderStatus": "New",
    "Exported": False,
    "Weight": Decimal("1.50"),
    "SellerOrderID": None,
    "BillingAddress": None,
    "Items": [{"SKU": "LAMP-001", "Quantity": 2, "QuantityShipped": None}, {"SKU": "LAMP-002"}],
}


def edited(*edits: str) -> dict[str, Any]:
    return apply(RAW, [parse(edit) for edit in edits], READ["order"])


@pytest.mark.parametrize(
    ("edit", "place", "value"),
    [
        ("OrderStatus=Pending", "OrderStatus", "Pending"),
        ("OrderStatus=", "OrderStatus", ""),
        ("OrderStatus=a=b", "OrderStatus", "a=b"),
        ("Exported=TRUE", "Exported", True),
        ("Weight=2.25", "Weight", Decimal("2.25")),
        ("SellerOrderID=007", "SellerOrderID", "007"),
        ("ShippingMethod=Express", "ShippingMethod", "Express"),  # absent, but the schema knows it
    ],
)
def test_a_member_takes_the_value_in_its_own_type(edit: str, place: str, value: object) -> None:
    result = edited(edit)[place]
    assert (result, type(result)) == (value, type(value))


def test_members_of_lists_and_of_absent_objects_can_be_set() -> None:
    result = edited("Items[1].Quantity=3", "Items[0].QuantityShipped=1", "BillingAddress.City=Austin")
    assert result["Items"] == [{"SKU": "LAMP-001", "Quantity": 2, "QuantityShipped": 1}, {"SKU": "LAMP-002", "Quantity": 3}]
    assert result["BillingAddress"] == {"City": "Austin"}
    assert RAW["BillingAddress"] is None  # the payload itself is left as it was
    assert "Quantity" not in RAW["Items"][1]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ("OrderStatu=x", "the payload has no OrderStatu; did you mean `OrderStatus`?"),
        ("Items[0].Sku=x", "the payload has no Items[0].Sku; did you mean `SKU`?"),
        ("Items[2].SKU=x", "Items has no entry 2; it has Items[0] to Items[1]"),
        ("OrderStatus[0]=x", "OrderStatus is no list"),
        ("OrderStatus.x=x", "OrderStatus is no object"),
        ("Items=x", "Items is no single value"),
        ("BillingAddress=x", "BillingAddress is no single value"),
        ("Items[0].Quantity=2.5", "must be a whole number"),
        ("Exported=yes", "must be true or false"),
        ("Weight=NaN", "must be a number"),
        ("OrderStatus", "give a path and a value"),
        ("[0]=x", "give a path and a value"),
        ("A..B=x", "give a path and a value"),
        ("=x", "give a path and a value"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_without_the_value(edit: str, words: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        edited(edit.replace("=x", "=jane@buyer.example"))
    assert words in str(refused.value)
    assert "jane" not in str(refused.value)


def test_without_a_schema_the_payload_alone_decides() -> None:
    with pytest.raises(Misconfigured, match="no ShippingMethod"):
        apply(RAW, [parse("ShippingMethod=Express")], None)
