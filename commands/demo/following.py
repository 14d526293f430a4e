"""Follows each placed order through the ledger, and keeps what the live table tells: counts, latencies, the last events."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, exists, func, select

from commands.demo.orders import Placing
from integration import clock
from integration.ledger import budgets, holds, letters, tables
from integration.ledger.database import read
from integration.ledger.holds import Hold
from integration.ledger.letters import Group
from integration.ledger.records import BOOKED, DEAD, DONE, EXTRACTED, HELD, SKIPPED, TRANSFORMED, UNCHANGED, VALIDATED
from integration.ports import Limits
from integration.settings import Flow

NEWEST = 500
"""Orders that the latencies are told of."""

EVENTS = 8
SHIPMENTS = 2
"""Of those that one look finds, so many are shown: they come by the dozen, and the orders are wanted too."""

NEARLY = 0.75

AT_ONCE = 500
"""Keys named in one statement; every database takes so many."""

NEXT = {EXTRACTED: "to be mapped", TRANSFORMED: "to be validated", VALIDATED: "to be booked"}


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that was placed: its key in the shop and when the shop took it."""

    key: str
    at: datetime
    placing: Placing


@dataclass(frozen=True, slots=True)
class Booked:
    """`lasted`: seconds from placed to booked, as the ledger has it: later than the target's own time of it.
    `note`: what the target warned of."""

    placed: Placed
    target_key: str
    lasted: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class PutAside:
    placed: Placed
    reason: str


@dataclass(frozen=True, slots=True)
class OnHold:
    placed: Placed
    reason: str


@dataclass(frozen=True, slots=True)
class Told:
    """A shipment that reached the shop."""

    shipment: str
    order_key: str


Event = Booked | PutAside | OnHold | Told


