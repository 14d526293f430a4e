"""What the ground needs of a connector: fetch a page, send a record, look a record up, acknowledge, declare limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from integration.errors import Refused

Body = dict[str, Any]
"""A JSON object as the system speaks it; numbers with a fraction are Decimal, never float."""


@dataclass(frozen=True, slots=True)
class Limits:
    """A connection's API limit (a contract's `x-rate-limit`): at most `requests` in any `per_seconds`, `concurrent` in progress; of them
    at most `readers` that read and `writers` that write, where the system counts these apart."""

    requests: int
    per_seconds: int
    concurrent: int
    readers: int | None = None
    writers: int | None = None


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One version of one object as the source gave it. `version` sorts as text in the order of change."""

    key: str
    version: str
    changed_at: datetime
    body: Body = field(repr=False)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page to read: a continuation `token` of an earlier page, or a fresh start with filters.

    `since` reads what changed at or after it; `created` is the half-open window of a backfill; `only_new` keeps what was never
    acknowledged.
    """

    token: str | None = None
    since: datetime | None = None
    created: tuple[datetime, datetime] | None = None
    only_new: bool = False
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """`next_token` is None on the last page. `unreadable` are objects without a usable key or version, as they came. `in_order`: of change,
    so that what has changed by the newest of them is read."""

    records: Sequence[SourceRecord]
    next_token: str | None
    unreadable: Sequence[Any] = field(default_factory=tuple, repr=False)
    in_order: bool = True


@dataclass(frozen=True, slots=True)
class Remote:
    """A record of the target as it answered it; `version` is None where the system has no optimistic versions. `note`: what it said beside
    having stored it."""

    key: str
    version: int | None
    body: Body = field(repr=False)
    note: str = ""


NOT_NOW, TOO_LATE, OVER, EXISTS = "not_now", "too_late", "over", "exists"
"""Why a system refuses what is well formed: the record rests and may be changed later, has moved on, has ended, or is there already."""


@dataclass(frozen=True, slots=True)
class Writable:
    """How an entity of a target may be written, read from the connector file.

    `after_create`: members that a create does not take, with the value that a new record starts with. `update`: members that an update
    takes. `own_values`: values that only the system itself sets, by member; with `own_unless` beside them others set them too. `find_by`:
    the member that a look-up compares. `fixed`: members whose change no update can carry. `usable`: members that tell which of several
    found records may be used. `ends`: values that end a record, by member, each with the members that it then takes no more. `groups`:
    members by the group that a flow's policies speak of. `merged`: lists that an update replaces as a whole, each with the member that
    tells its elements apart. `repeatable`: a create that is sent twice is answered with what the first one made. `states`: members that
    tell a person how the record stands. `refusals`: what a code means by which the system refuses a write. `personal`: members that are
    personal data. `facts`: members that are kept for the books, and never compared. `along`: members that go with every update that does
    not set them, and are not kept. `matches`: members that together tell a record again where `find_by` does not.
    `changed`: the member with the instant of the last change.
    """

    after_create: Mapping[str, Any]
    update: Sequence[str]
    own_values: Mapping[str, Sequence[Any]]
    find_by: str
    fixed: Sequence[str]
    usable: Mapping[str, Any] = field(default_factory=dict)
    ends: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    merged: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False
    states: Sequence[str] = ()
    refusals: Mapping[str, str] = field(default_factory=dict)
    personal: Sequence[str] = ()
    facts: Sequence[str] = ()
    along: Mapping[str, Any] = field(default_factory=dict)
    own_unless: str | None = None
    matches: Sequence[Sequence[str]] = ()
    changed: str | None = None

    def meaning(self, error: Refused) -> str | None:
        """One of NOT_NOW, TOO_LATE, OVER and EXISTS; None for a refusal like any other."""
        reasons = (error.code, *(fault.message.partition(":")[0] for fault in error.fields))
        return next((self.refusals[reason] for reason in reasons if reason in self.refusals), None)


class Source(Protocol):
    """A connection that is read. Each method may raise Transient, Limited, Unauthorized, Refused."""

    def fetch_page(self, entity: str, request: PageRequest) -> Page: ...

    def fetch_one(self, entity: str, key: str) -> SourceRecord | None: ...

    def marks(self, entity: str) -> bool:
        """Whether the system keeps a mark of what was taken over, by which its list can be filtered."""
        ...

    def acknowledge(self, entity: str, key: str) -> None:
        """Mark a record as taken over; idempotent. Does nothing where the system has no such mark."""
        ...


class Target(Protocol):
    """A connection that is written. Writes may also raise NoAnswer, Invalid, VersionConflict."""

    @property
    def limits(self) -> Limits: ...

    def writable(self, entity: str) -> Writable: ...

    def finds(self, entity: str) -> bool:
        """Whether `find` can be asked."""
        ...

    def find(self, entity: str, value: str, body: Body | None = None) -> Sequence[Remote]:
        """All records whose `find_by` member equals `value` (the entity's own comparison, e-mail without letter case). Where there is none,
        those that are `body`, which is about to be written, by the system's other ways to know one again."""
        ...

    def get(self, entity: str, key: str) -> Remote | None: ...

    def create(self, entity: str, body: Body) -> Remote: ...

    def update(self, entity: str, key: str, body: Body, version: int | None) -> Remote: ...

    def remote(self, entity: str, body: Body) -> Remote:
        """A body that the target sent, as a record of it."""
        ...

    def state_words(self, entity: str, body: Body) -> str:
        """How a record stands, in the system's own words, for a person."""
        ...

    def credit(self, key: str) -> Credit | None:
        """Of a customer; None where the target has no such customer, or no credit limits."""
        ...

    def available(self, sku: str) -> int | None:
        """Units of an item that may still be promised; None where the system has no such item."""
        ...

    def item(self, sku: str) -> Item | None:
        """The item of an exact SKU, or of an alias where it has exactly one active owner."""
        ...

    @property
    def settle_seconds(self) -> float:
        """How long after giving up on an answer a write may still take effect; not before that may it be sent again."""
        ...

    @property
    def timeout_seconds(self) -> float:
        """The longest that one call takes."""
        ...


@dataclass(frozen=True, slots=True)
class Credit:
    """What a customer may still owe; `limit` is None where there is none."""

    active: bool
    limit: Decimal | None
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the target: `sku` is the code to order it by, `active` whether it may be ordered."""

    sku: str
    active: bool


class Budget(Protocol):
    """The API budget of one connection, shared by all processes. `writes`: of a request that writes, which a system may count apart."""

    def request(self, *, writes: bool = False) -> AbstractContextManager[None]:
        """A context manager around one HTTP request; waits for its turn, raises Limited where the wait would be long."""
        ...

    def linger(self, seconds: float, *, writes: bool = False) -> None:
        """A request was given up on, but the system may count it as running for that long."""
        ...

    def pause(self, seconds: float) -> None:
        """Nobody sends on this connection for that long (a 429)."""
        ...


@dataclass(frozen=True, slots=True)
class Promise:
    """What an order of a channel has promised, by the channel's SKUs: `units` as ordered, `pending` those that the channel still counts
    as unshipped; of one that does not count them, those that the order has taken off its quantity and not given back. `over`: it is
    shipped or cancelled there."""

    key: str
    version: str
    changed_at: datetime
    units: Mapping[str, int]
    pending: Mapping[str, int]
    over: bool


@dataclass(frozen=True, slots=True)
class Reservation:
    """Whether the units of an order, known to the channel by `order_key`, are out of what the warehouse calls available: set apart for
    it, or gone. A cancelled order's are not: they are back."""

    key: str
    order_key: str
    held: bool


@dataclass(frozen=True, slots=True)
class Booked:
    """What an order is worth where it is booked: `units` by the code that it is booked under. `order_key`: the channel's key; `void`: it
    counts for nothing, because it was cancelled. `total` is None where it cannot be read."""

    key: str
    order_key: str | None
    currency: str | None
    total: Decimal | None
    units: Mapping[str, int]
    void: bool


@dataclass(frozen=True, slots=True)
class Level:
    """What a channel shows of a SKU: its quantity, None where none was ever set, with its `as_of`; `pending` units on open orders, None
    where it does not tell them."""

    sku: str
    quantity: int | None
    as_of: datetime | None
    pending: int | None


@dataclass(frozen=True, slots=True)
class LevelResult:
    """What a channel says to one quantity: `accepted`, `stale` (it has a newer one), `unknown` (no such SKU) or `invalid`."""

    sku: str
    result: str
    message: str


class Channel(Protocol):
    """A connection that sells: its orders promise units, its quantities are set. Raises what Source and Target raise."""

    def fetch_page(self, entity: str, request: PageRequest) -> Page: ...

    def get(self, entity: str, key: str) -> Remote | None: ...

    def promise(self, record: SourceRecord) -> Promise: ...

    def level(self, body: Body, center: str) -> Level:
        """A stock record as read, for a distribution center."""
        ...

    def usual_center(self) -> str:
        """The distribution center whose quantities are set where a flow names none."""
        ...

    def levels_at_once(self) -> int: ...

    def set_levels(self, bodies: Sequence[Body]) -> Sequence[LevelResult]:
        """One result a body, in their order. What was not answered may still take effect; a newer instant wins over it."""
        ...


class Warehouse(Protocol):
    """A connection that keeps the stock and sets it apart for orders."""

    def fetch_page(self, entity: str, request: PageRequest) -> Page: ...

    def fetch_one(self, entity: str, key: str) -> SourceRecord | None: ...

    def reservation(self, record: SourceRecord) -> Reservation | None:
        """None for an order that came from nowhere else."""
        ...


class Books(Protocol):
    """A connection that books orders, and can be asked for all that it has booked."""

    def fetch_page(self, entity: str, request: PageRequest) -> Page: ...

    def find(self, entity: str, value: str) -> Sequence[Remote]: ...

    def get(self, entity: str, key: str) -> Remote | None: ...

    def booked(self, key: str, body: Body) -> Booked:
        """Of an order as it was answered, or as it would be written."""
        ...
