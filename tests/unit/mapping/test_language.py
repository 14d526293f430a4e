"""The mapping language: what it can say, what it refuses and where, and how a customer's file is merged into ours."""

from __future__ import annotations

import json
import timeit
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from ruamel.yaml import YAML

from integration.errors import Invalid, Misconfigured
from integration.mapping import CompiledMapping, load_mapping

ROOT = Path(__file__).parents[3]
MAPPINGS = ROOT / "mappings"
THEIRS = frozenset({"Id", "Lines", "Lines[].Sku", "Lines[].Count", "Address", "Address.City", "Address.State", "Status", "Notes", "Fixed"})
HEAD = "system: acme\nentity: order\n"


@pytest.fixture
def mapping(tmp_path: Path) -> Any:
    """Loads the text as the mapping of orders of a made-up system; `override` is the customer's file."""

    def load(text: str, override: str | None = None) -> CompiledMapping:
        file = tmp_path / "ours" / "acme" / "order.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(HEAD + text, encoding="utf-8")
        theirs = tmp_path / "theirs" / "acme" / "order.yaml"
        theirs.parent.mkdir(parents=True, exist_ok=True)
        theirs.unlink(missing_ok=True)
        if override is not None:
            theirs.write_text(HEAD + override, encoding="utf-8")
        return load_mapping(file, tmp_path / "theirs", THEIRS)

    return load


def test_paths_of_all_kinds(mapping: Any):
    compiled = mapping(
        "read:\n  source_key: Lines[0].Sku\n  channel: Address.City\n  order_number: Lines[2].Sku\n  exported: Lines[].Count\n"
    )
    assert compiled.read({"Lines": [{"Sku": "A", "Count": 1}, {"Sku": "B"}], "Address": None}) == {
        "source_key": "A",
        "channel": None,
        "order_number": None,
        "exported": [1, None],
    }


def test_each_when_default_and_constant(mapping: Any):
    compiled = mapping("""
write:
  Fixed: = 7
  Status: = Being made
  Notes: payment_method | default("none given")
  Address:
    when: billing_address
    City: billing_address.city
  Lines:
    each: lines
    when: quantity
    Sku: sku
    Count: quantity
""")
    lines = [{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 0}]
    assert compiled.write({"payment_method": None, "billing_address": None, "lines": lines}) == {
        "Fixed": 7, "Status": "Being made", "Notes": "none given", "Address": None, "Lines": [{"Sku": "A", "Count": 2}],
    }  # fmt: skip
    assert compiled.write({"billing_address": {"city": "Austin"}, "lines": None})["Address"] == {"City": "Austin"}


def test_all_faults_of_a_record_are_told_with_their_fields(mapping: Any):
    compiled = mapping("""
read:
  total_amount: Id | decimal
  shipping_address:
    state: Address.State, Status | state
  lines:
    each: Lines
    unit_price: Count | decimal
""")
    record = {"Id": 1.5, "Status": "US", "Address": {"State": "Zebulon"}, "Lines": [{"Count": "1"}, {"Count": "Zebulon"}]}
    with pytest.raises(Invalid) as caught:
        compiled.read(record)
    assert [str(fault) for fault in caught.value.fields] == [
        "total_amount: is not an exact amount (from Id)",
        "shipping_address.state: is not a state or province of US (from Address.State)",
        "lines[1].unit_price: is not an amount (from Lines[].Count)",
    ]
    assert "Zebulon" not in str(caught.value)


def test_a_record_of_another_shape_is_a_fault_and_no_crash(mapping: Any):
    compiled = mapping("read:\n  channel: Address.City\n  lines:\n    each: Lines\n    sku: Sku\n")
    with pytest.raises(Invalid) as caught:
        compiled.read({"Address": "text", "Lines": {"a": 1}})
    assert [fault.field for fault in caught.value.fields] == ["channel", "lines"]


