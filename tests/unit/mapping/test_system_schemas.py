"""The schemas of the systems say the same as the systems' contracts, member by member, for good values and bad ones."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from marshmallow import Schema
from ruamel.yaml import YAML

from connectors.channeladvisor import schemas as channeladvisor
from connectors.tims import schemas as tims
from integration.errors import Invalid
from integration.schema import checked, faults

ROOT = Path(__file__).parents[3]
PROMOTION = json.loads((ROOT / "tests/golden/channeladvisor-tims/promotion.json").read_text(encoding="utf-8"))
PLAIN = json.loads((ROOT / "tests/golden/channeladvisor-tims/plain.json").read_text(encoding="utf-8"))

SALES_ORDER = PLAIN["target"] | {"CustomerID": "C-000123"}
SALES_ORDER_CREATE = {name: value for name, value in SALES_ORDER.items() if name != "OrderStatus"}
ORDER = PLAIN["raw"] | {"Promotions": PROMOTION["raw"]["Promotions"]}
WORDS = [
    None, "", " ", "x", " x", "x ", "X", "US", "us", "USD", "99999", "0", 0, 1, -1, 1.5, True, [], {}, "12.30", "12.3", "-12.30", "12.3000",
    "12345678901.00", "2026-03-02", "2026-02-30", "2026-03-02T14:05:09Z", "2026-03-02T14:05:09.12Z", "2026-03-02T14:05:09.1234Z",
    "2026-03-02T14:05:09+00:00",
    "2026-13-02T14:05:09Z", "C-000123", "C-1", "Paid", "paid", "Open", "Shipping", "Pending",
    "a@b.example", "not an address", 2**63 - 1, 100_000, 100_001,
]  # fmt: skip
LENGTHS = [1, 2, 3, 10, 11, 13, 15, 20, 30, 40, 50, 60, 64, 100, 200, 254, 500, 1000]


def contract(system: str, schema: str) -> Any:
    document = YAML(typ="safe").load((ROOT / f"connectors/{system}/contract.yaml").read_text(encoding="utf-8"))
    root = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    return jsonschema_rs.Draft202012Validator(root, validate_formats=True)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every member inside the value; of a list, the first element stands for all."""
    inner = value.items() if isinstance(value, dict) else list(enumerate(value))[:1] if isinstance(value, list) else ()
    return [(*path, name) for name, _ in inner] + [place for name, element in inner for place in places(element, (*path, name))]


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    result = copy.deepcopy(value)
    holder = result
    for name in path[:-1]:
        holder = holder[name]
    if new is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = new
    return result


def as_path(path: tuple[Any, ...]) -> str:
    return "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in path).lstrip(".")


# Rules that a contract tells in words only, or that our reading leaves to the mapping.
LOOSER_READING = {"ShippingAddress.Country", "BillingAddress.Country", "CustomerInfo.Email"}
RULES_IN_WORDS = {"State", "PostalCode", "Country"}

SUBJECTS: dict[str, tuple[str, str, Schema, dict[str, Any]]] = {
    "order read": ("channeladvisor", "Order", channeladvisor.READ["order"], ORDER),
    "order written": ("tims", "SalesOrderCreate", tims.SalesOrderCreate(), SALES_ORDER_CREATE),
    "customer written": ("tims", "CustomerCreate", tims.WRITE["customer"], PLAIN["customer"] | {"CreditLimit": "5.00", "Status": "Active"}),
}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_schema_and_contract_agree(subject: str):
    system, name, schema, good = SUBJECTS[subject]
    says = contract(system, name)
    assert says.is_valid(good)
    assert faults(schema, good) == ()
    differences = []
    for path in places(good):
        field = as_path(path)
        for new in [..., *WORDS, *("x" * length for length in (*LENGTHS, *(length + 1 for length in LENGTHS)))]:
            record = changed(good, path, new)
            found = faults(schema, record)
            if says.is_valid(record) == (not found) or field in LOOSER_READING:
                if found and field not in LOOSER_READING:
                    assert any(fault.field.startswith(field) or path[-1] in RULES_IN_WORDS for fault in found), (field, found)
            elif not (path[-1] in RULES_IN_WORDS and found):
                differences.append((field, new if new is not ... else "absent", [str(fault) for fault in found]))
    assert differences == []


@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_fault_repeats_a_value(subject: str):
    _, _, schema, good = SUBJECTS[subject]
    secret = "Zebulon Private 77"  # as a name, address or phone would be
    for path in places(good):
        if path[-1] in ("OrderStatus", "PaymentStatus", "FulfillmentStatus", "AddressType", "Status"):
            continue  # a status word may be repeated
        for new in (secret, secret * 100, [secret], {"a": secret}):
            for fault in faults(schema, changed(good, path, new)):
                assert "Zebulon" not in fault.message
                assert "Zebulon" not in fault.field


@pytest.mark.parametrize(("members", "field", "said"), [
    ({"Country": "US", "State": "tx"}, "ShippingAddress.State", "two capital letters"),
    ({"Country": "CA", "State": "Quebec"}, "ShippingAddress.State", "two capital letters"),
    ({"Country": "US", "PostalCode": "787010000"}, "ShippingAddress.PostalCode", "99999-9999"),
    ({"PostalCode": None}, "ShippingAddress.PostalCode", "is missing"),
    ({"Region": "x"}, "ShippingAddress.Region", "not a member"),
])  # fmt: skip
def test_what_tims_says_of_addresses(members: dict[str, Any], field: str, said: str):
    record = SALES_ORDER | {"ShippingAddress": SALES_ORDER["ShippingAddress"] | members}
    (fault,) = faults(tims.WRITE["order"], record)
    assert fault.field == field
    assert said in fault.message


def test_addresses_elsewhere_are_free():
    elsewhere = SALES_ORDER["ShippingAddress"] | {"Country": "GB", "State": "Greater London", "PostalCode": "NW1 6XE"}
    assert faults(tims.WRITE["order"], SALES_ORDER | {"ShippingAddress": elsewhere}) == ()


def test_a_key_may_be_a_reference_to_a_record_not_yet_there():
    assert faults(tims.WRITE["order"], SALES_ORDER | {"CustomerID": {"$key_of": "customer"}}) == ()
    assert [fault.field for fault in faults(tims.WRITE["order"], SALES_ORDER | {"CustomerID": {"of": "customer"}})] == ["CustomerID"]


def test_reading_ignores_what_it_does_not_know_at_any_depth():
    record = changed(ORDER | {"New": 1}, ("Items", 0, "Also"), {"x": 1})
    assert checked(channeladvisor.READ["order"], record, "the order") == ORDER


def test_all_faults_are_told_with_their_places():
    record = changed(changed(ORDER, ("Items", 1, "Quantity"), "two"), ("Items", 0, "SKU"), " x")
    with pytest.raises(Invalid) as caught:
        checked(channeladvisor.READ["order"], record | {"OrderStatus": "Lost", "CustomerInfo": "?"}, "the order")
    assert {fault.field for fault in caught.value.fields} == {"OrderStatus", "CustomerInfo", "Items[0].SKU", "Items[1].Quantity"}
    assert "4 fields do not pass" in caught.value.message
