"""Records with values of every type, through schemas, mappings, functions and rules: a result without a float, or Invalid; nothing else."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from functools import cache
from typing import ClassVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.mappings import mapping_names, mapping_of
from connectors.registry import SYSTEMS
from connectors.rest import payload
from connectors.wiring import compiled
from integration import addresses, clock
from integration.canonical import CANONICAL
from integration.errors import Invalid, Misconfigured
from integration.mapping import CompiledMapping
from integration.mapping.functions import FUNCTIONS
from integration.rules import RULES, broken
from integration.schema import checked, email, faults, named
from tests.fixtures.fuzz import ODD_TEXTS, VALUES, floats, fuzz, spoiled
from tests.fixtures.simulators import ROOT

GOLDEN = [
    json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal) for path in sorted((ROOT / "tests" / "golden").glob("*/**/*.json"))
]
RAW = [one["raw"] for one in GOLDEN if "raw" in one]
CANONICAL_GOODS = [one["canonical"] for one in GOLDEN if "canonical" in one]
READS = [(name, entity) for name, system in SYSTEMS.items() for entity in system.reads]


def ours(value) -> None:
    """As a record must be to be sealed and sent: no float, and JSON."""
    assert not floats(value)
    json.dumps(value, default=str)
    with contextlib.suppress(Invalid):  # a number that JSON readers would change
        payload.encode(value)


@pytest.mark.parametrize(("system", "entity"), READS)
@fuzz(25)
@given(raw=spoiled(RAW))
def test_whatever_a_system_gives_is_read_or_invalid(system: str, entity: str, raw):
    schema = SYSTEMS[system].reads[entity]
    named(schema, raw)
    found = email(schema, raw)
    assert found is None or isinstance(found, str)
    try:
        canonical = compiled(system, entity, None).read(checked(schema, raw, f"the {entity}"))
    except Invalid as refusal:
        assert refusal.fields
        return
    except Misconfigured:
        return  # the file has no such side
    ours(canonical)


@pytest.mark.parametrize("entity", sorted(CANONICAL))
@fuzz(25)
@given(stored=spoiled(CANONICAL_GOODS))
def test_whatever_is_canonical_is_written_or_invalid(entity: str, stored):
    try:
        canonical = checked(CANONICAL[entity], stored, f"the {entity}")
    except Invalid as refusal:
        assert refusal.fields
        return
    assert not floats(canonical)
    if entity == "order":
        for fault in broken(RULES, canonical):
            assert len(str(fault)) < 500
    for name in SYSTEMS:
        if f"{name}/{entity}" not in mapping_names(name):
            continue
        try:
            body = written(f"{name}/{entity}").write(canonical)
        except (Invalid, Misconfigured):
            continue
        ours(body)
        if entity in SYSTEMS[name].writes:
            faults(SYSTEMS[name].writes[entity], body)


@cache
def written(name: str) -> CompiledMapping:
    return mapping_of(name, None)


class Nothing:
    """A scope without words."""

    words: ClassVar = {"colours": {}}
    reading = True
    path = "status"
    vocabulary = ()
    entities = frozenset({"order"})


ARGUMENTS = {
    "cut": (10,),
    "labelled": ("a", "b"),
    "default": ("x",),
    "phone": (10,),
    "first_line": (60,),
    "second_line": (60,),
    "payment_state": ("Captured",),
}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@fuzz(25)
@given(value=VALUES, others=st.lists(VALUES, min_size=3, max_size=3))
@example(value=[None], others=[[], [], None])
@example(value="0001-01-01T00:00:00+14:00", others=["US"] * 3)
@example(value="1E-999999999", others=["US"] * 3)
@example(value=Decimal("1E-999999999"), others=[["1E-999999999"]] * 3)
def test_every_function_of_any_value(name: str, value, others):
    function = FUNCTIONS[name]
    arguments = ("colours",) if function.scoped and name != "key_in_target" else ARGUMENTS.get(name, ())
    try:
        step = function.make(*((Nothing(),) if function.scoped else ()), *arguments)
    except (ValueError, TypeError):
        return  # what the compiler refuses
    given_paths = {1: 1, -1: len(arguments), 0: 3}.get(function.inputs, function.inputs)
    if value is None and not function.sees_null:
        return
    try:
        result = step(value if given_paths == 1 else [value, *others][:given_paths])
    except Invalid as refusal:
        assert len(refusal.message) < 300
        return
    ours({"result": result})


@fuzz(100)
@given(text=st.text(max_size=80) | ODD_TEXTS, country=st.text(max_size=4) | st.sampled_from(["US", "CA", "GB", "DE", "TR"]))
@example("ß ŉ ı İ", "TR")
@example("½", "US")
@example("²³", "US")
def test_address_rules_of_any_text(text: str, country: str):
    for rule in (addresses.street, addresses.state, addresses.postal_code):
        try:
            once = rule(text, country)
        except Invalid as refusal:
            assert not text.strip() or len(text) < 3 or text not in refusal.message
            continue
        assert once is None or rule(once, country) == once, "harmonizing twice changes it"
    assert addresses.proper_case(text) is None or addresses.proper_case(text).split()
    try:
        assert all(len(line or "") <= 35 for line in addresses.fit_lines([text, country], 35, 2))
        addresses.country_code(text)
    except Invalid:
        pass


@fuzz(100)
@given(text=st.text(max_size=30) | ODD_TEXTS | st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()))
@example("0001-01-01T00:00:00Z")
@example("0001-01-01T00:00:00+14:00")
@example("9999-12-31T23:59:59-14:00")
def test_an_instant_is_read_and_written_as_the_same_or_refused(text: str):
    try:
        moment = clock.instant(text)
    except ValueError:
        return
    again = clock.text(moment)
    assert len(again) == 24, "the order of texts is the order of instants"
    assert abs((clock.instant(again) - moment).total_seconds()) < 0.001


@fuzz(100)
@given(
    st.lists(
        st.tuples(st.integers(1, 999), st.decimals(0, 99999, places=4), st.decimals(0, 99, places=2), st.decimals(0, 9, places=2)),
        min_size=1,
        max_size=6,
    )
)
def test_sums_are_exact_to_the_cent(lines):
    made = [
        {"source_line_key": str(place), "quantity": quantity, "unit_price": price, "tax_amount": tax, "discount_amount": discount}
        for place, (quantity, price, tax, discount) in enumerate(lines)
    ]
    # In whole ten-thousandths, so that nothing is rounded but what the rule rounds.
    total = sum(
        (Decimal(((quantity * int(price * 10000)) + 50) // 100) / 100 + tax - discount for quantity, price, tax, discount in lines),
        Decimal(0),
    )
    order = {"lines": made, "shipping_amount": Decimal(0), "total_amount": total}
    assert RULES["order_sums"](order) == []
    assert len(RULES["order_sums"]({**order, "total_amount": total + Decimal("0.01")})) == 1
