"""Golden triples: what a source gave, its canonical form, and what the target gets. A new pair of systems joins with one line in PAIRS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.channeladvisor import schemas as channeladvisor
from connectors.clarity import schemas as clarity
from connectors.mappings import mapping_of
from connectors.sage100 import schemas as sage100
from connectors.tims import schemas as tims
from integration.canonical import CANONICAL, customer_of
from integration.canonical.booking import as_booked
from integration.errors import Invalid
from integration.mapping import load_flow_rules, load_mapping
from integration.rules import broken
from integration.schema import checked, faults

ROOT = Path(__file__).parents[3]
MAPPINGS = ROOT / "mappings"
PAIRS: Mapping[tuple[str, str], tuple[Any, Any]] = {
    ("channeladvisor", "tims"): (channeladvisor, tims),
    ("channeladvisor", "sage100"): (channeladvisor, sage100),
    ("clarity", "sage100"): (clarity, sage100),
}
CASES = [
    pytest.param(source, target, path, id=f"{source}-{target}/{path.stem}")
    for source, target in PAIRS
    for path in sorted((ROOT / "tests" / "golden" / f"{source}-{target}").glob("*.json"))
]


def stored(value: Any) -> Any:
    """As the ledger keeps it: money as text."""
    return json.loads(json.dumps(value, default=str))


def no_floats(value: Any) -> bool:
    if isinstance(value, dict):
        return all(no_floats(inner) for inner in value.values())
    if isinstance(value, list):
        return all(no_floats(inner) for inner in value)
    return not isinstance(value, float)


@pytest.mark.parametrize(("source", "target", "path"), CASES)
def test_golden(source: str, target: str, path: Path):
    triple = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    reads, writes = PAIRS[source, target]
    read = mapping_of(f"{source}/order", None)
    write = mapping_of(f"{target}/order", None)
    write_customer = mapping_of(f"{target}/customer", None)

    canonical = read.read(checked(reads.READ["order"], triple["raw"], "the order"))
    assert stored(canonical) == triple["canonical"]
    assert no_floats(canonical)
    again = checked(CANONICAL["order"], triple["canonical"], "the canonical order")
    assert again == canonical, "an order that comes back from the ledger must be the one that went in"

    body = write.write(as_booked(again, {}))
    assert body == triple["target"]
    assert faults(writes.WRITE["order"], body) == ()
    assert write_customer.write(customer_of(canonical)) == triple["customer"]
    rules = load_flow_rules(MAPPINGS / "flows.yaml")[source, target, "order"]
    assert broken(rules, canonical) == ()


def test_every_pair_has_cases():
    assert len(CASES) >= 8 * len(PAIRS)


def test_the_contracts_own_example_gives_the_contracts_own_sales_order():
    """createSalesOrder's example in the contract of TIMS is the example order of ChannelAdvisor's contract."""
    from ruamel.yaml import YAML

    contract = YAML(typ="safe").load((ROOT / "connectors/tims/contract.yaml").read_text(encoding="utf-8"))
    example = contract["paths"]["/api/v1/sales-orders"]["post"]["requestBody"]["content"]["application/json"]["example"]
    target = json.loads((ROOT / "tests/golden/channeladvisor-tims/promotion.json").read_text(encoding="utf-8"))["target"]
    assert target["ShippingAddress"].items() >= example["ShippingAddress"].items()
    simple = {name: value for name, value in example.items() if name not in ("CustomerID", "ShippingAddress")}
    assert target.items() >= simple.items()


def test_the_example_of_clarity_gives_the_example_of_sage_100():
    """createSalesOrder's example in the contract of Sage 100 is the example order of Clarity's contract."""
    from ruamel.yaml import YAML

    contract = YAML(typ="safe").load((ROOT / "connectors/sage100/contract.yaml").read_text(encoding="utf-8"))
    example = contract["paths"]["/SO/SalesOrder"]["post"]["requestBody"]["content"]["application/json"]["example"]
    case = json.loads((ROOT / "tests/golden/clarity-sage100/contract-example.json").read_text(encoding="utf-8"))
    apart = {"ARDivisionNo", "CustomerNo", "TaxSchedule", "OrderStatus", "ShipToAddress1", "ShipToAddress2", "EmailAddress"}
    lines = [{name: value for name, value in line.items() if value is not None} for line in case["target"]["Lines"]]
    assert {**case["target"], "Lines": lines}.items() >= {name: value for name, value in example.items() if name not in apart}.items()
    assert [case["target"][f"ShipToAddress{line}"] for line in (1, 2, 3)] == ["Park Lighting", "48 Orchard Lane", "Unit 7"]
    assert case["target"]["EmailAddress"].lower() == example["EmailAddress"]


def test_a_shorter_profile_wraps_and_refuses_but_loses_nothing():
    write = load_mapping(MAPPINGS / "sage100/order.yaml", None, sage100.KNOWN_PATHS["order"], "2018", "America/Chicago")
    schema = sage100.WRITES["2018"]["order"]
    case = json.loads((ROOT / "tests/golden/clarity-sage100/contract-example.json").read_text(encoding="utf-8"))
    order = checked(CANONICAL["order"], case["canonical"], "the order")
    order["shipping_address"] |= {"company": None, "line1": "1200 North Industrial Boulevard West", "line2": "Building 7"}
    body = write.write(as_booked(order, {}))
    assert faults(schema, body) == ()
    assert [body[f"ShipToAddress{line}"] for line in (1, 2, 3)] == ["1200 North Industrial", "Boulevard West", "Building 7"]
    order["order_number"] = "113-0200002-7654321"
    assert [str(fault) for fault in faults(schema, write.write(as_booked(order, {})))] == ["CustomerPONo: is longer than 15 characters"]
    order["shipping_address"]["line1"] = "word " * 30
    with pytest.raises(Invalid) as invalid:
        write.write(as_booked(order, {}))
    assert [fault.field for fault in invalid.value.fields] == ["ShipToAddress1"]
