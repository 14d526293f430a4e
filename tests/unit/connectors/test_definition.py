"""Connector files and overrides are read strictly, and every fault names its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors import registry
from connectors.rest.definition import load
from connectors.rest.paging import Cursor, NextLink
from integration.errors import Misconfigured
from integration.ports import Limits
from tests.fixtures.connections import CountingBudget, connection

TIMS = registry.SYSTEMS["tims"].connector_file


@pytest.mark.parametrize("name", registry.SYSTEMS)
def test_the_connector_file_of_every_system_is_good(name):
    system = registry.SYSTEMS[name]
    definition = load(system.connector_file, {}, name)
    assert (definition.system, definition.title) == (name, system.title)
    assert set(definition.auth.wanted) == set(system.credentials)
    assert system.contract_file.exists()


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        (
            "size_parameter: limit",
            "size_parameters: limit",
            "size_parameters",
            "paging knows no 'size_parameters'; did you mean `size_parameter`?",
        ),
        ("  size_parameter: limit\n", "", "paging:", "paging lacks 'size_parameter'"),
        ("size: 200", "size: many", "size: many", "paging.size must be a whole number"),
        ("size: 200", "size: true", "size: true", "paging.size must be a whole number"),
        ("size: 200", "size: 0", "size: 0", "paging: size must be at least 1"),
        ("kind: cursor", "kind: curser", "kind: curser", "paging needs a kind: did you mean `cursor`?"),
        ("kind: cursor\n", "{}: cursor\n", "{}: cursor", "not valid YAML"),
        ("connect: 5,", "connect: 0,", "times:", "connect and total must be above 0"),
        ("orderable: [Active]", "orderable: Active", "orderable:", "item.orderable must be a list"),
        ("compare: caseless", "compare: caseles", "caseles}", "entities.customer.find.compare is 'caseles'; did you mean `caseless`?"),
        ("update: /sales-orders/{key}", "update: /sales-orders/{id}", "{id}", "update must hold {key} once"),
        ("  path: /webhooks", "  path: webhooks", "path: webhooks", "path must start with a slash"),
        ("  inactive: Disabled\n", "", "webhooks:", "webhooks lacks 'inactive'"),
        ("changed: data.UpdatedAt}\n    ship", "chnged: data.UpdatedAt}\n    ship", "chnged", "knows no 'chnged'; did you mean `changed`?"),
        (
            "    inventory.changed:\n      stock:",
            "    inventory.changed:\n      stok:",
            "webhooks:",
            "brings 'stok' with inventory.changed",
        ),
        ("create: /sales-orders\n", "create: sales-orders\n", "create: sales", "create must start with a slash"),
        ("base: /api/v1", "base: /api/v1/", "base:", "base must start with a slash and end without one"),
        ("title: TIMS", "title: TIMS\nsystem: tims", "system: tims", "not valid YAML: found duplicate key"),
        ("title: TIMS", "title: [", "auth:", "not valid YAML"),
        ("title: TIMS", "title: 5", "title", "title must be a text"),
    ],
)
def test_a_fault_is_refused_with_its_line_and_what_would_be_right(tmp_path, old, new, line, sentence):
    text = TIMS.read_text()
    assert text.count(old) == 1
    file = tmp_path / "connector.yaml"
    file.write_text(text.replace(old, new))
    with pytest.raises(Misconfigured) as fault:
        load(file, {}, "erp")
    where, _, said = str(fault.value).partition(": ")
    assert sentence in said
    assert line in file.read_text().splitlines()[int(where.removeprefix(f"{file}:")) - 1]


def test_a_file_that_is_none_is_refused(tmp_path):
    for content in (b"", b"- a\n", b"\xff\xfe", b"a: b: c"):
        file = Path(tmp_path / f"{len(content)}.yaml")
        file.write_bytes(content)
        with pytest.raises(Misconfigured, match=str(file)):
            load(file, {}, "erp")
    with pytest.raises(Misconfigured, match="cannot be read"):
        load(tmp_path / "missing.yaml", {}, "erp")


def test_a_connection_overrides_any_entry_and_leaves_the_rest():
    changes = {
        "limits": {"requests": 60},
        "times": {"total": 2.5},
        "entities": {"order": {"create": "/orders", "acknowledge": "/orders/{key}/seen"}},
        "errors": {"plain": ["SKU"]},
    }
    changed, file = load(TIMS, changes, "erp"), load(TIMS, {}, "erp")
    assert changed.limits == Limits(60, 60, 8)
    assert (changed.times.connect, changed.times.total) == (5, 2.5)
    assert changed.entities["order"].create == "/orders"
    assert changed.entities["order"].get == file.entities["order"].get
    assert changed.errors.plain == ("SKU",)
    assert file.limits == Limits(600, 60, 8)


def test_another_kind_replaces_its_section_as_a_whole():
    link = {"kind": "next_link", "items": "value", "next": "nextLink", "size_parameter": "n", "size": 10}
    assert isinstance(load(TIMS, {}, "erp").paging, Cursor)
    assert isinstance(load(TIMS, {"paging": link}, "erp").paging, NextLink)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"limit": {}}, "connection erp, overrides.limit: the file knows no 'limit'; did you mean `limits`?"),
        ({"limits": {"requests": "60"}}, "connection erp, overrides.limits.requests: limits.requests must be a whole number"),
        ({"limits": 60}, "connection erp, overrides.limits: limits must be a section of keys and values"),
        ({"entities": {"order": {"key": None}}}, "connection erp, overrides.entities.order.key: entities.order.key must be a text"),
        ({"paging": {"kind": "next_link"}}, "connection erp, overrides.paging: paging lacks 'items'"),
    ],
)
def test_a_wrong_override_names_the_connection(changes, sentence):
    with pytest.raises(Misconfigured) as fault:
        load(TIMS, changes, "erp")
    assert str(fault.value) == sentence


@pytest.mark.parametrize(
    "url",
    [
        "tims.example",
        "ftp://tims.example",
        "https://",
        "https://user:pw@tims.example",
        "https://tims.example/?a=b",
        "https://tims.example:port",
    ],
)
def test_an_url_that_cannot_work_is_refused_without_showing_it(url):
    with pytest.raises(Misconfigured, match="connection tims, url: the url") as fault:
        registry.connect(connection("tims", url), CountingBudget())
    assert "pw" not in str(fault.value)


@pytest.mark.parametrize("url", ["https://tims.example", "https://10.0.0.1", "https://localhost.evil.example", "https://[2001:db8::1]"])
def test_tls_is_verified_wherever_the_way_leaves_this_machine(url):
    with pytest.raises(Misconfigured, match="connection tims, verify_tls"):
        registry.connect(connection("tims", url, verify_tls=False), CountingBudget())


@pytest.mark.parametrize("url", ["https://localhost:8443", "https://127.0.0.1", "https://127.9.9.9", "https://[::1]"])
def test_tls_need_not_be_verified_within_this_machine(url):
    assert registry.connect(connection("tims", url, verify_tls=False), CountingBudget()).limits == Limits(600, 60, 8)


def test_an_unknown_system_is_refused():
    known = connection("tims", "https://tims.example")
    with pytest.raises(Misconfigured, match="connection tims, system: no system 'timms'; did you mean `tims`"):
        registry.connect(type(known)("tims", "timms", known.url, known.credentials), CountingBudget())