@pytest.mark.parametrize(("text", "said"), [
    ("write:\n  Id: source_key\n  Notes: payment_metod\n", r"order.yaml:5: .* no path payment_metod; did you mean `payment_method`\?"),
    ("write:\n  Notez: payment_method\n", r"order.yaml:4: there is no field Notez; did you mean `Notes`\?"),
    ("read:\n  chanel: Id\n", r"order.yaml:4: there is no field chanel; did you mean `channel`\?"),
    ("read:\n  channel: Adress.City\n", r"order.yaml:4: there is no path Adress.City; did you mean `Address.City`\?"),
    ("read:\n  lines:\n    each: Lines\n    sku: Skew\n", r"order.yaml:6: there is no path Lines\[\].Skew; known here: Count, Sku"),
    ("read:\n  lines:\n    each: Lines | sum\n    sku: Sku\n", r"order.yaml:5: `each` takes the path of a list"),
    ("write:\n  Id: source_key | uper\n", r"order.yaml:4: there is no function uper; did you mean `upper`\?"),
    ("write:\n  Id: total_amount | money(2, 3)\n", r"order.yaml:4: money\(places\) is given 2 arguments"),
    ("write:\n  Id: payment_method | cut\n", r"order.yaml:4: cut\(most\) is given 0 arguments"),
    ("write:\n  Id: total_amount | money(two)\n", r"order.yaml:4: argument 1 of money must be a whole number"),
    ("write:\n  Id: payment_method | state\n", r"order.yaml:4: state takes 2 paths, here 1"),
    ("write:\n  Id: payment_method, channel | upper\n", r"order.yaml:4: upper takes 1 path, here 2"),
    ("write:\n  Id: payment_method, channel\n", r"order.yaml:4: a field takes 1 path, here 2"),
    ("write:\n  Id: status | word(ss)\nwords:\n  s:\n    pending: P\n", r"order.yaml:4: there is no word list ss; did you mean `s`\?"),
    ("write:\n  Id: status | word(s)\nwords:\n  s:\n    pendng: P\n", r"order.yaml:7: status cannot be pendng; did you mean `pending`\?"),
    ("read:\n  status: Id | word(s)\nwords:\n  s:\n    pending: P\n    shipped: P\n", r"order.yaml:8: P is read as pending and as shipped"),
    ("write:\n  Id: payment_method, channel | labelled(a)\n", r"order.yaml:4: labelled takes 1 path, here 2"),
    ("write:\n  Id: payment_method, channel | joined | street\n", r"order.yaml:4: street takes 2 paths, here 1"),
    ("write:\n  Id: total_amount | money(99)\n", r"order.yaml:4: money takes from 0 to 10 decimals"),
    ("read:\n  status: Id | word_like(s)\nwords:\n  s: {pending: P}\n", r"order.yaml:4: word_like cannot read"),
    ("write:\n  Id: status | key_in_target\n", r"order.yaml:4: key_in_target takes the name of an entity"),
    ("write:\n  Id: source_key |\n", r"order.yaml:4: after `\|` comes the name of a function"),
    ("write:\n  Id: source_key upper\n", r"order.yaml:4: after source_key comes `\| function` or nothing"),
    ("write:\n  Id: total_amount | money(2\n", r"order.yaml:4: the parenthesis of money is not closed"),
    ("write:\n  Id: channel | default(\"x)\n", r"order.yaml:4: a quotation mark is not closed"),
    ("write:\n  Id: 5\n", r"order.yaml:4: this must be a path or, for a constant, `= 5`"),
    ("write:\n  Id: '= '\n", r"order.yaml:4: a constant needs a value"),
    ("write:\n  Id: ..\n", r"order.yaml:4: '..' is not a path"),
    ("writes:\n  Id: channel\n", r"order.yaml:3: 'writes' is unknown here; did you mean `write`\?"),
    ("write: Id\n", r"order.yaml:3: this must hold a line for each field"),
    ("words:\n  s: {1: P}\n", r"order.yaml:4: both sides of the word list s must be text"),
    ("write:\n  Id: channel\n  Id: channel\n", r"order.yaml:5: this is not valid YAML"),
    ("write:\n  Id: [\n", r"order.yaml:\d+: this is not valid YAML"),
])  # fmt: skip
def test_what_cannot_run_is_refused_with_file_and_line(mapping: Any, text: str, said: str):
    with pytest.raises(Misconfigured, match=said):
        mapping(text)


def test_heads(tmp_path: Path):
    file = tmp_path / "order.yaml"
    for text, said in (
        ("entity: order\n", r"order.yaml:1: say which system"),
        ("system: acme\nentity: 5\n", r"order.yaml:2: say which entity"),
        ("system: acme\nentity: oder\n", r"order.yaml:1: there is no entity oder; did you mean `order`\?"),
        ("- a\n", r"order.yaml:1: the file must hold names with values"),
    ):
        file.write_text(text)
        with pytest.raises(Misconfigured, match=said):
            load_mapping(file)
    with pytest.raises(Misconfigured, match=r"missing.yaml: the file cannot be read"):
        load_mapping(tmp_path / "missing.yaml")


