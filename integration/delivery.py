"""Delivers one parcel to a target so that it has exactly one effect: what was never answered is looked up before it is sent again.

Nothing here touches the database: the claim and the intent are written before, the outcome after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from integration import clock
from integration.budget import SEND_WITHIN_SECONDS
from integration.dispute import KEPT, Dispute, contradicts, same
from integration.errors import Conflict, FieldError, NoAnswer, Refused, SyncError, Transient, VersionConflict
from integration.ledger.crosswalk import Crossing
from integration.ports import EXISTS, TOO_LATE, Body, Remote, Target, Writable

VERSION_TRIES = 4
"""How often a write is repeated on the newest version before the record waits; staff rarely save an order this often in a second."""

SEEN = "$seen"
"""Beside the members that we wrote last: when the record had changed last, as the target said then."""

SHOWN_WITHIN = timedelta(minutes=1)
"""A record that was written so lately and is not there may only not be shown yet."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is to be in the target: `body` with every reference replaced, found again by `reference`.

    `look_first`: the target may hold it without our knowing (marked as taken over, or of a time before this ledger). `first`: what to do
    where it was never booked: `book`, `skip`, or `refuse` with the words in `why`. `by_reference_alone`: no other way to know it again
    will do. `leave_found`: what is found there belongs to others (a customer of the ERP) and is not changed. `winners`: by group of
    members, who wins where both sides have changed it. `settled`: members on which both sides agree, whatever we wrote last. `told`: how
    the record stands at its source, for a person.
    """

    entity: str
    reference: str
    body: Body
    look_first: bool = False
    first: str = "book"
    why: str = ""
    leave_found: bool = False
    by_reference_alone: bool = False
    winners: Mapping[str, str] = field(default_factory=dict)
    settled: Sequence[str] = ()
    told: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The target holds it. `members` are the values that it holds by our doing, `operation` says how it came there."""

    operation: str
    remote: Remote
    members: Mapping[str, Any]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    why: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """It may have happened; it must not be sent again before `resend_after`. `sent` says whether this very try sent it."""

    error: SyncError
    resend_after: datetime
    sent: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """It has not happened. `delivered` is set where the record was created and only a later change to it failed, or where all was written
    but what a person must decide."""

    error: SyncError
    delivered: Delivered | None = None


Outcome = Delivered | Skipped | Unanswered | Failed


def differences(target: Target, parcel: Parcel, before: Mapping[str, Any]) -> dict[str, Any]:
    """Members that an update must carry: those that we would write now and that differ from what we wrote last. What a record that
    ends takes no more is left out: it must not keep the end from arriving."""
    left_out = {*(_closed_by_end(target, parcel) or ()), *parcel.settled}
    names = [name for name in target.writable(parcel.entity).update if name not in left_out]
    return {name: parcel.body[name] for name in names if name in parcel.body and not same(parcel.body[name], before.get(name))}


def moved_members(target: Target, parcel: Parcel, before: Mapping[str, Any]) -> list[str]:
    """Members that differ from what we wrote last, and that no update can carry; of a record that ends they matter no more."""
    fixed = target.writable(parcel.entity).fixed if _closed_by_end(target, parcel) is None else ()
    fixed = [name for name in fixed if name not in parcel.settled]
    return [name for name in fixed if name in parcel.body and name in before and not same(parcel.body[name], before[name])]


def _closed_by_end(target: Target, parcel: Parcel) -> Sequence[str] | None:
    """The members that the record takes no more once this parcel has arrived; None where it does not end the record."""
    for name, values in target.writable(parcel.entity).ends.items():
        if parcel.body.get(name) in values:
            return values[parcel.body[name]]
    return None


def kept_members(target: Target, parcel: Parcel) -> dict[str, Any]:
    """The part of a body that later versions are compared with, and what is kept for the books."""
    writable = target.writable(parcel.entity)
    kept = {*writable.update, *writable.fixed, *writable.facts}
    return {name: value for name, value in parcel.body.items() if name in kept}


def deliver(target: Target, parcel: Parcel, crossing: Crossing, before: Mapping[str, Any] | None) -> Outcome:
    """Bring the parcel into the target. `before` are the members written last, None where nothing was.

    Never raises: each failure comes back as an outcome.
    """
    try:
        if crossing.target_key is None:
            return _book(target, parcel, crossing)
        return _change(target, parcel, crossing.target_key, crossing.target_version, before or {})
    except SyncError as error:
        return Failed(error)


