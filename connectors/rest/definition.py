"""What a connector file says: everything about a system's API that is data, so that a path, a field or a limit changes without code.

    system: tims                      the word of the settings
    title: TIMS                       for people
    base: /api/v1                     before every path but the token's
    auth: {kind: …}                   auth.py
    paging: {kind: …}                 paging.py
    errors: {kind: …}                  words.py: where code, message and field faults sit
    limits: {requests, per_seconds, concurrent, readers, writers}
    profile: "2022"                   which of the system's field lengths hold, where versions differ
    zone: America/Chicago             in which the days are that it tells, where it tells days of its own
    moments: {kind: …}                moments.py: how a change is dated, where it is not by an instant
    times: {connect, total, settle}   seconds
    entities:                         by canonical name
      order:
        key, changed, version         members: the system's number (of two members: `A-B`), the instant of the last change, the number
                                      for optimistic updates
        listing: {path, since, created_from, created_until, created, only_new}      filters that the system has
        get, create, update, acknowledge                                   paths; {key} is the record's
        find: {path, parameter, member, compare, also}                     the look-up before a write is repeated
        find_also: [{…}, …]                                                other ways to know a record again, tried in this order
        write: {after_create, update, own_values, own_unless, fixed, usable, ends, groups, merged, repeatable, states, refusals,
                personal, facts, along, numbers, whole, together}                          integration.ports.Writable
        units: {lines, sku, quantity, shipped, over, back}                 what an order of a channel promises
        holds: {order, states}                                             by which state an order's units are out of what is available
        books: {order, currency, total, worth, lines, sku, quantity, void, voided}     what a booked order is worth
        levels: {path, items, results, …}                                  how a channel's quantities are set, many at once
    item: {path, sku, status, orderable, longest, alias, quantity}                   how a code on an order line finds its item
    webhooks: {path, key, url, events, status, active, inactive, secret, brings, fixed}     subscriptions, and what an event is a hint for

A connection may override any of it; what it says is merged in and checked as strictly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from connectors.rest import declared
from connectors.rest.auth import Access
from connectors.rest.moments import LocalHours
from connectors.rest.paging import Paging
from connectors.rest.words import Errors
from integration.mapping.local import zone_named
from integration.ports import Limits
from integration.schema import SEPARATOR

LONGEST_TIME = 3600
"""Seconds that one operation may take."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds. `connect`: until a connection stands. `total`: one operation, its tokens included. `settle`: see `Target.settle_seconds`."""

    connect: float
    total: float
    settle: float

    def __post_init__(self) -> None:
        if not (0 < self.connect <= LONGEST_TIME and 0 < self.total <= LONGEST_TIME and 0 <= self.settle <= LONGEST_TIME):
            raise ValueError(f"connect and total must be above 0 seconds, settle not below, and none above {LONGEST_TIME}")


@dataclass(frozen=True, slots=True)
class Listing:
    """Parameters of a list by what they mean; None where the system has no such filter. `only_new` are parameter values. `created`: of
    records that it cannot filter by their creation, the member that tells it."""

    path: str
    since: str | None = None
    created_from: str | None = None
    created_until: str | None = None
    created: str | None = None
    only_new: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_path("path", self.path, keyed=False)


@dataclass(frozen=True, slots=True)
class Search:
    """The list at `path`, filtered by `parameter`: records whose `member` equals the value, to the letter or without letter case.
    `also`: members that must be what is about to be written, whatever their letter case; `only`: values that others must have."""

    path: str
    parameter: str
    member: str
    compare: Literal["exact", "caseless"] = "exact"
    also: tuple[str, ...] = ()
    only: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_path("path", self.path, keyed=False)

    def is_open(self, body: Mapping[str, Any]) -> bool:
        """Whether a body says all that this way needs."""
        return all(body.get(member) not in (None, "") for member in (self.member, *self.also))

    def agrees(self, found: Mapping[str, Any], body: Mapping[str, Any] | None) -> bool:
        """Whether `also` is the same in the record as in the body that is about to be written."""
        return body is None or all(_letters(found.get(member)) == _letters(body.get(member)) for member in self.also)

    def matches(self, body: Mapping[str, Any], value: str) -> bool:
        """Whether the record is meant, whatever the server made of the parameter. It is believed where the answer leaves the member out."""
        if any(body.get(member) != wanted for member, wanted in self.only.items()):
            return False
        found = body.get(self.member)
        if found is None:
            return True
        if isinstance(found, list):
            return value in found
        if self.compare == "caseless":
            return str(found).casefold() == value.casefold()
        return str(found) == value


