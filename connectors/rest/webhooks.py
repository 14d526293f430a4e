"""Webhooks of a system: its subscriptions, and what an event is a hint for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from connectors.rest.client import Call, Client
from connectors.rest.definition import Webhooks
from connectors.rest.paging import Paging
from integration import clock
from integration.errors import NoAnswer
from integration.ports import Body

LONGEST_KEY = 200
LONGEST_NUMBER = 30
MENDED = "\ufffd"


@dataclass(frozen=True, slots=True)
class Subscription:
    key: str
    url: str
    events: tuple[str, ...]
    active: bool


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A new subscription with its secret, which the system shows here alone."""

    subscription: Subscription
    secret: str = field(repr=False)


class Subscriptions:
    """Those of one connection. Each method may raise what any call raises."""

    def __init__(self, client: Client, declared: Webhooks, paging: Paging, address: str) -> None:
        self._client, self._declared, self._paging, self._address = client, declared, paging, address

    def list(self) -> Sequence[Subscription]:
        body = self._client.call(Call("webhook.list", "GET", self._address))
        return [self._read(one) for one in self._paging.records(body) if isinstance(one, dict)]

    def subscribe(self, url: str, events: Sequence[str]) -> Subscribed:
        """The new subscription is off, so that nothing is delivered under a secret that nobody has kept; `change` switches it on."""
        declared, body = self._declared, self._body(url, events, self._declared.inactive)
        answer = self._client.call(Call("webhook.create", "POST", self._address, body, sent=body, repeatable=False))
        secret = answer.get(declared.secret) if answer is not None else None
        if answer is None or not isinstance(secret, str):
            raise NoAnswer(f"{self._client.name}: webhook.create was answered without its {declared.secret}")
        return Subscribed(self._read(answer), secret)

    def change(self, key: str, url: str, events: Sequence[str]) -> Subscription:
        """Give it this address and these events, and switch it on; its secret stays."""
        body = self._body(url, events, self._declared.active)
        answer = self._client.call(Call("webhook.update", "PUT", self._of(key), body, sent=body))
        if answer is None:
            raise NoAnswer(f"{self._client.name}: webhook.update was answered without the subscription")
        return self._read(answer)

    def unsubscribe(self, key: str) -> None:
        """Does nothing where it is gone already. What it had still to deliver is dropped."""
        self._client.call(Call("webhook.delete", "DELETE", self._of(key), absent=(404,)))

    def _of(self, key: str) -> str:
        return f"{self._address}/{quote(key, safe='')}"

    def _body(self, url: str, events: Sequence[str], status: str) -> Body:
        declared = self._declared
        return {**declared.fixed, declared.url: url, declared.events: list(events), declared.status: status}

    def _read(self, body: Body) -> Subscription:
        declared = self._declared
        events = body.get(declared.events)
        active = body.get(declared.status) == declared.active
        return Subscription(str(body.get(declared.key)), str(body.get(declared.url)), tuple(map(str, events or ())), active)


@dataclass(frozen=True, slots=True)
class Hint:
    """A record of an entity may have changed; `key` and `changed_at` are None where the event does not say them."""

    event: str
    entity: str
    key: str | None
    changed_at: datetime | None


def hints(declared: Webhooks, body: Any) -> list[Hint]:
    """What the event is a hint for; nothing where it is of a type that is not declared, or no event at all."""
    kind = body.get("type") if isinstance(body, dict) else None
    if not isinstance(kind, str):
        return []
    return [
        Hint(kind, entity, _key(_at(body, named.key)), _moment(_at(body, named.changed)) if named.changed else None)
        for entity, named in declared.brings.get(kind, {}).items()
    ]


def _key(value: Any) -> str | None:
    """A text or number that may be a key; not what was mended because no database keeps it, see `payload.decode`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**LONGEST_NUMBER else None
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_KEY and value.isprintable() and MENDED not in value else None


def _at(body: Any, place: str) -> Any:
    for member in place.split("."):
        body = body.get(member) if isinstance(body, dict) else None
    return body


def _moment(value: Any) -> datetime | None:
    try:
        return clock.instant(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
