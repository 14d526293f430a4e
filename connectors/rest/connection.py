"""One connection as the ground wants it: a Source and a Target, driven by the system's connector file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar, cast

from connectors.rest import levels, units
from connectors.rest.client import Client
from connectors.rest.definition import Definition, Entity, Levels, Listing
from connectors.rest.front import Front, HttpFront, moment
from connectors.rest.known import Known
from connectors.rest.webhooks import LONGEST_KEY, Subscriptions
from integration.errors import Misconfigured, NoAnswer, Transient
from integration.ports import (
    Body,
    Booked,
    Budget,
    Credit,
    Item,
    Level,
    LevelResult,
    Limits,
    Page,
    PageRequest,
    Promise,
    Remote,
    Reservation,
    SourceRecord,
    Writable,
)
from integration.settings.model import Connection

Declared = TypeVar("Declared")

_NO_SUCH_CODE = (400, 404, 422)
"""A code that the contract does not even allow gets 400 or 422, which says the same as a 404: there is no such item."""


class RestConnection:
    """Make one per process and connection: it holds the access token and the open sockets. Safe for threads and for a fork."""

    def __init__(
        self,
        connection: Connection,
        definition: Definition,
        budget: Budget,
        fronted: Callable[[HttpFront], Front] = lambda front: front,
        *,
        members: Iterable[str] = (),
    ) -> None:
        """`fronted` puts another front in the place of the one over HTTP, or before it. `members`: paths that the system's schemas name.
        Raises Misconfigured for an url or credentials that cannot work; sends nothing."""
        self._definition = definition
        states = [path for entity in definition.entities.values() if entity.write is not None for path in entity.write.states]
        self._known = Known([*members, *states])
        self._client = Client(connection, definition, budget)
        self._root = connection.url.rstrip("/") + definition.base
        self._http = HttpFront(self._client, definition, self._root)
        self._front = fronted(self._http)

    @property
    def limits(self) -> Limits:
        return self._definition.limits

    # ---- Source

    def fetch_page(self, entity: str, request: PageRequest) -> Page:
        """One page. A token that has expired raises PageExpired: start again from the cursor."""
        listing = self._needs(self._entity(entity).listing, entity, "listing")
        read = self._front.since(entity, request)
        records: list[SourceRecord] = []
        unreadable: list[Any] = []
        for raw in read.rows:
            record = self._source_record(entity, raw)
            if record is None:
                unreadable.append(raw)
            elif _is_within(raw, listing, request):
                records.append(record)
        return Page(records, read.following, unreadable, read.in_order)

    def fetch_one(self, entity: str, key: str) -> SourceRecord | None:
        """None where the system has no such record; Transient where it has one that cannot be read."""
        body = self._get(entity, key)
        if body is None:
            return None
        record = self._source_record(entity, body)
        if record is None:
            raise Transient(f"{self._client.name}: {entity}.get was answered without key or time of change")
        return record

    def marks(self, entity: str) -> bool:
        listing = self._entity(entity).listing
        return listing is not None and bool(listing.only_new)

    def acknowledge(self, entity: str, key: str) -> None:
        declared = self._entity(entity)
        if declared.acknowledge is not None:
            self._front.write(f"{entity}.acknowledge", "POST", declared.acknowledge, *declared.in_path(key), again=True)

    # ---- Target

    def writable(self, entity: str) -> Writable:
        declared = self._entity(entity)
        write = self._needs(declared.write, entity, "write")
        return Writable(
            write.after_create,
            write.update,
            write.own_values,
            declared.find.member if declared.find is not None else declared.key,
            write.fixed,
            write.usable,
            write.ends,
            write.groups,
            write.merged,
            write.repeatable,
            write.states,
            write.refusals,
            write.personal,
            write.facts,
            write.along,
            write.own_unless,
            tuple((way.member, *way.also) for way in declared.find_also),
            declared.changed,
        )

    def finds(self, entity: str) -> bool:
        return self._entity(entity).find is not None

    def find(self, entity: str, value: str, body: Body | None = None) -> Sequence[Remote]:
        declared = self._entity(entity)
        if declared.find is None and declared.get is not None:  # what the caller knows is the key itself
            one = self.get(entity, value)
            return [] if one is None else [one]
        search = self._needs(declared.find, entity, "find")
        found = [one for one in self._front.where(f"{entity}.find", search, value) if search.agrees(one, body)]
        for way in declared.find_also:
            if not found and body is not None and way.is_open(body):
                found = [one for one in self._front.where(f"{entity}.find", way, str(body[way.member])) if way.agrees(one, body)]
        return [self.remote(entity, one) for one in found]

    def get(self, entity: str, key: str) -> Remote | None:
        body = self._get(entity, key)
        return None if body is None else self.remote(entity, body)

    def create(self, entity: str, body: Body) -> Remote:
        declared = self._entity(entity)
        path = self._needs(declared.create, entity, "create")
        sent = _numbered(declared, _together(declared, body))
        written = self._front.write(f"{entity}.create", "POST", path, body=sent, sent=body)
        return replace(self._remote(entity, written.body, NoAnswer), note=written.note)

    def update(self, entity: str, key: str, body: Body, version: int | None) -> Remote:
        declared = self._entity(entity)
        path = self._needs(declared.update, entity, "update")
        along = declared.write.along if declared.write is not None else {}
        if declared.write is not None and declared.write.whole:
            present = self._known.of(self._get(entity, key) or {})
            body = {name: present.get(name) for name in declared.write.whole} | body
        if declared.version is not None and version is not None:
            body = {declared.version: version, **body}
        body = {**along, **body}
        sent = _numbered(declared, _emptied(declared, body))
        written = self._front.write(f"{entity}.update", "PUT", path, *declared.in_path(key), body=sent, sent=body)
        return replace(self._remote(entity, written.body, NoAnswer), note=written.note)

    def remote(self, entity: str, body: Body) -> Remote:
        """Raises Transient for a body without its key."""
        return self._remote(entity, body, Transient)

    def state_words(self, entity: str, body: Body) -> str:
        found = (_at(body, path) for path in self.writable(entity).states)
        return ", ".join(words for words in found if words) or "in an unknown state"

    def item(self, sku: str) -> Item | None:
        lookup = self._definition.item
        if lookup is None:
            raise Misconfigured(f"{self._definition.title} has no item look-up; its connector file lacks 'item'")
        if 0 < len(sku) <= lookup.longest:
            body = self._front.one("item.get", lookup.path, sku, sent=sku, absent=_NO_SUCH_CODE)
            if body is not None:
                return Item(str(body.get(lookup.sku) or sku), body.get(lookup.status) in lookup.orderable)
        found = self._front.where("item.find", lookup.alias, sku, absent=_NO_SUCH_CODE)
        owners = [body.get(lookup.sku) for body in map(self._owner, found) if body.get(lookup.status) in lookup.orderable]
        return Item(owners[0], active=True) if len(owners) == 1 and isinstance(owners[0], str) else None

    def _owner(self, found: Body) -> Body:
        """The item that an alias stands for, where the alias is a record of its own."""
        lookup = self._definition.item
        if lookup is None or lookup.status in found:
            return found
        return self._front.one("item.get", lookup.path, str(found.get(lookup.sku)), sent=found, absent=_NO_SUCH_CODE) or {}

    # ---- Channel, Warehouse and Books

    def promise(self, record: SourceRecord) -> Promise:
        return units.promise(self._needs(self._entity("order").units, "order", "units"), record)

    def reservation(self, record: SourceRecord) -> Reservation | None:
        return units.reservation(self._needs(self._entity("order").holds, "order", "holds"), record)

    def booked(self, key: str, body: Body) -> Booked:
        return units.booked(self._needs(self._entity("order").books, "order", "books"), key, body)

    def level(self, body: Body, center: str) -> Level:
        return levels.level(self._levels(), body, center)

    def usual_center(self) -> str:
        return self._levels().usual_center

    def levels_at_once(self) -> int:
        return self._levels().most

    def set_levels(self, bodies: Sequence[Body]) -> Sequence[LevelResult]:
        declared = self._levels()
        body = {declared.items: list(bodies)}
        # Not repeated at once: the first could land after all else, under the same instant as the second.
        written = self._front.write("stock.set", "PUT", declared.path, body=body, sent=body)
        return levels.results(declared, bodies, written.body)

    def _levels(self) -> Levels:
        return self._needs(self._entity("stock").levels, "stock", "levels")

    def credit(self, key: str) -> Credit | None:
        declared = self._definition.entities.get("customer")
        body = self._get("customer", key) if declared is not None and declared.credit is not None else None
        if body is None or declared is None or declared.credit is None:
            return None
        usable = declared.write.usable if declared.write is not None else {}
        active = all(body.get(name) in (value, None) for name, value in usable.items())
        places = declared.credit
        limit = units.amount(body.get(places.limit))
        owed = sum((units.amount(body.get(member)) or Decimal(0) for member in (places.balance, *places.more)), Decimal(0))
        return Credit(active and not units.is_one_of(places.held, body), None if places.unlimited and not limit else limit, owed)

    def available(self, sku: str) -> int | None:
        quantity = self._definition.item.quantity if self._definition.item is not None else None
        if quantity is None:
            raise Misconfigured(f"{self._definition.title} cannot be asked what is available; its connector file lacks 'item.quantity'")
        body = self._front.one("item.quantity", quantity.path, sku, sent=sku, absent=_NO_SUCH_CODE)
        counted = [units.amount((body or {}).get(member)) for member in (quantity.available, *quantity.less)]
        known = [one for one in counted if one is not None]
        return math.floor(known[0] - sum(known[1:])) if len(known) == len(counted) else None

    @property
    def settle_seconds(self) -> float:
        return self._definition.times.settle

    @property
    def timeout_seconds(self) -> float:
        """The longest that one write takes, its token included and its wait for the budget's turn not; a read may take twice that."""
        return self._definition.times.total

    @property
    def subscriptions(self) -> Subscriptions:
        """Raises Misconfigured where the system sends no webhooks."""
        declared = self._definition.webhooks
        if declared is None:
            raise Misconfigured(f"{self._definition.title} sends no webhooks; its connector file has no 'webhooks'")
        return Subscriptions(self._client, declared, self._definition.paging, self._root + declared.path)

    # ---- both

    def check(self) -> str:
        """Get a token and read the smallest page of the first entity with a listing. Says what was done; raises what stands in the way."""
        self._client.renew()
        entity = next((name for name, declared in self._definition.entities.items() if declared.listing is not None), None)
        if entity is None:
            return f"{self._definition.title} gave a token"
        self.fetch_page(entity, PageRequest(size=1))
        if self._definition.zone is not None and (told := self._http.other_zone(self._definition.zone)):
            said = f"its days are those of {told}, but the connection says {self._definition.zone}; set overrides.zone to {told}"
            raise Misconfigured(f"{self._client.name}: {said}")
        return f"{self._definition.title} gave a token and lists {entity}s"

    def _entity(self, name: str) -> Entity:
        declared = self._definition.entities.get(name)
        if declared is None:
            known = ", ".join(self._definition.entities)
            raise Misconfigured(f"{self._definition.title} knows no entity {name!r}; its connector file has {known}")
        return declared

    def _needs(self, declared: Declared | None, entity: str, operation: str) -> Declared:
        if declared is None:
            raise Misconfigured(f"{self._definition.title} cannot do that with {entity!r}: its connector file says no {operation!r}")
        return declared

    def _source_record(self, entity: str, raw: Any) -> SourceRecord | None:
        key = self._entity(entity).key_of(raw) if isinstance(raw, dict) else None
        if key is None or len(key) > LONGEST_KEY:  # the ledger has no room for it
            return None
        dated = self._front.dated(entity, raw)
        return SourceRecord(key, *dated, raw) if dated is not None else None

    def _get(self, entity: str, key: str) -> Body | None:
        declared = self._entity(entity)
        return self._front.one(f"{entity}.get", self._needs(declared.get, entity, "get"), *declared.in_path(key))

    def _remote(self, entity: str, body: Body | None, otherwise: type[Transient]) -> Remote:
        declared = self._entity(entity)
        key = None if body is None else declared.key_of(body)
        if body is None or key is None:
            raise otherwise(f"{self._client.name}: {entity} was answered without its {declared.key}")
        version = body.get(declared.version) if declared.version is not None else None
        return Remote(key, version if isinstance(version, int) else None, self._known.of(body))