def _book(target: Target, parcel: Parcel, crossing: Crossing) -> Outcome:
    writable = target.writable(parcel.entity)
    asked_before = crossing.intent is not None and not writable.repeatable
    if asked_before or parcel.look_first:
        found = look_up(target, parcel)
        if found is not None:
            return _take_over(target, parcel, crossing, found)
    if asked_before:
        resend_after = crossing.resend_after or _may_still_happen_until(target, crossing.intent_at)
        if clock.now() < resend_after:
            return Unanswered(
                NoAnswer("the answer to an earlier request never came and it may still take effect; it is looked up again"),
                resend_after,
                sent=False,
            )
    if parcel.first == "skip":
        return Skipped(parcel.why)
    if parcel.first == "refuse":
        return Failed(Conflict(parcel.why, (FieldError("status", parcel.why),)))
    body = {name: value for name, value in parcel.body.items() if name not in writable.after_create}
    try:
        remote = target.create(parcel.entity, body)
    except Refused as error:
        if writable.meaning(error) != EXISTS:
            raise
        return _take_over(target, parcel, crossing, _what_exists(target, parcel))
    except NoAnswer as error:
        if writable.repeatable:
            return Unanswered(error, clock.now() + timedelta(seconds=error.retry_after or 0.0), sent=True)
        resend_after = clock.now() + timedelta(seconds=max(target.settle_seconds, error.retry_after or 0.0))
        try:
            found = None if error.retry_after else look_up(target, parcel)  # told to wait, nothing is asked before
        except SyncError:
            found = None
        return _follow_up(target, parcel, found) if found else Unanswered(error, resend_after, sent=True)
    made = Delivered("created", remote, {**kept_members(target, parcel), **writable.after_create, **_seen(writable, remote)}, remote.note)
    return _follow_up(target, parcel, made)


def _follow_up(target: Target, parcel: Parcel, made: Delivered) -> Outcome:
    """Write what differs: members that a create does not take, or what is newer than a record that was found by look-up."""
    if (parcel.leave_found and made.operation == "found") or not differences(target, parcel, made.members):
        return made
    try:
        outcome = _change(target, parcel, made.remote.key, made.remote.version, made.members)
    except SyncError as error:
        return Failed(error, made)
    if isinstance(outcome, Failed):
        return outcome
    return Delivered(made.operation, outcome.remote, outcome.members, "; ".join(filter(None, (made.note, outcome.note))))


def _take_over(target: Target, parcel: Parcel, crossing: Crossing, found: Delivered) -> Outcome:
    """Go on from what is there. What others made before we came stays as it is in the groups in which the target wins, until the source
    changes it; what an earlier request of ours made is ours."""
    groups = target.writable(parcel.entity).groups
    theirs = [name for group, members in groups.items() if parcel.winners.get(group) == "target" for name in members]
    if crossing.intent is not None or not theirs:
        return _follow_up(target, parcel, found)
    kept = {name: found.members.get(name) for name in theirs if name in parcel.body}
    members = {**found.members, **{name: parcel.body[name] for name in kept}, KEPT: kept}
    return _follow_up(target, replace(parcel, settled=(*parcel.settled, *theirs)), replace(found, members=members))


def _change(target: Target, parcel: Parcel, key: str, version: int | None, before: Mapping[str, Any]) -> Delivered | Failed:
    if moved := moved_members(target, parcel, before):
        raise Conflict(
            f"{', '.join(moved)} changed after {key} was made, which cannot take it; correct it there by hand, then dismiss this",
            tuple(FieldError(name, f"changed after {key} was made and cannot be changed there") for name in moved),
        )
    changes = differences(target, parcel, before)
    remote = Remote(key, version, {})
    states = partial(target.state_words, parcel.entity)
    dispute = Dispute(target.writable(parcel.entity), key, parcel.told, parcel.winners, states, before, changes)
    if dispute.asks_for_own_states():
        remote = _present(target, parcel, key, before)
        dispute.own_states(remote.body)
        dispute.both_changed(remote.body)
    for _ in range(VERSION_TRIES):
        if not changes:
            break
        remote, written = _try(target, parcel, remote, dispute)
        if written or all(same(remote.body.get(name), value) for name, value in changes.items()):
            break
    else:
        raise Transient(f"{key} changes too fast to be written; it is tried again")
    members = {name: value for name, value in kept_members(target, parcel).items() if name not in dispute.open_members}
    note = "; ".join(filter(None, (*dispute.notes, remote.note)))
    seen = _seen(target.writable(parcel.entity), remote)
    delivered = Delivered("updated", remote, {**before, **members, **dispute.remembered(), **seen}, note)
    if not dispute.faults:
        return delivered
    # The rest is written. The version stays the old one: whoever writes next meets the same dispute, until a person has ended it.
    delivered = replace(delivered, remote=Remote(key, version, remote.body))
    return Failed(Conflict("both sides disagree; decide, and replay this or dismiss it", tuple(dispute.faults)), delivered)


