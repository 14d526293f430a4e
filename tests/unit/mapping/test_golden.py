"""Golden triples: what a source gave, its canonical form, and what the target gets. A new pair of systems joins with one line in PAIRS."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.channeladvisor import schemas as channeladvisor
from connectors.tims import schemas as tims
from integration.canonical import CANONICAL, customer_of
from integration.mapping import load_flow_rules, load_mapping
from integration.rules import broken
from integration.schema import checked, faults

ROOT = Path(__file__).parents[3]
MAPPINGS = ROOT / "mappings"
PAIRS = {("channeladvisor", "tims"): (channeladvisor, tims)}
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
    read = load_mapping(MAPPINGS / source / "order.yaml", None, reads.KNOWN_PATHS["order"])
    write = load_mapping(MAPPINGS / target / "order.yaml", None, writes.KNOWN_PATHS["order"])
    write_customer = load_mapping(MAPPINGS / target / "customer.yaml", None, writes.KNOWN_PATHS["customer"])

    canonical = read.read(checked(reads.READ["order"], triple["raw"], "the order"))
    assert stored(canonical) == triple["canonical"]
    assert no_floats(canonical)
    again = checked(CANONICAL["order"], triple["canonical"], "the canonical order")
    assert again == canonical, "an order that comes back from the ledger must be the one that went in"

    body = write.write(again)
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
