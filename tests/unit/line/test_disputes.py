"""Whatever either side has changed, each group of members ends as its policy says, and no dispute keeps the rest from being written."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.delivery import Delivered, Failed, Outcome, Parcel, deliver
from integration.dispute import same
from integration.errors import Conflict, FieldError, Refused
from integration.ledger.crosswalk import Crossing
from integration.ports import TOO_LATE, Body, Remote, Writable
from tests.fakes import ORDER, FakeSystem

GROUPS = {"status": ("OrderStatus",), "payment": ("PaymentStatus",), "address": ("ShippingAddress",)}
MEMBERS = {member: group for group, (member,) in GROUPS.items()}
BEFORE: Body = {"OrderStatus": "Open", "PaymentStatus": "Unpaid", "ShippingAddress": {"Line1": "1 Elm Street"}}
OURS: dict[str, list[Any]] = {
    "OrderStatus": ["OnHold", "Cancelled"],
    "PaymentStatus": ["Paid", "Refunded"],
    "ShippingAddress": [{"Line1": "2 Elm Street"}, {"Line1": "3 Elm Street"}],
}
THEIRS = {**OURS, "OrderStatus": ["OnHold", "Cancelled", "Allocated"]}

changes = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in OURS.items()})
edits = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in THEIRS.items()})
policies = st.fixed_dictionaries({group: st.sampled_from(["source", "target", "person"]) for group in GROUPS})


class Erp(FakeSystem):
    """`closed` are members that it takes no change of any more."""

    def __init__(self, closed: set[str]) -> None:
        super().__init__()
        self.closed = closed

    def writable(self, entity: str) -> Writable:
        return replace(ORDER, groups=GROUPS, refusals={"closed": TOO_LATE})

    def update(self, entity: str, key: str, body: Body, version: int | None) -> Remote:
        stored = self.stored[entity][key]
        wrong = [name for name in body if name in self.closed and body[name] != stored[name]]
        if wrong and stored["Version"] == version:
            raise Refused("no", tuple(FieldError(name, "closed: not any more") for name in wrong))
        return super().update(entity, key, body, version)


def delivered(erp: Erp, ours: Body, theirs: Body, winners: dict[str, str]) -> tuple[Body, Outcome, Crossing]:
    """Book an order as it was BEFORE, let both sides change it, and deliver."""
    empty: dict[str, Any] = dict.fromkeys(Crossing.__dataclass_fields__)
    booked = deliver(erp, Parcel("order", "1", {"ExternalOrderID": "1", **BEFORE}), Crossing(**{**empty, "id": 1, "source_key": "1"}), None)
    assert isinstance(booked, Delivered)
    stored = erp.stored["order"][booked.remote.key]
    if theirs:
        stored |= theirs | {"Version": stored["Version"] + 1}
    crossing = Crossing(**{**empty, "id": 1, "source_key": "1", "target_key": booked.remote.key, "target_version": booked.remote.version})
    return stored, deliver(erp, parcel(ours, winners), crossing, dict(booked.members)), crossing


def parcel(ours: Body, winners: dict[str, str]) -> Parcel:
    return Parcel("order", "1", {"ExternalOrderID": "1", **BEFORE, **ours}, winners=winners, told="so in the channel")


def written(ours: Body) -> Body:
    """A cancelled order takes no address any more."""
    return {name: value for name, value in ours.items() if name != "ShippingAddress" or ours.get("OrderStatus") != "Cancelled"}


def disputed(outcome: Outcome) -> set[str]:
    if isinstance(outcome, Failed):
        assert isinstance(outcome.error, Conflict), outcome.error
        return {fault.field for fault in outcome.error.fields}
    assert isinstance(outcome, Delivered)
    return set()


@settings(max_examples=200, deadline=None)
@given(changes, edits, policies)
def test_each_group_ends_as_its_policy_says(ours: Body, theirs: Body, winners: dict[str, str]) -> None:
    stored, outcome, _ = delivered(Erp(set()), ours, theirs, winners)
    faults = disputed(outcome)
    for name, group in MEMBERS.items():
        mine, other = written(ours).get(name), theirs.get(name)
        edited = other not in (None, "Allocated") and mine not in (None, other)
        if mine is None:
            wanted = other if other is not None else BEFORE[name]
        else:
            wanted = other if edited and winners[group] != "source" else mine
        assert stored[name] == wanted, name
        assert (group in faults) == (edited and winners[group] == "person")


@settings(max_examples=200, deadline=None)
@given(changes, edits, policies, st.sets(st.sampled_from(sorted(MEMBERS))))
def test_what_comes_too_late_keeps_nothing_else_back(ours: Body, theirs: Body, winners: dict[str, str], closed: set[str]) -> None:
    stored, outcome, _ = delivered(Erp(closed), ours, theirs, winners)
    faults = disputed(outcome)
    for name, group in MEMBERS.items():
        there = theirs.get(name, BEFORE[name])
        if name in closed:
            assert stored[name] == there
            assert (group in faults) <= (winners[group] != "target")
            moot = written(ours).get(name) in (None, there)
            assert moot or group in faults or winners[group] == "target"
        elif name not in theirs:
            assert stored[name] == written(ours).get(name, there)


@settings(max_examples=200, deadline=None)
@given(changes, edits, policies)
def test_what_is_settled_is_not_asked_again_and_what_is_open_is(ours: Body, theirs: Body, winners: dict[str, str]) -> None:
    erp = Erp(set())
    stored, outcome, crossing = delivered(erp, ours, theirs, winners)
    held = outcome.delivered if isinstance(outcome, Failed) else outcome
    if not isinstance(held, Delivered):
        return
    crossing = replace(crossing, target_version=held.remote.version)
    settled = dict(stored)
    erp.calls.clear()
    again = deliver(erp, parcel(ours, winners), crossing, dict(held.members))
    assert disputed(again) == disputed(outcome)
    assert {name: stored[name] for name in MEMBERS} == {name: settled[name] for name in MEMBERS}
    if isinstance(outcome, Delivered):
        assert erp.calls == []
        return
    deliver(erp, parcel(ours, dict.fromkeys(GROUPS, "source")), crossing, dict(held.members))
    for group in disputed(outcome):
        (name,) = GROUPS[group]
        assert stored[name] == ours[name], "a person who replays it lets the source win"


def test_states_are_named_and_an_address_is_not() -> None:
    winners = {"status": "person", "address": "person"}
    ours, theirs = {"OrderStatus": "OnHold", **pick(OURS, 0)}, {"OrderStatus": "Cancelled", **pick(OURS, 1)}
    _, outcome, _ = delivered(Erp(set()), ours, theirs, winners)
    assert isinstance(outcome, Failed)
    said = {fault.field: fault.message for fault in outcome.error.fields}
    assert said["status"] == "it is so in the channel, but SO-0000001 is Cancelled"
    assert said["address"] == "ShippingAddress changed on both sides since the last sync of SO-0000001"


def pick(values: dict[str, list[Any]], place: int) -> Body:
    return {"ShippingAddress": values["ShippingAddress"][place]}


@settings(max_examples=200, deadline=None)
@given(changes, edits, policies, changes)
def test_once_settled_a_new_word_of_the_source_is_no_conflict(ours: Body, theirs: Body, winners: dict[str, str], more: Body) -> None:
    """Although the record has moved on there meanwhile, which brings every dispute up again."""
    erp = Erp(set())
    stored, outcome, crossing = delivered(erp, ours, theirs, winners)
    if not isinstance(outcome, Delivered):
        return
    stored["Version"] += 1
    crossing = replace(crossing, target_version=outcome.remote.version)
    later = {**ours, **{name: value for name, value in more.items() if name in written(ours)}}
    assert disputed(deliver(erp, parcel(later, winners), crossing, dict(outcome.members))) == set()
    for name, value in written(later).items():
        assert stored[name] == value or value == ours[name], name


@pytest.mark.parametrize("shown", [None, {}, {"Line1": None, "Line2": ""}, {"Line1": "1 Elm Street", "Line2": None}])
def test_what_a_system_leaves_out_is_nobodys_edit(shown: Body | None) -> None:
    ours = {"ShippingAddress": {"Line1": "2 Elm Street", "Line2": "Apt 4"}}
    stored, outcome, _ = delivered(Erp(set()), ours, {"ShippingAddress": shown, "PaymentStatus": None}, dict.fromkeys(GROUPS, "person"))
    assert isinstance(outcome, Delivered), outcome
    assert stored["ShippingAddress"] == ours["ShippingAddress"]


def test_what_a_system_adds_to_an_address_is_an_edit() -> None:
    theirs = {"ShippingAddress": {"Line1": "1 Elm Street", "Line2": "Rear entrance"}}
    _, outcome, _ = delivered(Erp(set()), {"ShippingAddress": {"Line1": "2 Elm Street"}}, theirs, dict.fromkeys(GROUPS, "person"))
    assert isinstance(outcome, Failed), outcome


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [("25.00", 25, True), (25, "25.50", False), ("25.50", Decimal("25.5"), True), ("07", 7, False), ("1.00", True, False)],
)
def test_an_amount_that_was_kept_is_the_whole_number_of_an_answer(one: Any, other: Any, alike: bool) -> None:
    assert (same(one, other), same(other, one)) == (alike, alike)
