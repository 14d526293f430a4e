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
    for schema, example in bodies({name: contract.document.get(name, {}) for name in ("paths", "webhooks", "components")}):
        shape = Shape(contract.plain(schema))
        assert shape.flaws(example) == []
        count += 1
    assert count >= len(contract.operations)


def test_request_examples_have_no_unknown_members(contract: Contract) -> None:
    found = list(bodies({"paths": contract.document["paths"], "bodies": contract.document["components"].get("requestBodies", {})}))
    objects = [(schema, example) for schema, example in found if isinstance(example, dict)]
    assert objects
    for schema, example in objects:
        assert Shape(closed(contract.plain(schema))).flaws(example) == []


def test_unknown_members_are_found_at_any_depth(contract: Contract) -> None:
    bodies = {one.id: one.body for one in contract.operations.values() if one.body is not None}
    assert bodies
    for name, body in bodies.items():
        inner = {member: schema.get("type") for member, schema in body.schema["properties"].items() if _objects(schema)}
        flaws = {(flaw.field, flaw.kind) for flaw in body.flaws({"Extra": 1, **{member: _extra(kind) for member, kind in inner.items()}})}
        found = {f"{member}[0].Extra" if _extra(kind) == [{"Extra": 1}] else f"{member}.Extra" for member, kind in inner.items()}
        assert {(field, "unknown_field") for field in ("Extra", *found)} <= flaws, name


def _objects(schema: dict[str, Any]) -> bool:
    """Whether a member holds an object, or a list of them, whose members are named."""
    return "properties" in schema or "properties" in schema.get("items", {})


def _extra(kind: Any) -> Any:
    return [{"Extra": 1}] if "array" in kind else {"Extra": 1}


def test_routes_keep_an_escaped_slash_in_its_segment(contract: Contract) -> None:
    by_key = [one for one in contract.operations.values() if one.method == "GET" and len(one.in_path) == 1]
    name, path = min((one.id, one.path) for one in by_key if one.path.endswith("}"))
    (parameter,) = contract.operations[name].in_path
    before = path.rpartition("/")[0]
    found = contract.route("GET", f"{before}/A%2FB%20C")
    assert found is not None
    assert (found[0].id, found[1]) == (name, {parameter: "A/B C"})
    assert contract.route("GET", f"{before}/A/B/C/D") is None
    assert contract.route("DELETE", before) is None


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_operation_is_served_and_every_quirk_has_its_switch(system: str) -> None:
    simulator = SIMULATORS[system](Options(items=0))
    assert set(simulator.handlers) == set(simulator.contract.operations)
    assert {quirk["id"] for quirk in simulator.contract.document["x-quirks"]} <= simulator.faults.known
    assert set(simulator.named) == {operation.path for operation in simulator.contract.operations.values() if operation.in_path}


def test_signature_vector(contract: Contract) -> None:
    if "x-webhook-delivery" not in contract.document:
        assert "webhooks" not in contract.document
        return
    vector = contract.document["x-webhook-delivery"]["test_vector"]
    signature = sign(vector["secret"], vector["webhook-id"], vector["webhook-timestamp"], vector["body"].encode())
    assert signature == vector["webhook-signature"]


def test_an_answer_that_breaks_the_contract_is_noticed(contract: Contract) -> None:
    lists = [one for one in contract.operations.values() if one.id.startswith("list")]
    assert lists
    for operation in lists:
        shape = operation.answers["200"]
        assert shape is not None
        example = {name: _any(shape.schema["properties"][name]) for name in shape.schema["required"]}
        assert operation.complaint(200, example) is None
        assert f"{operation.id}: 200" in (operation.complaint(200, {}) or "")
        assert "status 409" in (operation.complaint(409, {}) or "")


def _any(schema: dict[str, Any]) -> Any:
    """A value that the schema of a page's member admits."""
    values = {"array": [], "string": "20260302", "integer": 1, "boolean": False, "null": None}
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    texts = [values[kind] for kind in kinds if kind != "string"] or ["14.08583", "20260302", "America/Chicago"]
    return next(value for value in texts if Shape(schema).holds(value))