def test_an_override_changes_field_by_field(mapping: Any):
    ours = """
write:
  Id: source_key
  Notes: payment_method
  Status: status | word(status)
  Lines:
    each: lines
    Sku: sku
    Count: quantity
words:
  status: {pending: Open, shipped: Done}
"""
    theirs = """
write:
  Notes:
  Lines:
    Sku: sku | upper
  Address:
    City: shipping_address.city
words:
  status: {shipped: Sent}
"""
    order = {"source_key": "1", "status": "shipped", "lines": [{"sku": "a", "quantity": 1}], "shipping_address": {"city": "Austin"}}
    plain, changed = mapping(ours), mapping(ours, theirs)
    assert plain.write(order) == {"Id": "1", "Notes": None, "Status": "Done", "Lines": [{"Sku": "a", "Count": 1}]}
    assert changed.write(order) == {"Id": "1", "Status": "Sent", "Lines": [{"Sku": "A", "Count": 1}], "Address": {"City": "Austin"}}
    assert changed.version != plain.version
    assert mapping(ours).version == plain.version
    (sku,) = [line for line in changed.fields if line.field == "Lines[].Sku"]
    assert (sku.side, sku.expression) == ("write", "sku | upper")
    assert sku.where.endswith("theirs/acme/order.yaml:7")


def wrong_entity(folder: Path) -> Path:
    file = folder / "tims" / "order.yaml"
    file.parent.mkdir()
    file.write_text("system: tims\nentity: customer\n")
    return folder


def test_an_override_is_refused_at_its_own_line(mapping: Any, tmp_path: Path):
    with pytest.raises(Misconfigured, match=r"theirs/acme/order.yaml:4: there is no path chanel"):
        mapping("write:\n  Id: channel\n", "write:\n  Id: chanel\n")
    with pytest.raises(Misconfigured, match="entity must be order, as in the file that this one overrides"):
        load_mapping(MAPPINGS / "tims" / "order.yaml", wrong_entity(tmp_path))


def test_a_side_that_the_file_lacks(mapping: Any):
    with pytest.raises(Misconfigured, match="the mapping has no `read:`"):
        mapping("write:\n  Id: channel\n").read({})


def test_our_files_pass_their_json_schema_and_wrong_ones_do_not():
    schema = jsonschema_rs.validator_for(json.loads((MAPPINGS / "schema.json").read_text(encoding="utf-8")))
    files = sorted(MAPPINGS.glob("*/*.yaml"))
    assert len(files) >= 3
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert text.startswith("# yaml-language-server: $schema=../schema.json\n"), "editors find the schema by this line"
        assert schema.is_valid(YAML(typ="safe").load(text)), file
    for wrong in ({"Id": "a | unknown_function"}, {"Id": 5}, {"Lines": {"each": []}}):
        assert not schema.is_valid({"system": "acme", "entity": "order", "write": wrong})


def test_the_json_schema_knows_every_function_and_entity():
    from integration.canonical import CANONICAL
    from integration.mapping.functions import FUNCTIONS

    document = json.loads((MAPPINGS / "schema.json").read_text(encoding="utf-8"))
    assert sorted(document["properties"]["entity"]["enum"]) == sorted(CANONICAL)
    schema = jsonschema_rs.validator_for(document)
    for name in FUNCTIONS:
        assert schema.is_valid({"system": "acme", "entity": "order", "write": {"Id": f"channel, status | {name}(1, 'a b') | upper"}}), name


def test_a_field_costs_about_a_microsecond(mapping: Any):
    """A wide margin: this guards against a change of order, not of a half."""
    compiled = mapping("read:\n" + "".join(f"  {name}: Id\n" for name in ("source_key", "order_number", "channel", "currency")))
    record = {"Id": "1", "Count": Decimal("1.00")}
    seconds = min(timeit.repeat(lambda: compiled.read(record), number=1000, repeat=5)) / 1000 / 4
    assert seconds < 10e-6


def test_the_documentation_names_every_function():
    from integration.mapping.functions import FUNCTIONS

    text = (ROOT / "docs" / "mapping-files.md").read_text(encoding="utf-8")
    functions = text.partition("## Functions")[2].partition("## Addresses")[0]
    assert [name for name in FUNCTIONS if f"`{name}`" not in functions and f"`{name}(" not in functions] == []
