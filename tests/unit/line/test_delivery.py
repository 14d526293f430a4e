"""Exactly one effect, whatever becomes of the answers: the delivery of one parcel to a target that misbehaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from integration import clock
from integration.delivery import Delivered, Failed, Outcome, Parcel, Skipped, Unanswered, deliver
from integration.errors import Conflict, NoAnswer, Refused, Transient
from integration.ledger.crosswalk import Crossing
from integration.ports import Body, Remote, Writable
from tests.fakes import FakeSystem

BODY = {
    "ExternalOrderID": "5000000001",
    "OrderStatus": "Open",
    "PaymentStatus": "Paid",
    "ShippingAddress": {"Line1": "48 Orchard Lane", "Line2": None},
    "LineItems": [{"SKU": "LAMP-001", "Quantity": 2}],
}


def parcel(**changes: Any) -> Parcel:
    settings = {name: changes.pop(name) for name in ("look_first", "first", "why", "leave_found") if name in changes}
    return Parcel("order", "5000000001", BODY | changes, **settings)


def crossing(**changes: Any) -> Crossing:
    empty = dict.fromkeys(Crossing.__dataclass_fields__)
    return Crossing(**{**empty, "id": 1, "source_key": "5000000001", **changes})


def booked(system: FakeSystem) -> Delivered:
    outcome = deliver(system, parcel(), crossing(), None)
    assert isinstance(outcome, Delivered)
    return outcome


def again(system: FakeSystem, before: Delivered, wanted: Parcel) -> Outcome:
    return deliver(system, wanted, crossing(target_key=before.remote.key, target_version=before.remote.version), dict(before.members))


def test_a_new_order_is_created_without_what_a_create_does_not_take() -> None:
    system = FakeSystem()
    outcome = booked(system)
    assert outcome.operation == "created"
    assert system.calls == ["order.create"]
    assert system.stored["order"][outcome.remote.key]["OrderStatus"] == "Open"


def test_a_status_that_a_create_does_not_take_is_written_right_behind() -> None:
    system = FakeSystem()
    outcome = deliver(system, parcel(OrderStatus="OnHold"), crossing(), None)
    assert isinstance(outcome, Delivered)
    assert system.stored["order"][outcome.remote.key]["OrderStatus"] == "OnHold"
    assert system.calls == ["order.create", "order.update"]


def test_a_lost_answer_is_looked_up_and_not_sent_again() -> None:
    system = FakeSystem()
    system.drop["order.create"] = 1
    outcome = deliver(system, parcel(), crossing(), None)
    assert isinstance(outcome, Delivered) and outcome.operation == "found"
    assert len(system.stored["order"]) == 1


def test_an_order_that_staff_entered_under_the_same_number_is_not_taken_for_ours() -> None:
    system = FakeSystem()
    theirs = {"Key": "SO-0000000", "Version": 1, "OrderStatus": "Open", "ExternalOrderID": BODY["ExternalOrderID"], "LineItems": []}
    system.stored["order"]["SO-0000000"] = theirs
    system.drop["order.create"] = 1
    outcome = deliver(system, parcel(), crossing(), None)
    assert isinstance(outcome, Delivered)
    assert (outcome.operation, outcome.remote.key) == ("found", "SO-0000001")
    assert outcome.note == "2 of them were there; SO-0000001 is used"


def test_nothing_keeps_a_cancellation_from_arriving() -> None:
    """Neither an address that a cancelled order takes no more, nor lines that no update can carry."""
    system = FakeSystem()
    before = booked(system)
    wanted = parcel(OrderStatus="Cancelled", PaymentStatus="Refunded", ShippingAddress={"Line1": "1 Elm Street"}, LineItems=[])
    outcome = again(system, before, wanted)
    assert isinstance(outcome, Delivered)
    stored = system.stored["order"][before.remote.key]
    assert (stored["OrderStatus"], stored["PaymentStatus"]) == ("Cancelled", "Refunded")
    assert stored["ShippingAddress"] == BODY["ShippingAddress"]


def test_what_was_cancelled_while_its_booking_may_still_take_effect_is_not_forgotten() -> None:
    system = FakeSystem()
    system.settle_seconds = 60.0
    asked = crossing(intent="create", intent_at=clock.now())
    cancelled = parcel(OrderStatus="Cancelled", first="skip", why="cancelled")
    assert isinstance(deliver(system, cancelled, asked, None), Unanswered)
    system.create("order", BODY)  # the earlier request takes effect at last
    outcome = deliver(system, cancelled, asked, None)
    assert isinstance(outcome, Delivered)
    assert system.stored["order"][outcome.remote.key]["OrderStatus"] == "Cancelled"


def test_a_target_that_asks_for_a_pause_is_asked_nothing_before_it_is_over() -> None:
    system = FakeSystem()
    system.fail["order.create"] = [NoAnswer("503", retry_after=30.0)]
    outcome = deliver(system, parcel(), crossing(), None)
    assert isinstance(outcome, Unanswered)
    assert outcome.resend_after > clock.now() + timedelta(seconds=25)
    assert system.calls == ["order.create"]
    before = booked(system)
    system.calls.clear()
    system.fail["order.update"] = [NoAnswer("503", retry_after=30.0)]
    assert isinstance(again(system, before, parcel(PaymentStatus="Refunded")), Failed)
    assert system.calls == ["order.update"]


def test_an_answer_that_never_came_is_not_sent_again_before_it_can_no_longer_take_effect() -> None:
    system = FakeSystem()
    system.settle_seconds = 60.0
    system.fail["order.create"] = [NoAnswer("reset")]
    outcome = deliver(system, parcel(), crossing(), None)
    assert isinstance(outcome, Unanswered)
    assert outcome.resend_after > clock.now() + timedelta(seconds=55)
    soon = crossing(intent="create", intent_at=clock.now(), resend_after=outcome.resend_after)
    assert isinstance(deliver(system, parcel(), soon, None), Unanswered)
    assert not system.stored["order"]
    settled = crossing(intent="create", intent_at=clock.now(), resend_after=clock.now() - timedelta(seconds=1))
    assert isinstance(deliver(system, parcel(), settled, None), Delivered)
    assert len(system.stored["order"]) == 1


def test_an_intent_of_a_killed_worker_waits_for_the_longest_that_its_request_may_take() -> None:
    system = FakeSystem()
    left = crossing(intent="create", intent_at=clock.now() - timedelta(seconds=5))
    outcome = deliver(system, parcel(), left, None)
    assert isinstance(outcome, Unanswered) and outcome.resend_after > clock.now()
    old = crossing(intent="create", intent_at=clock.now() - timedelta(seconds=60))
    assert isinstance(deliver(system, parcel(), old, None), Delivered)


def test_what_a_killed_worker_had_sent_is_found() -> None:
    system = FakeSystem()
    booked(system)
    outcome = deliver(system, parcel(), crossing(intent="create", intent_at=clock.now()), None)
    assert isinstance(outcome, Delivered) and outcome.operation == "found"
    assert len(system.stored["order"]) == 1


def test_a_record_that_was_marked_by_us_is_found_though_the_ledger_forgot() -> None:
    system = FakeSystem()
    booked(system)
    outcome = deliver(system, parcel(look_first=True, first="skip", why="taken over by others"), crossing(), None)
    assert isinstance(outcome, Delivered) and outcome.operation == "found"


def test_cancelled_before_booking_is_never_booked() -> None:
    system = FakeSystem()
    outcome = deliver(system, parcel(first="skip", why="cancelled before it was booked"), crossing(), None)
    assert outcome == Skipped("cancelled before it was booked")
    assert not system.stored["order"]


def test_shipped_before_booking_needs_a_person() -> None:
    system = FakeSystem()
    outcome = deliver(system, parcel(first="refuse", why="would ship twice"), crossing(), None)
    assert isinstance(outcome, Failed) and isinstance(outcome.error, Conflict)
    assert not system.stored["order"]


def test_only_what_changed_is_written() -> None:
    system = FakeSystem()
    before = booked(system)
    outcome = again(system, before, parcel(OrderStatus="Cancelled"))
    assert isinstance(outcome, Delivered) and outcome.operation == "updated"
    assert system.stored["order"][before.remote.key]["OrderStatus"] == "Cancelled"
    assert system.calls == ["order.create", "order.update"]


def test_what_the_target_made_of_its_own_status_is_left_alone() -> None:
    system = FakeSystem()
    before = booked(system)
    stored = system.stored["order"][before.remote.key]
    stored["OrderStatus"] = "Allocated"
    again(system, before, parcel(PaymentStatus="Refunded"))
    assert (stored["OrderStatus"], stored["PaymentStatus"]) == ("Allocated", "Refunded")


def test_null_and_absent_are_no_change() -> None:
    system = FakeSystem()
    before = booked(system)
    again(system, before, parcel(ShippingAddress={"Line1": "48 Orchard Lane"}))
    assert system.calls == ["order.create"]


def test_a_version_conflict_is_written_again_on_the_newest_version() -> None:
    system = FakeSystem()
    before = booked(system)
    touched = []

    def staff_saves(stored: dict[str, Any]) -> None:
        if not touched:
            touched.append(True)
            stored |= {"Notes": "called", "Version": stored["Version"] + 1}

    system.before_update = staff_saves
    outcome = again(system, before, parcel(OrderStatus="Cancelled"))
    assert isinstance(outcome, Delivered)
    stored = system.stored["order"][before.remote.key]
    assert (stored["OrderStatus"], stored["Notes"]) == ("Cancelled", "called")


def test_a_record_that_always_changes_is_tried_later() -> None:
    system = FakeSystem()
    before = booked(system)
    system.before_update = lambda stored: stored.update(Version=stored["Version"] + 1)
    outcome = again(system, before, parcel(OrderStatus="Cancelled"))
    assert isinstance(outcome, Failed) and isinstance(outcome.error, Transient)


def test_an_update_whose_answer_was_lost_is_seen_and_not_repeated() -> None:
    system = FakeSystem()
    before = booked(system)
    system.drop["order.update"] = 1
    outcome = again(system, before, parcel(OrderStatus="Cancelled"))
    assert isinstance(outcome, Delivered)
    assert system.count("order.update") == 1
    assert system.stored["order"][before.remote.key]["Version"] == 2


def test_lines_that_changed_after_booking_need_a_person() -> None:
    system = FakeSystem()
    before = booked(system)
    outcome = again(system, before, parcel(LineItems=[{"SKU": "LAMP-001", "Quantity": 3}]))
    assert isinstance(outcome, Failed) and isinstance(outcome.error, Conflict)
    assert outcome.error.fields[0].field == "LineItems"


@pytest.mark.parametrize(("present", "agrees"), [("Fulfilled", True), ("Open", False)])
def test_a_state_that_only_the_target_sets_is_compared(present: str, agrees: bool) -> None:
    system = FakeSystem()
    before = booked(system)
    system.stored["order"][before.remote.key]["OrderStatus"] = present
    outcome = again(system, before, parcel(OrderStatus="Fulfilled"))
    assert isinstance(outcome, Delivered) is agrees
    assert system.count("order.update") == 0
    if not agrees:
        assert isinstance(outcome, Failed) and isinstance(outcome.error, Conflict)


def test_created_but_not_yet_put_on_hold_says_both() -> None:
    system = FakeSystem()
    system.fail["order.update"] = [Refused("not now")]
    outcome = deliver(system, parcel(OrderStatus="OnHold"), crossing(), None)
    assert isinstance(outcome, Failed) and outcome.delivered is not None
    assert outcome.delivered.members["OrderStatus"] == "Open"
    assert len(system.stored["order"]) == 1


def test_of_several_customers_the_oldest_usable_one_is_taken_and_left_as_it_is() -> None:
    system = FakeSystem()
    for number, status in ((3, "Active"), (1, "Inactive"), (2, "Active")):
        key = f"C-{number:07d}"
        system.stored["customer"][key] = {"Key": key, "Version": 1, "Email": "ANA@buyer.example", "Status": status, "Phone": "1"}
    outcome = deliver(
        system,
        Parcel("customer", "ana@buyer.example", {"Email": "ana@buyer.example", "Phone": "2"}, look_first=True, leave_found=True),
        crossing(),
        None,
    )
    assert isinstance(outcome, Delivered) and outcome.remote.key == "C-0000002"
    assert system.stored["customer"]["C-0000002"]["Phone"] == "1"


class Behind(FakeSystem):
    """Shows for a while what was before its last change, or nothing."""

    shows: list[dict[str, Any] | None] = []  # noqa: RUF012 - one for each read, then the present state

    def writable(self, entity: str) -> Writable:
        return replace(super().writable(entity), changed="UpdatedAt")

    def get(self, entity: str, key: str) -> Remote | None:
        present = super().get(entity, key)
        shown = self.shows.pop(0) if self.shows else present.body if present else None
        return None if shown is None else Remote(key, None, shown)

    def update(self, entity: str, key: str, body: Body, version: int | None) -> Remote:
        return super().update(entity, key, body, self.stored[entity][key]["Version"])


def test_what_is_shown_of_a_time_before_our_write_is_not_the_record_as_it_is() -> None:
    system = Behind()
    written = clock.text(clock.now())
    older, gone = clock.text(clock.now() - timedelta(seconds=3)), clock.text(clock.now() - timedelta(minutes=5))
    before = booked(system)
    before = replace(before, remote=replace(before.remote, version=None), members={**before.members, "$seen": written})
    earlier = {**system.stored["order"][before.remote.key], "PaymentStatus": "Unpaid", "UpdatedAt": older}
    for shown, said in ((earlier, "is still shown as it was before our last write"), (None, "is not shown yet")):
        system.shows = [shown]
        outcome = again(system, before, parcel(PaymentStatus="Refunded"))
        assert isinstance(outcome, Failed) and isinstance(outcome.error, Transient)
        assert said in str(outcome.error)
    outcome = again(system, before, parcel(PaymentStatus="Refunded"))
    assert isinstance(outcome, Delivered)
    assert system.stored["order"][before.remote.key]["PaymentStatus"] == "Refunded"
    system.shows = [None]
    outcome = again(system, replace(before, members={**before.members, "$seen": gone}), parcel(PaymentStatus="Paid", OrderStatus="OnHold"))
    assert isinstance(outcome, Failed) and isinstance(outcome.error, Refused) and not isinstance(outcome.error, Transient)
