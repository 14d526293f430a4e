"""What is left of a forgotten value compares as the value itself did, and tells nothing else."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from integration.dispute import same
from integration.forgotten import forgotten, is_forgotten

TEXTS = st.text(max_size=4).filter(lambda text: "." not in text)  # an amount is nothing personal
VALUES = st.recursive(
    st.none() | TEXTS | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Line1", "City", "Phone"]), inner, max_size=3),
    max_leaves=6,
)


@given(VALUES, VALUES)
@example({"Line1": ""}, {})
@example({}, {"Line1": ""})
def test_what_is_left_is_the_same_as_what_the_value_was_the_same_as(value: Any, other: Any) -> None:
    left = json.loads(json.dumps(forgotten(value)))
    assert same(left, other) == same(value, other)
    assert same(other, left) == same(other, value)
    assert same(left, value)


@given(VALUES, VALUES)
def test_what_is_wholly_forgotten_passes_for_unchanged(value: Any, other: Any) -> None:
    left = forgotten(value, wholly=True)
    assert same(left, other) or value is None


@given(TEXTS)
def test_two_of_one_value_cannot_be_told_to_be_of_one(value: str) -> None:
    first, second = forgotten(value), forgotten(value)
    assert first != second
    assert is_forgotten(first)
    assert forgotten(first) == first
    assert forgotten(first, wholly=True) == forgotten("other", wholly=True)
