"""How a system cuts a list into pages: each way is one class. A token is whatever leads to the next page, kept as text."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from integration.errors import Refused, Transient

_LEFT_ALONE = string.punctuation
"""Of a link that is encoded already; what else no request line may hold is encoded."""


@dataclass(frozen=True, slots=True)
class _Sized:
    """`items`: the member with the records. `size`: the most of a page, sent as `size_parameter`."""

    items: str
    size_parameter: str
    size: int
    in_order: ClassVar[bool] = True
    """Whether pages come in the order of change."""

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError("size must be at least 1")

    def _sized(self, wanted: int | None) -> dict[str, str]:
        return {self.size_parameter: str(min(wanted or self.size, self.size))}

    def records(self, body: Any) -> list[Any]:
        """Raises Transient for a body that is no page."""
        records = body.get(self.items) if isinstance(body, dict) else None
        if not isinstance(records, list):
            raise Transient(f"the answer is not a page: it has no list {self.items!r}")
        return records


@dataclass(frozen=True, slots=True)
class _Led(_Sized):
    """`next`: the member that leads on."""

    next: str

    def token(self, body: dict[str, Any], asked: str) -> str | None:
        """What leads to the page behind the one that `asked` was answered with; None on the last one."""
        token = body.get(self.next)
        if token is not None and not (isinstance(token, str) and token):
            raise Transient(f"the answer is not a page: its {self.next!r} is no text")
        return token


@dataclass(frozen=True, slots=True)
class NextLink(_Led):
    """The page names the next one by an absolute address, which carries all filters; its path and query are followed as they are."""

    kind: Literal["next_link"]

    def address(self, listing: str, filters: Mapping[str, str], size: int | None, token: str | None) -> str:
        """A link is followed on the connection's own server, whatever host it names: behind a proxy a server knows itself by another
        name, and our token goes nowhere else. Raises Refused for a link that cannot be read."""
        if token is None:
            return with_query(listing, {**filters, **self._sized(size)})
        try:
            link = urlsplit(token)
        except ValueError:
            link = None
        if link is None or not link.path.startswith("/"):
            raise Refused("the next page's link is no address")
        path, query = (quote(part, safe=_LEFT_ALONE) for part in (link.path, link.query))
        return urlsplit(listing)._replace(path=path, query=query).geturl()


@dataclass(frozen=True, slots=True)
class Cursor(_Led):
    """The page gives an opaque cursor; only it and the size are sent for the next one."""

    kind: Literal["cursor"]
    parameter: str

    def address(self, listing: str, filters: Mapping[str, str], size: int | None, token: str | None) -> str:
        return with_query(listing, {**(filters if token is None else {self.parameter: token}), **self._sized(size)})


@dataclass(frozen=True, slots=True)
class Numbered(_Sized):
    """Pages have numbers from 1 in `parameter`, and are cut at each call. `fixed` goes along: an order in which what changes meanwhile
    shifts no record out of sight. A token is the next page's whole query."""

    kind: Literal["numbered"]
    parameter: str
    fixed: Mapping[str, str] = field(default_factory=dict)
    in_order: ClassVar[bool] = False

    def address(self, listing: str, filters: Mapping[str, str], size: int | None, token: str | None) -> str:
        if token is not None:
            return f"{listing}?{token}"
        return with_query(listing, {**filters, **self.fixed, self.parameter: "1", **self._sized(size)})

    def token(self, body: dict[str, Any], asked: str) -> str | None:
        """A full page may have one behind it, whatever total the system reckoned a moment ago."""
        query = dict(parse_qsl(urlsplit(asked).query))
        if len(self.records(body)) < int(query[self.size_parameter]):
            return None
        return urlencode({**query, self.parameter: str(int(query[self.parameter]) + 1)}, quote_via=quote)


@dataclass(frozen=True, slots=True)
class SkipTake(_Sized):
    """Pages are cut at each call by `skip`, in the order of change; `more` says whether records follow. `since` are the parameters by
    which a list starts at a change, with the member of a record that each is compared with; `identity` are the members that tell
    records apart, of whatever kind they are.

    A page starts at the change of the last record of the one before, and with that record, so that what changes meanwhile shifts nothing
    out of sight. Where it starts with another one, or that has changed, the moment is read once more from its start.
    A token is the next page's query, behind a # the mark of the record that it is to start with.
    """

    kind: Literal["skip_take"]
    skip: str
    more: str
    since: Mapping[str, str]
    identity: tuple[str, ...]

    def address(self, listing: str, filters: Mapping[str, str], size: int | None, token: str | None) -> str:
        if token is not None:
            return f"{listing}?{token}"
        return with_query(listing, {**filters, self.skip: "0", **self._sized(size)})

    def token(self, body: dict[str, Any], asked: str) -> str | None:
        records = self.records(body)
        address = urlsplit(asked)
        query = dict(parse_qsl(address.query))
        if address.fragment and (not records or address.fragment != self._mark(records[0])):
            return self._query(query, 0, {name: query[name] for name in self.since})
        if not body.get(self.more) or not records:
            return None
        stamps = [tuple(_member(record, member) for member in self.since.values()) for record in records]
        start = dict(zip(self.since, stamps[-1], strict=True))
        skip = stamps.count(stamps[-1]) - 1
        if all(query.get(name) == value for name, value in start.items()):
            skip += int(query[self.skip])
        return f"{self._query(query, skip, start)}#{self._mark(records[-1])}"

    def _query(self, query: Mapping[str, str], skip: int, start: Mapping[str, str]) -> str:
        size = max(2, int(query[self.size_parameter]))  # one of them is known already
        rest = {name: value for name, value in query.items() if name not in start}
        return urlencode({**rest, self.size_parameter: str(size), self.skip: str(skip), **start}, quote_via=quote)

    def _mark(self, record: Any) -> str:
        members = (_member(record, name) for name in (*self.since.values(), *self.identity))
        return hashlib.sha256("|".join(members).encode()).hexdigest()[:16]


def _member(record: Any, name: str) -> str:
    return str(record.get(name) or "") if isinstance(record, dict) else ""


Paging = NextLink | Cursor | Numbered | SkipTake
"""The registry: a new way to page is one class more in this line."""


def with_query(address: str, parameters: Mapping[str, str]) -> str:
    return f"{address}?{urlencode(parameters, quote_via=quote)}" if parameters else address
