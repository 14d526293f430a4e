"""What passes between the shared runtime and the handlers of a system: a request that was read, its answer or its refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose shape was checked. `record` is the one that the path names; `basic` the user name and password sent."""

    operation: str
    query: Mapping[str, Any]
    body: Any
    record: Record
    base_url: str
    basic: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is None where there is none, text where it is HTML, else JSON of the type `media`. `check` is False where a record is wrong
    on purpose."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    check: bool = True
    media: str = "application/json"


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing wrong with a request. `field` is a path as in `Items[0].SKU`, `kind` a word of contract.KINDS or of the system."""

    field: str
    kind: str
    message: str


class Refusal(Exception):
    """An answer of 4xx or 5xx; the system gives it its shape. `members` join the body."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        flaws: Sequence[Flaw] = (),
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.flaws = flaws
        self.headers = headers or {}
        self.members = members or {}


@dataclass(frozen=True, slots=True)
class Command:
    """A request to the control plane: the JSON object sent, and the key of the record that its path names."""

    body: Record
    key: str


class ControlError(Exception):
    """A request to the control plane that makes no sense; the text is one sentence that says what to send."""
