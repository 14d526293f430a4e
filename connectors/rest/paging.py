"""How a system cuts a list into pages: each way is one class. A token is whatever leads to the next page, kept as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlencode

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

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
    """The page names the next one by an absolute address, which carries all filters and is followed as it is."""

    kind: Literal["next_link"]

    def address(self, listing: str, filters: Mapping[str, str], size: int | None, token: str | None) -> str:
        """Raises Refused where a link leads to another server: our token would go there."""
        if token is None:
            return with_query(listing, {**filters, **self._sized(size)})
        if _origin(token) != _origin(listing):
            raise Refused("the next page's link leads to another server than the connection's url; check that url and the server's name")
        return token


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


def _origin(address: str) -> tuple[str | None, str | None, int | None] | None:
    """Scheme, host and port as the transport will read them; None for what has no host, or carries a user name."""
    try:
        url = parse_url(address)
    except LocationParseError:
        return None
    if url.auth is not None or url.host is None:
        return None
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme or "")