class Follower:
    """`waiting` holds what is on its way, and only that, so that a demo may run for days."""

    def __init__(self, engine: Engine, flow: Flow, limits: Mapping[str, Limits]) -> None:
        self._engine = engine
        self._flow = flow
        self.limits = limits
        self.placed = self.booked = self.skipped = self.dead = self.held = self.shipped = self.warned = 0
        self.stock_changes = 0
        self.warning = ""  # the newest
        self.stock_due = False
        self.short: list[Placed] = []  # on hold for stock since the last look
        self._short_before: set[str] = set()
        self.first = ""  # the key of the first order, to show how to trace one
        self.waiting: dict[str, Placed] = {}
        self.reasons: Counter[str] = Counter()
        self.lasted: deque[float] = deque(maxlen=NEWEST)
        self.events: deque[Event] = deque(maxlen=EVENTS)
        self.groups: Sequence[Group] = ()
        self.on_hold: Sequence[Hold] = ()
        self.unfinished = 0
        self.uses: dict[str, budgets.Use] = {}

    def add(self, placed: Placed) -> None:
        self.placed += 1
        self.first = self.first or placed.key
        self.waiting[placed.key] = placed

    def look(self) -> list[Booked]:
        """Read the ledger once; gives the orders that were booked since the last look."""
        with read(self._engine) as connection:
            rows = self._newest(connection)
            self.groups = letters.groups(connection, flow=self._flow.name)
            self.on_hold = holds.listed(connection, flow=self._flow.name)
            self.unfinished = self._count_unfinished(connection)
            self._look_back_to_the_shop(connection)
        self.uses = {name: budgets.use(self._engine, name, limit.per_seconds) for name, limit in self.limits.items()}
        moment = clock.now()
        self.reasons = Counter()
        booked = []
        for placed in list(self.waiting.values()):
            event = self._settle(placed, rows.get(placed.key), moment)
            if event is not None:
                self.events.append(event)
            if isinstance(event, Booked):
                booked.append(event)
        return booked

    def quantile(self, share: float) -> float | None:
        """Seconds from placed to booked that `share` of the newest orders took at most."""
        ordered = sorted(self.lasted)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else None

    def expecting(self) -> bool:
        """Whether more may come by itself: a quantity is to be looked at again, or waits for the limit of a system, as what is less urgent
        does before that is used up."""
        return self.stock_due or any(use.requests > NEARLY * self.limits[name].requests for name, use in self.uses.items())

    def progress(self) -> tuple[int, ...]:
        """Differs from the last one where anything has moved."""
        return self.placed, self.booked, self.skipped, self.dead, self.held, self.shipped, self.stock_changes, self.unfinished

    def _settle(self, placed: Placed, row: Row[Any] | None, moment: datetime) -> Event | None:
        """Take an order off those that wait, if it does no more, and tell of it; else note what it waits for."""
        event: Event | None = None
        if row is None:
            self.reasons["to be read"] += 1
            return None
        if row.target_key is not None and row.state in (BOOKED, DONE, UNCHANGED):
            self.booked += 1
            event = Booked(placed, row.target_key, (row.booked_at - placed.at).total_seconds(), row.reason or "")
            if event.note:
                self.warned, self.warning = self.warned + 1, event.note
            self.lasted.append(event.lasted)
        elif row.state == DEAD:
            self.dead += 1
            event = PutAside(placed, row.why or row.reason)
        elif row.state == SKIPPED:
            self.skipped += 1
        elif row.state == HELD and placed.placing.fate == "held":
            self.held += 1
            event = OnHold(placed, row.reason)
        elif row.state == HELD:
            self.reasons[f"on hold: {row.reason}"] += 1
            if placed.placing.story == "restock" and placed.key not in self._short_before:
                self._short_before.add(placed.key)
                self.short.append(placed)
                self.events.append(OnHold(placed, row.reason))
            return None
        else:
            held = row.due_at is not None and row.due_at > moment
            self.reasons[f"held: {row.reason}" if held else NEXT.get(row.state, row.state)] += 1
            return None
        del self.waiting[placed.key]
        return event

    def _newest(self, connection: Connection) -> dict[str, Row[Any]]:
        """The newest version of each order that waits, with its key in the target or why it is a dead letter."""
        r, c, d, flow = tables.record.c, tables.crosswalk.c, tables.dead_letter.c, self._flow
        crossing = and_(c.source == flow.source, c.target == flow.target, c.entity == flow.entity, c.source_key == r.source_key)
        wanted = (
            select(r.source_key, r.state, r.reason, r.due_at, r.booked_at, c.target_key, d.reason.label("why"))
            .join_from(tables.record, tables.crosswalk, crossing, isouter=True)
            .join(tables.dead_letter, and_(d.record_id == r.id, d.state == letters.OPEN), isouter=True)
        )
        keys = list(self.waiting)
        found: dict[str, Row[Any]] = {}
        for start in range(0, len(keys), AT_ONCE):
            some = wanted.where(r.flow == flow.name, r.source_key.in_(keys[start : start + AT_ONCE])).order_by(r.version)
            found |= {row.source_key: row for row in connection.execute(some)}
        return found

    def _count_unfinished(self, connection: Connection) -> int:
        r = tables.record.c
        on_their_way = select(func.count()).where(r.flow == self._flow.name, r.finished_at.is_(None), r.state != HELD)
        return connection.execute(on_their_way).scalar_one()

    def _look_back_to_the_shop(self, connection: Connection) -> None:
        """Shipments that the shop was told of, and quantities that were published."""
        s = tables.shipped_line.c
        told = connection.execute(
            select(s.shipment_key, s.order_key).where(s.connection == self._flow.source).distinct().order_by(s.shipment_key)
        ).all()
        self.events.extend(Told(row.shipment_key, row.order_key) for row in told[self.shipped :][-SHIPMENTS:])
        self.shipped = len(told)
        r = tables.record.c
        stock = select(func.count()).where(r.flow == "stock", r.state == DONE)
        self.stock_changes = connection.execute(stock).scalar_one()
        self.stock_due = connection.execute(select(exists().where(tables.stock.c.due_at.is_not(None)))).scalar_one()
