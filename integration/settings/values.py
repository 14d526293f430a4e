"""Readers of single values: each takes what TOML gave and returns it checked, or raises Wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import SplitResult, urlsplit

from integration.suggest import did_you_mean

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_NAME = 40  # names become parts of queue names and of columns
LONGEST_TIME = 366 * 86400.0

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_URL_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/%\[\]@-]+")


class Wrong(ValueError):
    """A reader's refusal; its text is the rest of a sentence that begins with the key."""


class Absent(Exception):
    """A reader's word for: well written, but what it refers to is not there."""


def text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise Wrong(f"must be text in quotes, not {_kind(raw)}.")
    if not raw.strip():
        raise Wrong("must not be empty.")
    if any(ord(character) < 32 or ord(character) == 127 for character in raw):
        raise Wrong("must be one line without control characters.")
    return raw


def code(raw: Any) -> str:
    """What a system calls something: a text, or a whole number."""
    return str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else text(raw)


def email(raw: Any) -> str:
    value = text(raw)
    if not _EMAIL.fullmatch(value):
        raise Wrong("must be an e-mail address, as in guests@orders.invalid.")
    return value


def flag(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise Wrong(f"must be true or false, not {_kind(raw)}.")
    return raw


def free_table(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise Wrong(f"must be a table, not {_kind(raw)}.")
    return raw


def whole(least: int, most: int) -> Callable[[Any], int]:
    def read(raw: Any) -> int:
        if isinstance(raw, bool) or not isinstance(raw, int):
            raise Wrong(f"must be a whole number, not {_kind(raw)}.")
        if not least <= raw <= most:
            raise Wrong(f"must be between {least} and {most}.")
        return raw

    return read


port = whole(1, 65535)


def seconds(least: float) -> Callable[[Any], float]:
    """A time as `"5s"`, `"16m"`, `"1h"`, `"2d"`, `"500ms"` or a number of seconds."""

    def read(raw: Any) -> float:
        if isinstance(raw, str) and (match := _TIME.fullmatch(raw.strip())):
            value = float(match[1]) * _UNITS[match[2]]
        elif isinstance(raw, int | float) and not isinstance(raw, bool):
            # An integer of TOML may be too large for a float.
            value = float(raw) if abs(raw) <= LONGEST_TIME or math.isnan(raw) else math.inf
        else:
            raise Wrong('must be a time such as "5s", "16m" or "1h", or a number of seconds.')
        if not least <= value <= LONGEST_TIME:
            raise Wrong(f"must be a time between {least:g} seconds and {LONGEST_TIME / 86400:g} days.")
        return value

    return read


def one_of(known: Collection[str], what: str) -> Callable[[Any], str]:
    """A name that must be among `known`; `what` is the noun for it."""

    def read(raw: Any) -> str:
        name = text(raw)
        if name not in known:
            raise Wrong(f"names the unknown {what} `{name}`; {did_you_mean(name, known)}")
        return name

    return read


def texts(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list):
        raise Wrong(f"must be a list of texts, not {_kind(raw)}.")
    items = tuple(text(item) for item in raw)
    twice = sorted({item for item in items if items.count(item) > 1})
    if twice:
        raise Wrong(f"names `{twice[0]}` twice; keep one.")
    return items


def networks(raw: Any) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks such as `10.0.0.0/8`, or single addresses."""
    try:
        return tuple(ip_network(one) for one in texts(raw))
    except Wrong:
        raise
    except ValueError:
        raise Wrong('must be a list of networks, as in ["203.0.113.0/24"]; the bits behind the slash must be zero.') from None


def units_by_name(raw: Any) -> dict[str, int]:
    """A table of names and whole numbers from 0 up."""
    units = whole(0, 1_000_000)
    found = {}
    for name, value in free_table(raw).items():
        try:
            found[name] = units(value)
        except Wrong as fault:
            raise Wrong(f"holds `{name}`, which {fault}") from None
    return found


_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def time_of_day(raw: Any) -> int:
    """Minutes after midnight of a time such as "03:00"."""
    match = _CLOCK.fullmatch(text(raw))
    if match is None:
        raise Wrong('must be a time of day in UTC, as in "03:00".')
    return int(match[1]) * 60 + int(match[2])


def check_name(name: str) -> None:
    """Raises ValueError unless `name` may name a connection or a flow."""
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise Wrong(f"must be lowercase letters, digits and single hyphens between them, at most {LONGEST_NAME} characters.")


def url(raw: Any) -> str:
    """An http(s) address without credentials, query or fragment; plain http only to this machine itself. No slash at the end."""
    value = text(raw)
    if not _URL_CHARACTERS.fullmatch(value):
        raise Wrong("must be an address such as https://api.example.com/v2, without spaces, query or fragment.")
    parts = split_url(value)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise Wrong("must begin with https:// and a host, as in https://api.example.com/v2.")
    if parts.username is not None:
        raise Wrong("must not hold a user or password; put them under credentials, by reference.")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise Wrong("must begin with https://; plain http is for this machine alone (127.0.0.1, ::1, localhost).")
    return value.rstrip("/")


def split_url(value: str) -> SplitResult:
    """urlsplit that refuses a bad host or port at once, without repeating the value (it may hold a password)."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise Wrong("is not a valid address; look at its host and port.") from None
    return parts


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _kind(raw: Any) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a table"}
    return kinds.get(type(raw), "a date or time")