def _try(target: Target, parcel: Parcel, remote: Remote, dispute: Dispute) -> tuple[Remote, bool]:
    """Write the changes on this version. Gives the record as it is now, and whether they were taken."""
    if remote.version is None:
        remote = _present(target, parcel, remote.key, dispute.before)
        dispute.both_changed(remote.body)
        if not dispute.changes:
            return remote, True
    try:
        return target.update(parcel.entity, remote.key, dispute.changes, remote.version), True
    except VersionConflict as conflict:
        remote = (
            target.remote(parcel.entity, conflict.current) if conflict.current else _present(target, parcel, remote.key, dispute.before)
        )
        dispute.both_changed(remote.body)
    except Refused as error:
        if target.writable(parcel.entity).meaning(error) != TOO_LATE:
            raise
        remote = _present(target, parcel, remote.key, dispute.before)
        dispute.too_late(error, remote.body)
    except NoAnswer as error:
        if error.retry_after:
            raise
        try:
            remote = _present(target, parcel, remote.key, dispute.before)
        except SyncError:
            raise error from None  # what matters most: it may have happened
    return remote, False


def _present(target: Target, parcel: Parcel, key: str, before: Mapping[str, Any]) -> Remote:
    """The record as it is. What a system shows of a time before our last write would pass for an edit that took it back."""
    remote, written = target.get(parcel.entity, key), _instant(before.get(SEEN))
    if remote is None:
        if written is not None and clock.now() < written + SHOWN_WITHIN:
            raise Transient(f"{key} was written just now and is not shown yet; it is tried again")
        raise Refused(f"{key} is no longer in the target; dismiss this, or book the {parcel.entity} again by hand")
    shown = _instant(_seen(target.writable(parcel.entity), remote).get(SEEN))
    if written is not None and shown is not None and shown < written:
        raise Transient(f"{key} is still shown as it was before our last write; it is tried again")
    return remote


def _seen(writable: Writable, remote: Remote) -> dict[str, Any]:
    changed = remote.body.get(writable.changed) if writable.changed is not None else None
    return {SEEN: changed} if _instant(changed) is not None else {}


def _instant(value: Any) -> datetime | None:
    try:
        return clock.instant(value) if isinstance(value, str) else None
    except ValueError:
        return None


def look_up(target: Target, parcel: Parcel) -> Delivered | None:
    """The parcel's record as the target holds it already; None where it holds none."""
    writable = target.writable(parcel.entity)
    found = list(target.find(parcel.entity, parcel.reference, None if parcel.by_reference_alone else parcel.body))
    if not found:
        return None
    usable = [one for one in found if all(same(one.body.get(name), value) for name, value in writable.usable.items())]
    ours = [one for one in usable if _holds_what_we_write(writable, parcel, one)]
    remote = min(ours or usable or found, key=lambda one: one.key)
    note = f"{len(found)} of them were there; {remote.key} is used" if len(found) > 1 else ""
    held = {name: remote.body.get(name) for name in (*writable.update, *writable.fixed, *writable.facts)}
    # What the target has made of its own states is no change of ours; only what a new record starts with is compared.
    held |= dict(writable.after_create)
    held |= {name: parcel.body[name] for name in writable.fixed if name in parcel.body}
    return Delivered("found", remote, {**held, **_seen(writable, remote)}, note)


def _holds_what_we_write(writable: Writable, parcel: Parcel, remote: Remote) -> bool:
    """As far as it cannot change later: somebody else may have entered another record under the same reference."""
    return not any(contradicts(parcel.body[name], remote.body.get(name)) for name in writable.fixed if name in parcel.body)


def _what_exists(target: Target, parcel: Parcel) -> Delivered:
    found = look_up(target, parcel)
    if found is None:
        raise Transient(f"{parcel.reference} is there already, but cannot be read yet; it is looked up again")
    return found


def _may_still_happen_until(target: Target, intent_at: datetime | None) -> datetime:
    assert intent_at is not None  # written together with the intent
    return intent_at + timedelta(seconds=SEND_WITHIN_SECONDS + target.timeout_seconds + target.settle_seconds)
