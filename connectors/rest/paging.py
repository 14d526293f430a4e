"""How a system cuts a list into pages: each way is one class. A token is whatever leads to the next page, kept as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlencode, urlsplit

from integration.errors import Refused, Transient


@dataclass(frozen=True, slots=True)
class _Sized:
    """`items`: the member with the records. `next`: the one that leads on. `size`: the most records of a page, sent as `size_parameter`."""

    items: str
    next: str
    size_parameter: str
    size: int

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

    def token(self, body: dict[str, Any]) -> str | None:
        """What leads to the next page; None on the last one."""
        token = body.get(self.next)
        if token is not None and not (isinstance(token, str) and token):
            raise Transient(f"the answer is not a page: its {self.next!r} is no text")
        return token


@dataclass(frozen=True, slots=True)
class NextLink(_Sized):
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
        return urlsplit(listing)._replace(path=link.path, query=link.query).geturl()


@dataclass(frozen=True, slots=True)
class Cursor(_Sized):
    """The page gives an opaque cursor; only it and the size are sent for the next one."""

    kind: Literal["cursor"]
    parameter: str

    def address(self, listing: str, filters: Mapping[str, str], size: int | None, token: str | None) -> str:
        return with_query(listing, {**(filters if token is None else {self.parameter: token}), **self._sized(size)})


Paging = NextLink | Cursor
"""The registry: a new way to page is one class more in this line."""


def with_query(address: str, parameters: Mapping[str, str]) -> str:
    return f"{address}?{urlencode(parameters, quote_via=quote)}" if parameters else address
