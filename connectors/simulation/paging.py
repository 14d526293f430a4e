"""Page tokens: a place in the sort order with the filters of its list, valid for one hour."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.simulation.records import Position

VALID_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Place:
    """Behind `after` in the list of `operation` with `filters`, which are its query parameters."""

    operation: str
    filters: Mapping[str, Any]
    after: Position


class PageTokens:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._places: dict[str, tuple[float, Place]] = {}

    def issue(self, place: Place) -> str:
        now = self._clock()
        # The oldest come first, so this looks at no more than what it drops and one besides.
        while self._places and next(iter(self._places.values()))[0] <= now:
            del self._places[next(iter(self._places))]
        token = secrets.token_urlsafe(18)
        self._places[token] = (now + VALID_SECONDS, place)
        return token

    def place(self, operation: str, token: str) -> Place | None:
        """None where the token is unknown, is of another list or has expired."""
        expiry, place = self._places.get(token, (0.0, None))
        return place if place is not None and place.operation == operation and expiry > self._clock() else None
