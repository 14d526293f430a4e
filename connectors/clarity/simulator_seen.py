"""What the API of the simulated Clarity shows for some seconds after an event: the earlier state, or nothing of a new record."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from connectors.simulation.answers import Record, Refusal
from connectors.simulation.faults import Faults
from connectors.simulation.instants import Clock
from connectors.simulation.records import Records

LATE_SECONDS = 5.0


class Seen:
    """The quirk webhook-before-read. `delay` of the fault is how long it lasts."""

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self._clock = clock
        self._faults = faults
        self._earlier: dict[tuple[int, Any], tuple[int, Record | None]] = {}

    def before_change(self, records: Records, key: Any) -> None:
        """To be called before a record is made or changed."""
        switch = self._faults.strikes("webhook-before-read")
        if switch is None:
            return
        until = self._clock.now() + int(1000 * (LATE_SECONDS if switch.delay is None else switch.delay))
        present = records.get(key)
        if (id(records), key) not in self._earlier:
            self._earlier[id(records), key] = (until, deepcopy(present))

    def shown(self, records: Records, record: Record) -> Record:
        """The record as a read shows it; raises the 404 of one that does not show yet."""
        found = self.peek(records, record)
        if found is None:
            raise Refusal(404, "not_found", "There is no such record.")
        return found

    def peek(self, records: Records, record: Record) -> Record | None:
        place = id(records), record[records.key]
        if place not in self._earlier:
            return record
        until, earlier = self._earlier[place]
        if self._clock.now() >= until:
            del self._earlier[place]
            return record
        return earlier
