"""Mapping files, connector files and integration.toml, however they were destroyed: loaded, or refused in a sentence with its place."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.registry import SYSTEMS
from connectors.rest import definition
from integration.errors import Misconfigured
from integration.mapping import load_mapping
from integration.mapping.expression import parse_expression
from integration.settings import SystemFacts, load
from integration.settings.positions import find_lines
from tests.fixtures.fuzz import ODD_NUMBERS, PIECES, VALUES, fuzz, spoiled, torn
from tests.fixtures.simulators import ROOT

MAPPINGS = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "mappings").glob("*/*.yaml"))}
CONNECTORS = {system.connector_file: system.connector_file.read_text(encoding="utf-8") for system in SYSTEMS.values()}
TEMPLATE = (ROOT / "commands" / "templates" / "integration.toml").read_text(encoding="utf-8")
SMALL = "system: tims\nentity: order\nwrite:\n"
BOMB = "".join(f"  x{place}: &x{place} {{{', '.join(f'k{i}: *x{place - 1}' for i in range(9))}}}\n" for place in range(1, 9))
BOMBS = {
    "a few lines are millions": SMALL + "  x0: &x0 {a: status}\n" + BOMB,
    "a list that holds itself": SMALL + "  a: &a {b: *a}\n",
    "brackets without end": SMALL + "  a: " + "[" * 100_000,
    "braces without end": SMALL + "  a: " + "{a: " * 50_000,
    "blocks without end": SMALL + "  - " + "- " * 5_000,
    "a day that is none": SMALL + "  a: 2026-99-99\n",
    "a number of too many digits": SMALL + f"  a: {'9' * 5000}\n",
    "a name that is a list": SMALL + "  ? [1]\n  : 2\n",
    "an object of Python": SMALL + "  a: !!python/object/apply:os.system [id]\n",
    "a tag that lies": SMALL + "  a: !!int abc\n",
    "NUL": SMALL + "  a: \x00\n",
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_bombs_are_refused_at_once(tmp_path: Path, text: str):
    file = tmp_path / "order.yaml"
    file.write_text(text, encoding="utf-8")
    for read in (lambda: load_mapping(file), lambda: definition.load(file, {}, "web")):
        with pytest.raises(Misconfigured) as caught:
            read()
        assert str(caught.value).startswith(str(file))


def loads_or_says_where(file: Path, text: str, read) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8", errors="replace")
    try:
        read(file)
    except Misconfigured as refusal:
        assert str(refusal).startswith((str(file), "connection web")), str(refusal)
        assert len(str(refusal)) < 2000, str(refusal)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@fuzz(60)
@given(path=st.sampled_from(sorted(MAPPINGS)), data=st.data())
def test_a_torn_mapping_file(folder: Path, path: Path, data):
    known = SYSTEMS[path.parent.name].known_paths(path.stem) if path.parent.name in SYSTEMS else None
    text = data.draw(torn([MAPPINGS[path]]))
    loads_or_says_where(folder / path.name, text, lambda file: load_mapping(file, None, known))


@fuzz(30)
@given(text=torn(list(CONNECTORS.values())))
def test_a_torn_connector_file(folder: Path, text: str):
    loads_or_says_where(folder / "connector.yaml", text, lambda file: definition.load(file, {}, "web"))


@fuzz(60)
@given(
    overrides=spoiled(
        [
            {"times": {"connect": 1.0, "total": 3.0, "settle": 0.5}, "limits": {"requests": 5, "per_seconds": 1, "concurrent": 2}},
            {"auth": {"kind": "headers", "headers": {"X": "client_id"}}, "paging": {"kind": "cursor", "items": "data", "size": 5}},
            {"entities": {"order": {"key": "Id", "listing": {"path": "/x"}, "write": {"update": ["A"]}}}, "base": "/api"},
        ],
        VALUES | st.floats(),
    )
)
@example({"paging": {"kind": []}})
@example({"times": {"connect": float("nan")}})
@example({"times": {"total": float("inf")}})
@example({"base": "/é\r\nX: y"})
def test_overrides_of_a_connector_file(overrides):
    if not isinstance(overrides, dict):
        return
    try:
        found = definition.load(SYSTEMS["tims"].connector_file, overrides, "web")
    except Misconfigured as refusal:
        assert "connect" in str(refusal)
    else:
        assert 0 < found.times.connect <= 3600
        assert found.base.isascii()
        assert found.base.isprintable()


@fuzz(150)
@given(text=torn(["order_number", "status | word(order_status)", "a, b | first_line(60)", "= Active", 'x | default("a, b")']) | st.text())
@example("x | cut(" + "9" * 5000 + ")")
@example("x[" + "9" * 5000 + "]")
@example("= " + "9" * 5000)
def test_a_torn_line_is_read_or_refused(text: str):
    try:
        parse_expression(text)
    except ValueError as refusal:
        assert str(refusal)


@fuzz(60)
@given(
    line=torn(["order_number | cut(40)", "status | word(order_status)", "total_amount | money(2)", "= Active", "customer | key_in_target"])
)
@example("order_number | cut(-1)")
@example("order_number | cut(x)")
@example("order_number | cut()")
@example("order_number | cut(1, 2, 3)")
@example("order_number | joined(1)")
@example("total_amount | money(x)")
@example("order_number | word(1)")
@example("order_number | labelled(1)")
@example("lines[99999999999999999999999] | text")
def test_a_torn_line_in_its_file(folder: Path, line: str):
    text = f"{SMALL}  ExternalOrderID: {json.dumps(line)}\n"
    loads_or_says_where(folder / "line.yaml", text, lambda file: load_mapping(file, None, SYSTEMS["tims"].known_paths("order")))


FACTS = {name: SystemFacts(dict.fromkeys(system.credentials, "hint")) for name, system in SYSTEMS.items()}


@fuzz(60)
@given(text=torn([TEMPLATE, re.sub(r"^# ?(?=[\[a-z])", "", TEMPLATE, flags=re.MULTILINE)]))
def test_a_torn_configuration(folder: Path, text: str):
    file = folder / "integration.toml"
    file.write_text(text, encoding="utf-8", errors="replace", newline="")
    try:
        load(file, {}, FACTS)
    except Misconfigured as refusal:
        assert all(line.startswith((str(file), str(folder))) for line in str(refusal).split("\n")), str(refusal)


TOML_KEYS = st.sampled_from(
    ["connections.ca", "flows.orders", "alerts", "gateway", "retention", "flower", "storage", "encryption", "mappings", "metrics"]
)
TOML_NAMES = st.sampled_from(
    [
        "system",
        "url",
        "urls",
        "entity",
        "source",
        "target",
        "every",
        "overlap",
        "rules",
        "guests",
        "holds",
        "port",
        "host",
        "proxies",
        "home",
        "key",
        "folder",
        "payloads",
        "after",
        "credentials",
        "webhooks",
        "overrides",
        "verify_tls",
        "center",
        "charges",
        "out_of_stock",
    ]
)
TOML_VALUES = st.one_of(
    st.sampled_from(
        [
            "1",
            "-1",
            "nan",
            "inf",
            "1e400",
            "9" * 30,
            "true",
            "[]",
            "{}",
            "[1, 'a']",
            "'x'",
            "'order'",
            "'ca'",
            "2026-01-01",
            "07:32:00",
            "{a = {b = [{c = 1}]}}",
            "'http://[::1'",
            "'https://x.example:99999999'",
            "'5s'",
            "'9d'",
            "'env:'",
            "'secret:x'",
            "'file:/'",
            "'env:NOPE'",
            "['0.0.0.0/0', '::/0']",
            "'\\u0000'",
            "'~'",
            "'/proc/self/mem'",
        ]
    ),
    PIECES.map(lambda piece: f"'{piece}'"),
    ODD_NUMBERS.map(str),
)


@fuzz(100)
@given(st.lists(st.tuples(TOML_KEYS, st.lists(st.tuples(TOML_NAMES, TOML_VALUES), max_size=4)), max_size=4))
def test_any_value_of_any_key_of_a_configuration(folder: Path, tables):
    text = "\n".join(f"[{table}]\n" + "\n".join(f"{name} = {value}" for name, value in entries) for table, entries in tables)
    file = folder / "integration.toml"
    file.write_text(text, encoding="utf-8", errors="replace")
    try:
        load(file, {}, FACTS)
    except Misconfigured as refusal:
        assert str(refusal)


@fuzz(60)
@given(text=torn([TEMPLATE, "a.b = [{c = 1}, [2]]\n[[x]]\ny = '''\n1'''\n"]))
def test_the_lines_of_whatever_is_toml_are_found(text: str):
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError):
        return
    lines = find_lines(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())
