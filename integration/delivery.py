"""Delivers one parcel to a target so that it has exactly one effect: what was never answered is looked up before it is sent again.

Nothing here touches the database: the claim and the intent are written before, the outcome after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from integration import clock
from integration.budget import SEND_WITHIN_SECONDS
from integration.errors import Conflict, FieldError, NoAnswer, Refused, SyncError, Transient, VersionConflict
from integration.ledger.crosswalk import Crossing
from integration.ports import Body, Remote, Target

VERSION_TRIES = 4
"""How often a write is repeated on the newest version before the record waits; staff rarely save an order this often in a second."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is to be in the target: `body` with every reference replaced, found again by `reference`.

    `look_first`: the target may hold it without our knowing (marked as taken over, or of a time before this ledger).
    `first`: what to do where it was never booked: `book`, `skip`, or `refuse` with the words in `why`.
    `leave_found`: what is found there belongs to others (a customer of the ERP) and is not changed. `winners`: by group of members,
    who wins where both sides have changed it. `settled`: members on which both sides agree, whatever we wrote last.
    """

    entity: str
    reference: str
    body: Body
    look_first: bool = False
    first: str = "book"
    why: str = ""
    leave_found: bool = False
    winners: Mapping[str, str] = field(default_factory=dict)
    settled: Sequence[str] = ()


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
    """It has not happened. `delivered` is set where the record was created and only a later change to it failed."""

    error: SyncError
    delivered: Delivered | None = None


Outcome = Delivered | Skipped | Unanswered | Failed


def differences(target: Target, parcel: Parcel, before: Mapping[str, Any]) -> dict[str, Any]:
    """Members that an update must carry: those that we would write now and that differ from what we wrote last. What a record that
    ends takes no more is left out: it must not keep the end from arriving."""
    left_out = {*(_closed_by_end(target, parcel) or ()), *parcel.settled}
    names = [name for name in target.writable(parcel.entity).update if name not in left_out]
    return {name: parcel.body[name] for name in names if name in parcel.body and not _same(parcel.body[name], before.get(name))}


def moved_members(target: Target, parcel: Parcel, before: Mapping[str, Any]) -> list[str]:
    """Members that differ from what we wrote last, and that no update can carry; of a record that ends they matter no more."""
    fixed = target.writable(parcel.entity).fixed if _closed_by_end(target, parcel) is None else ()
    return [name for name in fixed if name in parcel.body and name in before and not _same(parcel.body[name], before[name])]


def _closed_by_end(target: Target, parcel: Parcel) -> Sequence[str] | None:
    """The members that the record takes no more once this parcel has arrived; None where it does not end the record."""
    for name, values in target.writable(parcel.entity).ends.items():
        if parcel.body.get(name) in values:
            return values[parcel.body[name]]
    return None


def kept_members(target: Target, parcel: Parcel) -> dict[str, Any]:
    """The part of a body that later versions are compared with."""
    writable = target.writable(parcel.entity)
    return {name: value for name, value in parcel.body.items() if name in writable.update or name in writable.fixed}


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
            return _follow_up(target, parcel, found)
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
    except NoAnswer as error:
        if writable.repeatable:
            return Unanswered(error, clock.now() + timedelta(seconds=error.retry_after or 0.0), sent=True)
        resend_after = clock.now() + timedelta(seconds=max(target.settle_seconds, error.retry_after or 0.0))
        try:
            found = None if error.retry_after else look_up(target, parcel)  # told to wait, nothing is asked before
        except SyncError:
            found = None
        return _follow_up(target, parcel, found) if found else Unanswered(error, resend_after, sent=True)
    made = Delivered("created", remote, kept_members(target, parcel) | dict(writable.after_create))
    return _follow_up(target, parcel, made)


def _follow_up(target: Target, parcel: Parcel, made: Delivered) -> Outcome:
    """Write what differs: members that a create does not take, or what is newer than a record that was found by look-up."""
    if (parcel.leave_found and made.operation == "found") or not differences(target, parcel, made.members):
        return made
    try:
        outcome = _change(target, parcel, made.remote.key, made.remote.version, made.members)
    except SyncError as error:
        return Failed(error, made)
    return Delivered(made.operation, outcome.remote, outcome.members, made.note)


def _change(target: Target, parcel: Parcel, key: str, version: int | None, before: Mapping[str, Any]) -> Delivered:
    writable = target.writable(parcel.entity)
    if moved := moved_members(target, parcel, before):
        raise Conflict(
            f"{', '.join(moved)} changed after booking, which {key} cannot take; correct it there by hand, then dismiss this",
            tuple(FieldError(name, "changed after booking and cannot be changed in the target") for name in moved),
        )
    changes = differences(target, parcel, before)
    remote = Remote(key, version, {})
    if own := [name for name in changes if changes[name] in writable.own_values.get(name, ())]:
        # A state that only the target itself sets: it is either there already, or both sides disagree.
        remote = _present(target, parcel, key)
        for name in own:
            if not _same(remote.body.get(name), changes[name]):
                raise Conflict(
                    f"{name} should be {changes[name]} and is {remote.body.get(name)} in {key}, which only the target itself can change",
                    (FieldError(name, f"should be {changes[name]}, is {remote.body.get(name)} in {key}"),),
                )
            del changes[name]
    notes: list[str] = []
    for _ in range(VERSION_TRIES):
        if not changes:
            break
        if remote.version is None:
            remote = _present(target, parcel, key)
        try:
            remote = target.update(parcel.entity, key, changes, remote.version)
            break
        except VersionConflict as conflict:
            remote = _present(target, parcel, key) if not conflict.current else target.remote(parcel.entity, conflict.current)
            notes += _settle(target, parcel, key, before, remote.body, changes)
        except NoAnswer as error:
            if error.retry_after:
                raise
            remote = _present(target, parcel, key)
        if all(_same(remote.body.get(name), value) for name, value in changes.items()):
            break
    else:
        raise Transient(f"{key} changes too fast to be written; it is tried again")
    return Delivered("updated", remote, {**before, **kept_members(target, parcel)}, "; ".join(notes))


def _settle(
    target: Target, parcel: Parcel, key: str, before: Mapping[str, Any], there: Mapping[str, Any], changes: dict[str, Any]
) -> list[str]:
    """Where somebody there has changed what we are about to change, the flow's policy decides for each group of members: what the
    target keeps is taken out of `changes`. Gives a note for each decision; raises Conflict where a person decides."""
    writable = target.writable(parcel.entity)
    notes = []
    for group, members in writable.groups.items():
        edited = [
            name
            for name in members
            if name in changes
            and name in before
            and not _same(there.get(name), before[name])
            and not _same(there.get(name), changes[name])
            and there.get(name) not in writable.own_values.get(name, ())
        ]
        if not edited:
            continue
        winner = parcel.winners.get(group, "source")
        if winner == "person":
            said = f"{', '.join(edited)} changed on both sides since the last sync; decide which is right, and replay this or dismiss it"
            raise Conflict(f"{said} ({key})", tuple(FieldError(name, "changed on both sides since the last sync") for name in edited))
        notes.append(f"{', '.join(edited)} changed on both sides; the {winner} wins")
        if winner == "target":
            for name in members:
                changes.pop(name, None)
    return notes


def _present(target: Target, parcel: Parcel, key: str) -> Remote:
    remote = target.get(parcel.entity, key)
    if remote is None:
        raise Refused(f"{key} is no longer in the target; dismiss this, or book the {parcel.entity} again by hand")
    return remote


def look_up(target: Target, parcel: Parcel) -> Delivered | None:
    """The parcel's record as the target holds it already; None where it holds none."""
    writable = target.writable(parcel.entity)
    found = list(target.find(parcel.entity, parcel.reference))
    if not found:
        return None
    usable = [one for one in found if all(_same(one.body.get(name), value) for name, value in writable.usable.items())]
    remote = min(usable or found, key=lambda one: one.key)
    note = f"{len(found)} of them were there; {remote.key} is used" if len(found) > 1 else ""
    held = {name: remote.body.get(name) for name in (*writable.update, *writable.fixed)}
    # What the target has made of its own states is no change of ours; only what a new record starts with is compared.
    held |= dict(writable.after_create)
    held |= {name: parcel.body[name] for name in writable.fixed if name in parcel.body}
    return Delivered("found", remote, held, note)


def _may_still_happen_until(target: Target, intent_at: datetime | None) -> datetime:
    assert intent_at is not None  # written together with the intent
    return intent_at + timedelta(seconds=SEND_WITHIN_SECONDS + target.timeout_seconds + target.settle_seconds)


def _same(one: Any, other: Any) -> bool:
    """Equal as the systems see it: null and absent are alike, at any depth; amounts are compared as text."""
    if one is other:
        return True
    if isinstance(one, Mapping) or isinstance(other, Mapping):
        left, right = one or {}, other or {}
        return (
            isinstance(left, Mapping)
            and isinstance(right, Mapping)
            and all(_same(left.get(name), right.get(name)) for name in {*left, *right})
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))
    return one == other or (one is not None and other is not None and str(one) == str(other))
