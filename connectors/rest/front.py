"""How a system's tables are reached: a small port, and the front over HTTP that its connector file describes.

What stands behind the port is free: another front may read a table over ODBC and write it through a SOAP service or the system's own
business objects, as long as it says what a row is, when it changed and whether a write was taken. The paths of a connector file are then
the names of its tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from connectors.rest.client import Call, Client
from connectors.rest.definition import Definition, Entity, Listing, Search
from connectors.rest.moments import ServerTime
from integration import clock
from integration.errors import Misconfigured, PageExpired, Refused
from integration.mapping.local import zone_named
from integration.ports import Body, PageRequest

Declared = TypeVar("Declared")


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table as they were read, and what leads to the next ones; None behind the last. `in_order`: of change."""

    rows: Sequence[Any] = field(repr=False)
    following: str | None
    in_order: bool = True


@dataclass(frozen=True, slots=True)
class Written:
    """What the system answered to a write that it took, and what it said beside."""

    body: Body | None = field(repr=False)
    note: str = ""


class Front(Protocol):
    """Each method may raise what any call of a connector raises. `name` is the operation for people; `sent` are our values that an error
    text may not repeat; `absent` are statuses of HTTP that say "there is none"."""

    def since(self, entity: str, request: PageRequest) -> Rows:
        """Rows of the entity's table that changed since a moment."""
        ...

    def dated(self, entity: str, row: Body) -> tuple[str, datetime] | None:
        """Version and instant of a row's last change; None where it tells none."""
        ...

    def where(self, name: str, search: Search, value: str, absent: tuple[int, ...] = ()) -> Iterator[Body]:
        """Rows of which a member has a value."""
        ...

    def one(self, name: str, path: str, *key: str, sent: Any = None, absent: tuple[int, ...] = (404,)) -> Body | None:
        """The row of a key; None where there is none."""
        ...

    def write(
        self, name: str, method: str, path: str, *key: str, body: Body | None = None, sent: Any = None, again: bool = False
    ) -> Written:
        """Store a row. `again`: doing it twice does no harm."""
        ...


class HttpFront:
    """The front of a REST API. Safe for threads."""

    def __init__(self, client: Client, definition: Definition, root: str) -> None:
        self._client, self._definition, self._root = client, definition, root
        self._server = ServerTime(definition.moments) if definition.moments is not None else None

    def since(self, entity: str, request: PageRequest) -> Rows:
        paging, listing = self._definition.paging, self._listing(entity)
        self._know_the_time(entity)
        body, following = self._page(f"{entity}.list", listing.path, self._filters(entity, listing, request), request)
        return Rows(paging.records(body), following, paging.in_order)

    def dated(self, entity: str, row: Body) -> tuple[str, datetime] | None:
        declared = self._definition.entities[entity]
        told = row.get(declared.changed or "")
        if self._server is not None:
            self._know_the_time(entity)
            return self._server.stamp(told, row) if self._server.known else None
        changed = moment(told)
        return (clock.text(changed), changed) if changed is not None else None

    def where(self, name: str, search: Search, value: str, absent: tuple[int, ...] = ()) -> Iterator[Body]:
        token = None
        while True:
            body, token = self._page(name, search.path, {search.parameter: value}, PageRequest(token=token), absent=absent)
            if body is None and absent:
                return
            for raw in self._definition.paging.records(body):
                if isinstance(raw, dict) and search.matches(raw, value):
                    yield raw
            if token is None:
                return

    def one(self, name: str, path: str, *key: str, sent: Any = None, absent: tuple[int, ...] = (404,)) -> Body | None:
        return self._client.call(Call(name, "GET", self._address(path, *key), sent=sent, absent=absent))

    def write(
        self, name: str, method: str, path: str, *key: str, body: Body | None = None, sent: Any = None, again: bool = False
    ) -> Written:
        answer = self._client.call(Call(name, method, self._address(path, *key), body, sent=sent, repeatable=again))
        return Written(answer, self._client.note(answer, sent))

    def other_zone(self, zone: str) -> str | None:
        """The zone that the server has told, where its days are not those of this one."""
        server = self._server
        return server.zone if server is not None and server.known and not server.is_in(zone_named(zone)) else None

    def _listing(self, entity: str) -> Listing:
        declared: Entity = self._definition.entities[entity]
        return self._needs(declared.listing, entity, "listing")

    def _know_the_time(self, entity: str) -> None:
        """Read the server's clock from its smallest page, where no page has told it yet."""
        listing = self._definition.entities[entity].listing
        if self._server is not None and not self._server.known and listing is not None:
            self._page(f"{entity}.list", listing.path, listing.fixed, PageRequest(size=1))

    def _filters(self, entity: str, listing: Listing, request: PageRequest) -> dict[str, str]:
        start, end = request.created or (None, None)
        since = request.since
        if listing.created is not None:  # what was placed since then has changed since then
            since, start, end = start or since, None, None
        wanted = {
            "since": (listing.since, since),
            "created_from": (listing.created_from, start),
            "created_until": (listing.created_until, end),
        }
        filters: dict[str, str] = dict(listing.fixed)
        for meaning, (parameter, at) in wanted.items():
            if at is not None:
                name = self._needs(parameter, entity, f"listing.{meaning}")
                filters |= self._server.since(name, at) if self._server is not None else {name: clock.text(at)}
        return {**filters, **self._needs(listing.only_new or None, entity, "listing.only_new")} if request.only_new else filters

    def _page(
        self, name: str, path: str, filters: Mapping[str, str], request: PageRequest, *, absent: tuple[int, ...] = ()
    ) -> tuple[Body | None, str | None]:
        """The page as it was answered, and what leads to the next one."""
        paging = self._definition.paging
        address = paging.address(self._root + path, filters, request.size, request.token)
        refusal = Refused if request.token is None else PageExpired
        asked = address.partition("#")[0]  # what follows is for us
        body = self._client.call(Call(name, "GET", asked, sent=list(filters.values()), absent=absent, refusal=refusal))
        if body is not None and self._server is not None:
            self._server.learn(body)
        following = paging.token(body, address) if body is not None else None
        if following is not None and following == request.token:
            raise Refused(f"{self._client.name}: {name}: the page after this one is this page again")
        return body, following

    def _needs(self, declared: Declared | None, entity: str, operation: str) -> Declared:
        if declared is None:
            raise Misconfigured(f"{self._definition.title} cannot do that with {entity!r}: its connector file says no {operation!r}")
        return declared

    def _address(self, path: str, *key: str) -> str:
        encoded = (quote(part, safe="") for part in key)
        # Dots alone would climb the path.
        return self._root + path.replace("{key}", "/".join(one.replace(".", "%2E") if one in {".", ".."} else one for one in encoded))


def moment(value: Any) -> datetime | None:
    """An instant as a system writes it; None where it is none."""
    try:
        return clock.instant(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