def _at(body: Body, path: str) -> str:
    """The words at `OrderStatus`; of a list (`LineItems[].QuantityShipped`) the member's name with the sum of its numbers."""
    name, listed, member = path.partition("[].")
    if not listed:
        return str(body.get(name) or "")
    values = [one.get(member) for one in body.get(name) or () if isinstance(one, dict)]
    total = sum(value for value in values if isinstance(value, int))
    return f"{member} {total}" if total else ""


def _together(declared: Entity, body: Body) -> Body:
    """The body with empty texts for what is missing of members that belong together: an address is not mixed with another."""
    groups = declared.write.together.values() if declared.write is not None else ()
    begun = [name for names in groups if any(body.get(name) for name in names) for name in names]
    return {**body, **{name: "" for name in begun if body.get(name) is None}}


def _emptied(declared: Entity, body: Body) -> Body:
    """The body with empty texts for what such members have no more: a null may be read as one that is not sent, and the old one stays."""
    groups = declared.write.together.values() if declared.write is not None else ()
    names = {name for names in groups for name in names}
    return {name: "" if value is None and name in names else value for name, value in body.items()}


def _numbered(declared: Entity, body: Body) -> Body:
    """The body with what was kept as text as the JSON numbers that the system wants."""
    names = declared.write.numbers if declared.write is not None else ()
    return cast("Body", _as_numbers(body, names)) if names else body


def _as_numbers(value: Any, names: tuple[str, ...]) -> Any:
    if isinstance(value, list):
        return [_as_numbers(one, names) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: Decimal(one) if name in names and isinstance(one, str) and one else _as_numbers(one, names) for name, one in value.items()
    }


def _is_within(raw: Body, listing: Listing, request: PageRequest) -> bool:
    """Of a window of creation that the system has no filter for."""
    if listing.created is None or request.created is None:
        return True
    created = moment(raw.get(listing.created))
    return created is None or request.created[0] <= created < request.created[1]
