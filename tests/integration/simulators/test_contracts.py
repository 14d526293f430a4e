"""The simulators' copies of the contracts: examples hold, every operation and quirk is there, and the signature vectors verify."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.simulation.contract import Contract, Shape, closed
from connectors.simulation.registry import SIMULATORS
from connectors.simulation.simulator import Options
from connectors.simulation.webhooks import sign

SYSTEMS = sorted(SIMULATORS)
CONNECTORS = Path(__file__).parents[3] / "connectors"


@pytest.fixture(scope="module", params=SYSTEMS)
def contract(request: pytest.FixtureRequest) -> Contract:
    return Contract(CONNECTORS / request.param / "contract.yaml")


def bodies(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every schema that stands beside an example, with the example."""
    if isinstance(node, dict):
        if "schema" in node:
            if "example" in node:
                yield node["schema"], node["example"]
            for each in node.get("examples", {}).values():
                yield node["schema"], each["value"]
        for each in node.values():
            yield from bodies(each)
    elif isinstance(node, list):
        for each in node:
            yield from bodies(each)


def test_every_example_holds(contract: Contract) -> None:
    count = 0
    for schema, example in bodies({name: contract.document[name] for name in ("paths", "webhooks", "components")}):
        shape = Shape(contract.plain(schema))
        assert shape.flaws(example) == []
        count += 1
    assert count > 60


def test_request_examples_have_no_unknown_members(contract: Contract) -> None:
    found = list(bodies({"paths": contract.document["paths"], "bodies": contract.document["components"]["requestBodies"]}))
    objects = [(schema, example) for schema, example in found if isinstance(example, dict)]
    assert len(objects) > 5
    for schema, example in objects:
        assert Shape(closed(contract.plain(schema))).flaws(example) == []


def test_unknown_members_are_found_at_any_depth(contract: Contract) -> None:
    create = contract.operations.get("createSalesOrder") or contract.operations["createOrder"]
    assert create.body is not None
    flaws = {(flaw.field, flaw.kind) for flaw in create.body.flaws({"Extra": 1, "ShippingAddress": {"Extra": 1}})}
    assert {("Extra", "unknown_field"), ("ShippingAddress.Extra", "unknown_field")} <= flaws


def test_routes_keep_an_escaped_slash_in_its_segment(contract: Contract) -> None:
    name, path = ("getProduct", "/v2/products") if "getProduct" in contract.operations else ("getItem", "/api/v1/items")
    found = contract.route("GET", f"{path}/A%2FB%20C")
    assert found is not None
    assert (found[0].id, found[1]) == (name, {"sku": "A/B C"})
    assert contract.route("GET", f"{path}/A/B") is None
    assert contract.route("DELETE", path) is None


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_operation_is_served_and_every_quirk_has_its_switch(system: str) -> None:
    simulator = SIMULATORS[system](Options(items=0))
    assert set(simulator.handlers) == set(simulator.contract.operations)
    assert {quirk["id"] for quirk in simulator.contract.document["x-quirks"]} <= simulator.faults.known
    assert set(simulator.named) == {operation.path for operation in simulator.contract.operations.values() if operation.in_path}


def test_signature_vector(contract: Contract) -> None:
    vector = contract.document["x-webhook-delivery"]["test_vector"]
    signature = sign(vector["secret"], vector["webhook-id"], vector["webhook-timestamp"], vector["body"].encode())
    assert signature == vector["webhook-signature"]


def test_an_answer_that_breaks_the_contract_is_noticed(contract: Contract) -> None:
    operation = contract.operations["listWebhooks"]
    assert operation.complaint(200, {"value": [], "items": [], "next": None}) is None
    assert "listWebhooks: 200" in (operation.complaint(200, {}) or "")
    assert "status 409" in (operation.complaint(409, {}) or "")
