"""Every failure names the decision that it asks for; nothing else is raised across a boundary.

SyncError
├── Transient        again, with backoff and jitter (network, 5xx, lock)
│   ├── Unreachable  the same, and nothing was sent: the whole connection rests, no attempt is spent
│   └── NoAnswer     the same, but a write may have been committed: look it up before sending again
├── Limited          the whole budget pauses; spends no attempt
├── Unauthorized     renew once, then stop the connection
├── Invalid          our data does not pass: dead letter with every field error
├── Refused          the target says no: dead letter with its words, redacted
│   └── PageExpired  the place in a list is too old: read again from the cursor
├── Waiting          something is missing that will come in a moment: again later, spends no attempt
├── Held             something is missing that may take long: a hold, which releases itself when it comes
├── Conflict         both sides changed: the flow's policy decides, else a person
└── Misconfigured    a setting, file or flag is wrong: says what, where and what to do

Messages and fields never hold personal data: they go to logs, to Flower and to screens.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of one field. `field` is a path such as `lines[0].sku`; `message` is one sentence without personal data."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class SyncError(Exception):
    """Base of all; `kind` is the word that tables, metrics and commands show."""

    kind = "bug"

    def __init__(self, message: str, fields: tuple[FieldError, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields

    def __str__(self) -> str:
        return self.message


class Transient(SyncError):
    """Try again later. `retry_after` in seconds, where the system named one."""

    kind = "transient"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unreachable(Transient):
    """No connection could be made."""

    kind = "unreachable"


class NoAnswer(Transient):
    """The request may or may not have taken effect."""

    kind = "no answer"


class Limited(SyncError):
    """The API budget is used up; nothing may be sent on this connection for `retry_after` seconds."""

    kind = "limited"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unauthorized(SyncError):
    kind = "unauthorized"


class Invalid(SyncError):
    """`readable` is what of the record could be read in spite of the faults; it may be personal, and no message tells it."""

    kind = "invalid"

    def __init__(self, message: str, fields: tuple[FieldError, ...] = (), readable: dict[str, object] | None = None) -> None:
        super().__init__(message, fields)
        self.readable = readable


class Refused(SyncError):
    """`code` is the system's own word for the reason."""

    kind = "refused"

    def __init__(self, message: str, fields: tuple[FieldError, ...] = (), code: str = "") -> None:
        super().__init__(message, fields)
        self.code = code


class Waiting(SyncError):
    """Something is missing that is expected to come; look again in `retry_after` seconds."""

    kind = "waiting"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Held(SyncError):
    """The record waits on the side until `awaits` is there.

    `hold` says what that is: `unknown_sku` (an SKU), `out_of_stock` (an SKU), `credit` (the target's customer), `address` (a person, or
    a newer version: `awaits` is the source key), `order` (the key of an order that is not booked yet), `tracking` (the shipment's key),
    `shipment` (the key of an order that has not shipped there).
    """

    kind = "held"

    def __init__(self, message: str, hold: str, awaits: str, fields: tuple[FieldError, ...] = ()) -> None:
        super().__init__(message, fields)
        self.hold = hold
        self.awaits = awaits


class PageExpired(Refused):
    """The token of a page was too old; the read begins again."""


class Conflict(SyncError):
    kind = "conflict"


class VersionConflict(Conflict):
    """The record changed since the version sent; `current` is its body as it is now, where the system told it."""

    def __init__(self, message: str, current: dict[str, object] | None) -> None:
        super().__init__(message)
        self.current = current


class Misconfigured(SyncError):
    """`where` is `file:line`, a flag or the name of an environment variable."""

    kind = "misconfigured"

    def __init__(self, message: str, where: str = "") -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where