@dataclass(frozen=True, slots=True)
class Writing:
    """`integration.ports.Writable`, of which `find_by` is said by `find`. `numbers`: members, at any depth, that are sent as JSON
    numbers, whatever they were kept as. `whole`: all members that an update sends, of a system that makes null what is not sent.
    `together`: by any name, members of which a create sends all where it has one, of a system that fills in from elsewhere what is not
    sent; an update sends what they have no more as an empty text."""

    update: tuple[str, ...] = ()
    after_create: Mapping[str, Any] = field(default_factory=dict)
    own_values: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()
    usable: Mapping[str, Any] = field(default_factory=dict)
    ends: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    merged: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False
    states: tuple[str, ...] = ()
    refusals: Mapping[str, Literal["not_now", "too_late", "over", "exists"]] = field(default_factory=dict)
    personal: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    own_unless: str | None = None
    along: Mapping[str, Any] = field(default_factory=dict)
    numbers: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    together: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Units:
    """Where an order says what it promises: members of each of its `lines`; `over` are the values, by member, with which it ends,
    `back` those with which a channel that does not count pending units has given what has not shipped back to its quantity."""

    lines: str
    sku: str
    quantity: str
    shipped: str
    over: Mapping[str, tuple[str, ...]]
    back: Mapping[str, tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """`order`: the member with the channel's key. `states`: the values, by member, in which an order's units are set apart or gone;
    `freed`: a member that is filled where they are back."""

    order: str
    states: Mapping[str, tuple[str, ...]]
    freed: str | None = None


@dataclass(frozen=True, slots=True)
class Worth:
    """A total as a sum: each line's `amount` (where it tells none yet, its quantity at `price`), `plus` and `less` members of the order."""

    amount: str
    price: str
    plus: tuple[str, ...]
    less: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Books:
    """Where a booked order says what it is worth. `order`: the member with the channel's key; `void`: the values, by member, with which
    it counts for nothing; `voided`: a member that is filled where it does. A system of one currency names none; one that tells no total
    says in `worth` what it is the sum of."""

    order: str
    lines: str
    sku: str
    quantity: str
    currency: str | None = None
    total: str | None = None
    worth: Worth | None = None
    void: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    voided: str | None = None


@dataclass(frozen=True, slots=True)
class Levels:
    """Quantities are put at `path` as a list `items` of at most `most`, and answered as a list `results` whose `result` is one of the
    `words` (ours: theirs). Of a stock record: `centers` with `center`, `quantity` and `as_of`, and the units `pending`
    where it tells them; `usual_center` is the one that is set where a flow names none."""

    path: str
    items: str
    most: int
    results: str
    sku: str
    result: str
    message: str
    words: Mapping[str, str]
    centers: str
    center: str
    quantity: str
    as_of: str
    usual_center: str
    pending: str | None = None

    def __post_init__(self) -> None:
        _check_path("path", self.path, keyed=False)
        if self.most < 1:
            raise ValueError("most must be at least 1")


@dataclass(frozen=True, slots=True)
class CreditPlaces:
    """Members of a customer that say what it may still owe: up to `limit`, where 0 is none if `unlimited` says so, of which `balance` and
    `more` are owed; `held` are the values, by member, with which it may not buy at all."""

    limit: str
    balance: str
    more: tuple[str, ...] = ()
    unlimited: bool = False
    held: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entity:
    """One kind of record; an operation that is None does not exist there."""

    key: str
    changed: str | None = None
    version: str | None = None
    listing: Listing | None = None
    get: str | None = None
    create: str | None = None
    update: str | None = None
    acknowledge: str | None = None
    find: Search | None = None
    find_also: tuple[Search, ...] = ()
    write: Writing | None = None
    credit: CreditPlaces | None = None
    units: Units | None = None
    holds: Holding | None = None
    books: Books | None = None
    levels: Levels | None = None

    def __post_init__(self) -> None:
        if self.key.count(SEPARATOR) > 1:
            raise ValueError("key must be one member, or two as in Division-Number")
        for entry, path in {"get": self.get, "update": self.update, "acknowledge": self.acknowledge}.items():
            if path is not None:
                _check_path(entry, path, keyed=True)
        if self.create is not None:
            _check_path("create", self.create, keyed=False)
        if self.listing is not None and self.changed is None:
            raise ValueError("listing needs 'changed' beside it, the member with the instant of the last change")

    def key_of(self, body: Mapping[str, Any]) -> str | None:
        """The record's key; None where the body lacks any of it."""
        parts = [_key(body.get(member)) for member in self.key.split(SEPARATOR)]
        return None if None in parts else SEPARATOR.join(map(str, parts))

    def in_path(self, key: str) -> tuple[str, ...]:
        """The segments of a path that name the record."""
        return tuple(key.split(SEPARATOR, 1)) if SEPARATOR in self.key else (key,)


@dataclass(frozen=True, slots=True)
class Quantity:
    """Where the quantity of an item is read, and which member, `less` others, says what may still be promised."""

    path: str
    available: str
    less: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_path("path", self.path, keyed=True)


@dataclass(frozen=True, slots=True)
class ItemLookup:
    """An item at `path` by its exact code of at most `longest` letters, else by `alias`; its `status` says whether it is `orderable`."""

    path: str
    sku: str
    status: str
    orderable: tuple[str, ...]
    longest: int
    alias: Search
    quantity: Quantity | None = None

    def __post_init__(self) -> None:
        _check_path("path", self.path, keyed=True)


@dataclass(frozen=True, slots=True)
class Named:
    """Where an event names a record: its key, and the time of its change where it says that (dotted places in the body)."""

    key: str
    changed: str | None = None


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Subscriptions at `path`: members for key, url, events, status (with the words for one that is on or off) and the signing secret,
    shown once; `fixed` is sent along. `brings`: the events that exist, each with the entities whose records it names."""

    path: str
    key: str
    url: str
    events: str
    status: str
    active: str
    inactive: str
    secret: str
    brings: Mapping[str, Mapping[str, Named]]
    fixed: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_path("path", self.path, keyed=False)


@dataclass(frozen=True, slots=True)
class Definition:
    """A whole connector file."""

    system: str
    title: str
    base: str
    auth: Access
    paging: Paging
    errors: Errors
    limits: Limits
    times: Times
    entities: Mapping[str, Entity]
    moments: LocalHours | None = None
    profile: str | None = None
    zone: str | None = None
    item: ItemLookup | None = None
    webhooks: Webhooks | None = None

    def __post_init__(self) -> None:
        if self.base and (not self.base.startswith("/") or self.base.endswith("/")):
            raise ValueError("base must start with a slash and end without one")
        if not _is_plain(self.base):
            raise ValueError("base must be of letters, digits and signs of an address, without spaces")
        if self.zone is not None:
            zone_named(self.zone)
        apart = (self.limits.readers, self.limits.writers)
        if min(self.limits.requests, self.limits.per_seconds, self.limits.concurrent, *(each for each in apart if each is not None)) < 1:
            raise ValueError("limits must each be at least 1")
        for event, named in (self.webhooks.brings if self.webhooks is not None else {}).items():
            if unknown := named.keys() - self.entities.keys():
                raise ValueError(f"webhooks brings {min(unknown)!r} with {event}, which is none of the entities")


def _key(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _letters(value: Any) -> str:
    return "" if value is None else str(value).casefold()


def _is_plain(path: str) -> bool:
    return path.isascii() and path.isprintable() and " " not in path


def _check_path(entry: str, path: str, *, keyed: bool) -> None:
    if not path.startswith("/"):
        raise ValueError(f"{entry} must start with a slash")
    if not _is_plain(path):
        raise ValueError(f"{entry} must be of letters, digits and signs of an address, without spaces")
    if path.count("{key}") != int(keyed) or path.replace("{key}", "").count("{"):
        raise ValueError(f"{entry} must hold {{key}} once and no other braces" if keyed else f"{entry} takes no braces")


@lru_cache
def _read(path: Path) -> declared.Document:
    return declared.read(path)


def load(path: Path, overrides: Mapping[str, Any], connection: str) -> Definition:
    """The connector file with a connection's overrides; raises Misconfigured with file and line, or with the connection's name."""
    return declared.build(Definition, declared.override(_read(path), overrides, f"connection {connection}"))
