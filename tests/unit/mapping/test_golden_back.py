"""Golden cases of what goes back to a channel: what the ERP gave, its canonical form, what the ledger adds, and what the channel gets.

`resolved` is what is known of the order at its channel: its key there, and key and SKU of each line.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.mappings import mapping_of
from connectors.registry import SYSTEMS
from integration.canonical import CANONICAL
from integration.schema import checked, faults

GOLDEN = Path(__file__).parents[2] / "golden"
PAIRS = [("tims", "channeladvisor"), ("sage100", "channeladvisor"), ("sage100", "clarity")]
CASES = [
    pytest.param(source, target, path.parent.name, path, id=f"{source}-{target}/{path.parent.name}/{path.stem}")
    for source, target in PAIRS
    for path in sorted((GOLDEN / f"{source}-{target}").glob("*/*.json"))
]


@pytest.mark.parametrize(("source", "target", "entity", "path"), CASES)
def test_golden(source: str, target: str, entity: str, path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    read, write = mapping_of(f"{source}/{entity}", None), mapping_of(f"{target}/{entity}", None)
    canonical = read.read(checked(SYSTEMS[source].reads[entity], case["raw"], entity))
    assert canonical == case["canonical"]
    canonical = checked(CANONICAL[entity], canonical, entity)
    resolved = case.get("resolved", {"lines": []})
    lines = [line | known for line, known in zip(canonical["lines"], resolved["lines"], strict=False)]
    body = write.write(canonical | resolved | {"lines": lines or canonical["lines"]})
    assert body == case["target"]
    sent = {name: value for name, value in body.items() if value is not None} if entity == "order_status" else body
    assert faults(SYSTEMS[target].writes[entity], sent) == ()


def test_every_entity_has_cases() -> None:
    assert {(source, target, entity) for source, target, entity, _ in (case.values for case in CASES)} == {
        (source, target, entity) for source, target in PAIRS for entity in ("shipment", "order_status")
    }
