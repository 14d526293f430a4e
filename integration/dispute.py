"""What both sides of one record say differently, and who wins by the flow's policy."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from integration.errors import FieldError, Refused
from integration.forgotten import is_forgotten, was
from integration.ports import Body, Writable

STATUS = "status"
"""The group of members that say how a record stands."""

KEPT = "$kept"
"""Beside the members that we wrote last: what the target has kept instead of them."""


@dataclass(slots=True)
class Dispute:
    """About the record `key` of the target: `before` are the members that we wrote last, `changes` those to be written now; what the
    target keeps is taken out of them. `told` and `states` say to a person how the record stands at its source and there.

    `notes` tell what was decided, `faults` what a person must decide: `open_members`.
    """

    writable: Writable
    key: str
    told: str
    winners: Mapping[str, str]
    states: Callable[[Body], str]
    before: Mapping[str, Any]
    changes: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    faults: list[FieldError] = field(default_factory=list)
    open_members: set[str] = field(default_factory=set)
    _kept: dict[str, Any] = field(default_factory=dict)

    def remembered(self) -> dict[str, Any]:
        """What is to be known the next time besides the members."""
        earlier = {name: value for name, value in self.before.get(KEPT, {}).items() if name not in self.changes}
        return {KEPT: earlier | self._kept} if earlier or self._kept or KEPT in self.before else {}

    def asks_for_own_states(self) -> bool:
        """Whether a state is to be there that only the target itself can set."""
        return any(self._own(name, self.changes) for name in self.changes)

    def own_states(self, there: Body) -> None:
        """Such a state is there already, or both sides disagree."""
        for name in [name for name in self.changes if self._own(name, self.changes)]:
            wanted = self.changes.pop(name)
            if not (same(there.get(name), wanted) and self._own(name, there)):
                group = next((group for group, members in self.writable.groups.items() if name in members), name)
                said = f"{name} should be {wanted}, but {self.key} is {self.states(there)}, which only the target itself can change"
                self._leave(group, said, there)

    def both_changed(self, there: Body) -> None:
        """The record has changed there, as `there` shows: perhaps in what we are about to change."""
        for group, members in self.writable.groups.items():
            edited = [name for name in members if self._edited(name, there)]
            if not edited:
                continue
            said = f"{', '.join(edited)} changed on both sides since the last sync of {self.key}"
            if group == STATUS:
                said = self._both_states(there)
            if self._winner(group) == "source":
                self.notes.append(f"{said}; the source wins")
            else:
                self._leave(group, said, there)

    def too_late(self, error: Refused, there: Body) -> None:
        """The record has moved on and takes some of it no more. Raises the error itself where it does not say what."""
        refused = {fault.field.partition(".")[0].partition("[")[0] for fault in error.fields} & self.changes.keys()
        groups = [group for group, members in self.writable.groups.items() if refused.intersection(members)]
        if not groups:
            raise error
        for group in groups:
            names = [name for name in self.writable.groups[group] if name in self.changes]
            if group != STATUS:
                said = f"{', '.join(names)} changed, but {self.key} is {self.states(there)} and takes no change of it any more"
                self._leave(group, said, there)
            elif all(self._carried_on(name, there) for name in names):
                self._drop(group)
            else:
                self._leave(group, f"{self._both_states(there)}, which cannot be changed any more", there)

    def _edited(self, name: str, there: Body) -> bool:
        if name not in self.changes or name not in self.before:
            return False
        value = there.get(name)
        last = self.before.get(KEPT, {}).get(name, self.before[name])
        return not self._own(name, there) and contradicts(value, last) and contradicts(value, self.changes[name])

    def _carried_on(self, name: str, there: Body) -> bool:
        """Whether we ask for the state that a new record starts with, and the target has gone on from it by itself."""
        value, wanted = there.get(name), self.changes[name]
        return same(wanted, self.writable.after_create.get(name)) and (self._own(name, there) or same(value, wanted))

    def _own(self, name: str, body: Body) -> bool:
        """Whether the value of a member in this body is one that the target sets by itself."""
        unless = self.writable.own_unless
        return body.get(name) in self.writable.own_values.get(name, ()) and not (unless and body.get(unless))

    def _both_states(self, there: Body) -> str:
        return f"it is {self.told}, but {self.key} is {self.states(there)}"

    def _winner(self, group: str) -> str:
        return self.winners.get(group, "source")

    def _leave(self, group: str, said: str, there: Body) -> None:
        """It stays as it is there: by the policy, or until a person has decided."""
        if self._winner(group) == "target":
            self.notes.append(f"{said}; the target wins")
            self._kept |= {name: there.get(name) for name in self.writable.groups.get(group, (group,)) if name in self.before}
        else:
            self.faults.append(FieldError(group, said))
            self.open_members.update(self.writable.groups.get(group, (group,)))
        self._drop(group)

    def _drop(self, group: str) -> None:
        for name in self.writable.groups.get(group, ()):
            self.changes.pop(name, None)


def same(one: Any, other: Any) -> bool:
    """Equal as the systems see it: null, absent and an empty text are alike, at any depth; amounts are compared as they are written,
    numbers as numbers, and what was forgotten by what is left of it."""
    one, other = (None if value == "" else value for value in (one, other))
    if one is other:
        return True
    if is_forgotten(one) or is_forgotten(other):
        return was(one, other) if is_forgotten(one) else was(other, one)
    if isinstance(one, Mapping) or isinstance(other, Mapping):
        left, right = ({} if value is None else value for value in (one, other))
        return (
            isinstance(left, Mapping)
            and isinstance(right, Mapping)
            and all(same(left.get(name), right.get(name)) for name in {*left, *right})
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, Decimal) or isinstance(other, Decimal) or _amount_and_whole(one, other) or _amount_and_whole(other, one):
        return bool(_number(one) == _number(other))
    return one == other or (one is not None and other is not None and str(one) == str(other))


def contradicts(there: Any, ours: Any) -> bool:
    """Whether a system says anything else. What it leaves out, or gives as null or empty, says nothing: it may do so with whatever is
    optional."""
    if there is None or there == "":
        return False
    if isinstance(there, Mapping) and isinstance(ours, Mapping) and not is_forgotten(ours):
        return any(contradicts(there.get(name), ours.get(name)) for name in there)
    if isinstance(there, list) and isinstance(ours, list) and len(there) == len(ours):
        return any(contradicts(a, b) for a, b in zip(there, ours, strict=True))
    return not same(there, ours)


def _amount_and_whole(one: Any, other: Any) -> bool:
    """25.00 as the ledger keeps it, and the whole number 25 of an answer."""
    return type(other) is int and isinstance(one, str) and _is_amount(one) is not None


_is_amount = re.compile(r"-?\d+\.\d+", re.ASCII).fullmatch


def _number(value: Any) -> Any:
    """However it is written, 25.5 and 25.50 are one number."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return value
    return number if number.is_finite() else value
