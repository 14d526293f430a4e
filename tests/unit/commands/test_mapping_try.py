"""`integration mapping try`: each field with its origin, every problem at once, and one sentence for a file that is no record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.commands.conftest import Call

GOLDEN = Path(__file__).parents[2] / "golden"


def raw(case: str = "channeladvisor-tims/plain") -> Any:
    return json.loads((GOLDEN / f"{case}.json").read_text(encoding="utf-8"))["raw"]


def write(folder: Path, record: Any) -> str:
    path = folder / "raw.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    return str(path)


def test_each_field_is_shown_with_its_origin(folder: Path, call: Call) -> None:
    result = call("mapping", "try", "channeladvisor/order", "--file", write(folder, raw()), "--to", "tims", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["problems"] == []
    canonical, order, customer = ({one["field"]: one for one in record["fields"]} for record in told["records"])
    assert canonical["customer.name"] == {
        "field": "customer.name",
        "value": "Grace Okafor",
        "from": ["CustomerInfo.FirstName", "CustomerInfo.LastName"],
        "through": "joined | proper_case",
        "where": canonical["customer.name"]["where"],
    }
    file, _, line = canonical["customer.name"]["where"].partition(":")
    assert "CustomerInfo.FirstName" in (GOLDEN.parents[1] / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
    assert (order["LineItems[1].Price"]["value"], order["LineItems[1].Price"]["from"]) == ("15.0000", ["lines[].unit_price"])
    assert customer["Addresses[0].Address.City"]["from"] == ["addresses[].address.city"]


def test_people_see_the_same_in_a_table(folder: Path, call: Call) -> None:
    shown = call("mapping", "try", "channeladvisor/order", "--file", write(folder, raw()), "--to", "tims").stdout
    (line,) = [line for line in shown.splitlines() if line.startswith("TotalAmount")]
    assert line.split()[:4] == ["TotalAmount", "85.71", "total_amount", "money(2)"]
    assert "the key of the customer, once it is there" in shown
    assert "No problem." in shown


def test_every_problem_is_told_once_and_where_it_begins(folder: Path, call: Call) -> None:
    record = raw()
    record["Items"][1]["Quantity"] = "two"
    record["OrderDate"] = "yesterday"
    record["OrderStatus"] = "Lost"
    record["ShippingAddress"]["PostalCode"] = None
    path = write(folder, record)
    result = call("mapping", "try", "channeladvisor/order", "--file", path, "--to", "tims", "--json")
    assert result.exit_code == 3
    told = json.loads(result.stdout)
    assert {(one["stage"], one["field"]) for one in told["problems"]} == {
        ("source", "Items[1].Quantity"),
        ("source", "OrderDate"),
        ("source", "OrderStatus"),
        ("target", "ShippingAddress.PostalCode"),
        ("target customer", "Addresses[0].Address.PostalCode"),
    }
    assert "order_sums" in told["rules_left_out"]
    assert "5 problems:" in call("mapping", "try", "channeladvisor/order", "--file", path, "--to", "tims").stdout


def test_the_rules_of_the_flow_are_asked_too(folder: Path, call: Call) -> None:
    result = call(
        "mapping", "try", "channeladvisor/order", "--file", write(folder, raw() | {"TotalAmount": "1.00"}), "--to", "tims", "--json"
    )
    assert [one["stage"] for one in json.loads(result.stdout)["problems"]] == ["rules"]


def test_what_the_line_fills_in_is_no_problem(folder: Path, call: Call) -> None:
    path = write(folder, raw("tims-channeladvisor/shipment/contract-example"))
    result = call("mapping", "try", "tims/shipment", "--file", path, "--to", "channeladvisor")
    assert result.exit_code == 0, result.output
    assert "filled in when it is delivered" in result.stdout


def test_the_customers_own_mapping_counts(configured: Path, call: Call) -> None:
    own = configured / "mappings" / "channeladvisor"
    own.mkdir(parents=True)
    (own / "order.yaml").write_text("system: channeladvisor\nentity: order\nread:\n  channel: = Webshop\n", encoding="utf-8")
    path = configured / "integration.toml"
    path.write_text(path.read_text(encoding="utf-8") + '\n[mappings]\nfolder = "mappings"\n', encoding="utf-8")
    result = call("mapping", "try", "channeladvisor/order", "--file", write(configured, raw()), "--json")
    (record,) = json.loads(result.stdout)["records"]
    assert [(one["value"], one["from"]) for one in record["fields"] if one["field"] == "channel"] == [("Webshop", [])]


SHOP_TO_SAGE = """
[connections.shop]
system = "clarity"
url = "http://127.0.0.1:9"
[connections.shop.credentials]
client_id = "env:SHOP_ID"
client_secret = "env:SHOP_SECRET"
api_key = "env:SHOP_KEY"
[connections.sage]
system = "sage100"
url = "http://127.0.0.1:9"
[connections.sage.credentials]
api_key = "env:SAGE_KEY"
user = "env:SAGE_USER"
company = "env:SAGE_COMPANY"
[connections.sage.overrides]
profile = "2018"
zone = "Asia/Tokyo"
[flows.web]
entity = "order"
source = "shop"
target = "sage"
division = "00"
[flows.web.charges]
freight = "/FREIGHT"
"""


def tried(call: Call, path: str, *more: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call("mapping", "try", "clarity/order", "--file", path, *more, "--json").stdout)
    return found


def fields(told: dict[str, Any], place: int) -> dict[str, Any]:
    return {one["field"]: one["value"] for one in told["records"][place]["fields"]}


@pytest.mark.parametrize("arguments", [("--to", "sage100"), ("--flow", "web"), ("--to", "sage100", "--flow", "web")])
def test_it_goes_the_way_of_the_flow(folder: Path, call: Call, arguments: tuple[str, ...]) -> None:
    (folder / "integration.toml").write_text(SHOP_TO_SAGE, encoding="utf-8")
    path = write(folder, raw("clarity-sage100/contract-example") | {"placedAt": "2026-03-02T18:00:00Z"})
    told = tried(call, path, *arguments)
    assert told["flow"] == "web"
    order, customer = fields(told, 1), fields(told, 2)
    assert (order["OrderDate"], order["FreightAmt"], order["Lines[2].ItemCode"]) == ("20260303", 0, "/FREIGHT")
    assert customer["ARDivisionNo"] == "00"
    shown = call("mapping", "try", "clarity/order", "--file", path, *arguments).stdout
    assert "As the flow web takes it: shop → sage, profile 2018, zone Asia/Tokyo, division 00, charges freight /FREIGHT." in " ".join(
        shown.split()
    )


def test_the_lengths_are_those_of_the_connections_profile(folder: Path, call: Call) -> None:
    record = raw("clarity-sage100/contract-example")
    record["shippingAddress"] |= {"firstName": "Maximiliana Konstantina", "lastName": "von und zu Hohenstein"}
    path = write(folder, record)
    assert tried(call, path, "--to", "sage100")["problems"] == []
    (folder / "integration.toml").write_text(SHOP_TO_SAGE, encoding="utf-8")
    assert [(one["field"], one["message"]) for one in tried(call, path, "--to", "sage100")["problems"]] == [
        ("ShipToName", "is longer than 30 characters")
    ]


def test_of_several_flows_one_is_to_be_named(folder: Path, call: Call) -> None:
    connections, flow = SHOP_TO_SAGE.split("[flows.web]")
    second = connections.split("[connections.sage]")[1].replace("connections.sage", "connections.sage2")
    other = f"[connections.sage2]{second}[flows.b2b]{flow}".replace("flows.web", "flows.b2b").replace('target = "sage"', 'target = "sage2"')
    (folder / "integration.toml").write_text(SHOP_TO_SAGE + other, encoding="utf-8")
    path = write(folder, raw("clarity-sage100/contract-example"))
    assert [tried(call, path, "--to", "sage100", *more)["flow"] for more in ((), ("--flow", "b2b"))] == [None, "b2b"]


@pytest.mark.parametrize(("arguments", "said"), [
    (("--flow", "wbe"), "did you mean `web`?"),
    (("--flow", "web", "--to", "tims"), "the flow web does not take clarity/order to tims; what does: none"),
])  # fmt: skip
def test_a_flow_that_does_not_fit_is_one_sentence(folder: Path, call: Call, arguments: tuple[str, ...], said: str) -> None:
    path = write(folder, raw("clarity-sage100/contract-example"))
    result = call("mapping", "try", "clarity/order", "--file", path, "--flow", "web")
    assert (result.exit_code, "nothing is configured here" in result.stderr) == (2, True)
    (folder / "integration.toml").write_text(SHOP_TO_SAGE, encoding="utf-8")
    result = call("mapping", "try", "clarity/order", "--file", path, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(("content", "said"), [
    ("{", "raw.json:1: this is not JSON"),
    ("[1, 2, 3]", "holds a list of 3; give one record"),
    ("7", "holds a plain value; give one record"),
    ('{"ShipmentID": "SH-1"}', "this is no order of ChannelAdvisor"),
    ("{}", "this is no order of ChannelAdvisor"),
    (None, "cannot be read (No such file or directory)"),
])  # fmt: skip
def test_a_file_that_is_no_record_is_one_sentence(folder: Path, call: Call, content: str | None, said: str) -> None:
    path = folder / "raw.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    result = call("mapping", "try", "channeladvisor/order", "--file", str(path))
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(("arguments", "said"), [
    (("channeladvisor/ordr",), "did you mean `channeladvisor/order`?"),
    (("tims/order",), "tims/order only writes: try the mapping that reads the order, with --to tims"),
    (("channeladvisor/order", "--to", "timms"), "did you mean `tims`?"),
    (("channeladvisor/order", "--to", "channeladvisor"), "ChannelAdvisor takes no order of us"),
])  # fmt: skip
def test_names_that_do_not_fit_are_one_sentence(folder: Path, call: Call, arguments: tuple[str, ...], said: str) -> None:
    result = call("mapping", "try", *arguments, "--file", write(folder, raw()))
    assert result.exit_code == 2
    assert said in result.stderr
