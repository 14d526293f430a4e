"""The publisher between a channel and a warehouse in memory, with the world going on between any two of its calls."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, insert, update

from integration import clock
from integration.budget import SharedBudget
from integration.heartbeat import Heartbeat
from integration.ledger import batches, stock, tables
from integration.ledger.database import open_engine, write
from integration.ledger.upgrade import upgrade
from integration.ledger.vault import Vault
from integration.line import stock_guard, stock_publisher
from integration.line.journey import House, Journey, Writing
from integration.ports import Level, LevelResult, Limits, Page, PageRequest, Promise, Remote, Reservation, SourceRecord
from integration.settings.model import Buffer, Flow, Secret, Settings

SKUS = ("LAMP-001", "LAMP-002")
BUFFERS = {"LAMP-001": 0, "LAMP-002": 2}
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVENTS = ("order", "late order", "show", "book", "allocate", "hold", "reopen", "ship", "cancel", "erp cancel", "move")
OFTEN = ("order", "order", "book", "book", "allocate", "allocate", "move")


class Time:
    """A clock that goes on by a millisecond whenever it is looked at."""

    def __init__(self) -> None:
        self.moment = NOON

    def now(self) -> datetime:
        self.moment += timedelta(milliseconds=1)
        return self.moment


@dataclass
class Order:
    key: str
    sku: str
    units: int
    changed: datetime
    visible: bool = True
    status: str = "New"
    booked: str | None = None
    booked_changed: datetime = NOON

    @property
    def open(self) -> bool:
        return self.status == "New"


@dataclass
class World:
    """Both systems, and what happens to them: `script` is played one event at each call, from outside. `tells`: the channel says how many
    units it has on open orders."""

    time: Time
    tells: bool = True
    script: list[tuple[str, int, int]] = field(default_factory=list)
    on_hand: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SKUS, 20))
    changed: dict[str, datetime] = field(default_factory=lambda: dict.fromkeys(SKUS, NOON))
    shown: dict[str, int | None] = field(default_factory=lambda: dict.fromkeys(SKUS))
    as_of: dict[str, datetime] = field(default_factory=lambda: dict.fromkeys(SKUS, NOON))
    orders: list[Order] = field(default_factory=list)
    refused: int = 0
    take_over: Callable[[Order], None] = lambda _: None

    def available(self, sku: str) -> int:
        reserved = sum(one.units for one in self.orders if one.sku == sku and one.booked == "Allocated")
        return self.on_hand[sku] - reserved

    def should(self, sku: str) -> int:
        """What may be offered, in truth."""
        held = ("Allocated", "Fulfilled")
        promised = sum(one.units for one in self.orders if one.sku == sku and one.open and one.booked not in held)
        return max(0, self.available(sku) - promised - BUFFERS[sku])

    def happen(self) -> None:
        if self.script:
            kind, which, units = self.script.pop(0)
            self.play(kind, which, units)

    def play(self, kind: str, which: int, units: int) -> None:
        if kind == "nothing":
            return
        if kind in ("order", "late order"):
            self._place(SKUS[which % len(SKUS)], units, visible=kind == "order")
        elif kind == "move":
            sku = SKUS[which % len(SKUS)]
            self.on_hand[sku] = max(0, self.on_hand[sku] + units - 4)
            self.changed[sku] = self.time.now()
        else:
            fit = [one for one in self.orders if self._fits(kind, one)]
            if fit:
                self._treat(kind, fit[which % len(fit)])

    def _fits(self, kind: str, order: Order) -> bool:
        return {
            "show": not order.visible,
            "book": order.booked is None and order.visible and order.open,
            "allocate": order.booked == "Open" and self.available(order.sku) >= order.units,
            "hold": order.booked in ("Open", "Allocated"),
            "reopen": order.booked == "OnHold",
            "ship": order.booked == "Allocated",
            "cancel": order.open and order.visible and order.booked in (None, "Open", "OnHold"),
            "erp cancel": order.booked in ("Open", "Allocated", "OnHold"),
        }[kind]

    def _place(self, sku: str, units: int, *, visible: bool) -> None:
        shown = self.shown[sku] or 0
        if shown < units:  # the channel sells what it shows, and no more
            return
        self.shown[sku] = shown - units
        self.orders.append(Order(str(len(self.orders)), sku, units, self.time.now(), visible))

    def _treat(self, kind: str, order: Order) -> None:
        was = order.booked
        if kind == "show":
            order.visible = True
        elif kind in ("book", "reopen"):
            self.take_over(order)  # nothing is booked before its page was kept
            self._to(order, "Open")
        elif kind == "allocate":
            self._to(order, "Allocated", moves=True)
        elif kind == "hold":
            self._to(order, "OnHold", moves=was == "Allocated")
        elif kind == "ship":
            self._to(order, "Fulfilled", moves=True)
            self.on_hand[order.sku] -= order.units
        elif kind == "erp cancel":
            self._to(order, "Cancelled", moves=was == "Allocated")
        else:
            order.status, order.changed = "Cancelled", self.time.now()
            self.shown[order.sku] = (self.shown[order.sku] or 0) + order.units
            if order.booked:
                self._to(order, "Cancelled")

    def _to(self, order: Order, booked: str, *, moves: bool = False) -> None:
        order.booked, order.booked_changed = booked, self.time.now()
        if moves:
            self.changed[order.sku] = self.time.now()


class Channel:
    def __init__(self, world: World) -> None:
        self.world = world

    def fetch_page(self, entity: str, request: PageRequest) -> Page:
        self.world.happen()
        since = request.since or NOON
        found = [one for one in self.world.orders if one.visible and one.changed >= since]
        page = Page([order_record(one) for one in sorted(found, key=lambda one: one.changed)], None)
        self.world.happen()
        return page

    def promise(self, record: SourceRecord) -> Promise:
        body = record.body
        over = body["status"] != "New"
        return Promise(
            record.key, record.version, record.changed_at, {body["sku"]: body["units"]}, {body["sku"]: 0 if over else body["units"]}, over
        )

    def get(self, entity: str, key: str) -> Remote:
        self.world.happen()
        pending = sum(one.units for one in self.world.orders if one.sku == key and one.open) if self.world.tells else None
        body = {"quantity": self.world.shown[key], "as_of": self.world.as_of[key], "pending": pending, "sku": key}
        self.world.happen()
        return Remote(key, None, body)

    def level(self, body: dict[str, Any], center: str) -> Level:
        return Level(**body)

    def usual_center(self) -> str:
        return "0"

    def levels_at_once(self) -> int:
        return 100

    def set_levels(self, bodies: Sequence[dict[str, Any]]) -> list[LevelResult]:
        self.world.happen()
        results = []
        for body in bodies:
            sku, as_of = body["sku"], clock.instant(body["as_of"])
            if as_of < self.world.as_of[sku]:
                self.world.refused += 1
                results.append(LevelResult(sku, "stale", "older"))
                continue
            self.world.shown[sku], self.world.as_of[sku] = body["sellable"], as_of
            results.append(LevelResult(sku, "accepted", ""))
        self.world.happen()
        return results


class Warehouse:
    def __init__(self, world: World) -> None:
        self.world = world

    def fetch_page(self, entity: str, request: PageRequest) -> Page:
        self.world.happen()
        since = request.since or NOON
        found = [one for one in self.world.orders if one.booked is not None and one.booked_changed >= since]
        records = [
            SourceRecord(f"SO-{one.key}", clock.text(one.booked_changed), one.booked_changed, {"order": one.key, "booked": one.booked})
            for one in sorted(found, key=lambda one: one.booked_changed)
        ]
        self.world.happen()
        return Page(records, None)

    def reservation(self, record: SourceRecord) -> Reservation:
        return Reservation(record.key, record.body["order"], record.body["booked"] in ("Allocated", "Fulfilled"))

    def fetch_one(self, entity: str, key: str) -> SourceRecord:
        self.world.happen()
        found = SourceRecord(
            key, clock.text(self.world.changed[key]), self.world.changed[key], {"sku": key, "available": self.world.available(key)}
        )
        self.world.happen()
        return found


def order_record(order: Order) -> SourceRecord:
    body = {"sku": order.sku, "units": order.units, "status": order.status}
    return SourceRecord(order.key, clock.text(order.changed), order.changed, body)


@dataclass
class Line:
    """The line's part: polls and the publisher."""

    house: House
    world: World
    read: dict[str, datetime] = field(default_factory=dict)

    def poll_stock(self) -> None:
        asked = clock.now()
        self.world.happen()
        changed = [sku for sku in SKUS if self.read.get(sku) != self.world.changed[sku]]
        readings = [stock.Reading(sku, self.world.available(sku), asked, self.world.changed[sku]) for sku in changed]
        self.read |= {sku: self.world.changed[sku] for sku in changed}
        self.world.happen()
        with write(self.house.engine) as connection:
            stock.keep(connection, "stock", readings, due=True)
            stock.ring(connection, "stock")

    def poll_orders(self) -> None:
        records = self.house.journey("orders").source.fetch_page("order", PageRequest(since=NOON)).records
        with write(self.house.engine) as connection:
            stock_guard.demand(connection, self.house.settings, self.house.journey("orders"), records)
            stock.ring(connection, "stock")

    def note(self, order: Order) -> None:
        with write(self.house.engine) as connection:
            stock_guard.demand(connection, self.house.settings, self.house.journey("orders"), [order_record(order)])

    def publish(self) -> None:
        with write(self.house.engine) as connection:
            batch_id = stock.ring(connection, "stock")
        batch = batches.claim(self.house.engine, batch_id, "load")
        assert batch is not None
        stock_publisher.publish(self.house, batch)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path_factory.mktemp('model') / 'ledger.sqlite'}")
    upgrade(made)
    yield made
    made.dispose()


def open_line(engine: Engine, world: World) -> Line:
    with write(engine) as connection:
        for table in (tables.stock, tables.commitment, tables.batch, tables.run, tables.cursor, tables.dead_letter):
            connection.execute(delete(table))
        connection.execute(insert(tables.cursor).values(flow="orders", tick=0, position=NOON, updated_at=NOON))
    key = Secret("env:KEY", base64.b64encode(bytes(32)).decode())
    flows = [
        Flow("orders", "order", "ca", "tims"),
        Flow("stock", "stock", "tims", "ca", buffer=Buffer(skus=BUFFERS)),
    ]
    limits = Limits(1_000_000, 60, 2)  # one at a time, so that a script is played in one order
    budgets = {name: SharedBudget(engine, name, limits, 5.0) for name in ("ca", "tims")}
    channel: Any = Channel(world)
    warehouse: Any = Warehouse(world)
    to_body: dict[str, Writing] = {"stock": Writing(dict, lambda _: ())}
    journeys = {
        "orders": Journey(flows[0], channel, warehouse, budgets["tims"], budgets["ca"], dict, dict, dict, {}, (), "1"),
        "stock": Journey(flows[1], warehouse, channel, budgets["ca"], budgets["tims"], dict, dict, dict, to_body, (), "1"),
    }
    configured = Settings(None, Path(), "", None, key, {}, {flow.name: flow for flow in flows}, None, 0, None, 0)
    line = Line(House(configured, engine, Vault(engine, key), journeys.__getitem__, Heartbeat(engine)), world)
    world.take_over = line.note
    return line


def playing(engine: Engine, test: Callable[[World, Line], None], *, tells: bool = True) -> None:
    time = Time()
    with patch("integration.clock.now", time.now):
        world = World(time, tells)
        test(world, open_line(engine, world))


NOTHING = ("nothing", 0, 0)
EVENT = st.tuples(st.sampled_from(EVENTS + OFTEN), st.integers(0, 5), st.integers(1, 6))


@pytest.mark.parametrize("tells", [True, False])
@settings(max_examples=60, deadline=None)
@given(
    before=st.lists(EVENT, max_size=12),
    at_calls=st.dictionaries(st.integers(0, 18), EVENT, min_size=1, max_size=4),
)
@example(before=[], at_calls={9: ("order", 0, 1), 13: ("cancel", 0, 1)})  # came and went while a quantity was written
def test_whatever_happens_in_between_the_channel_ends_showing_what_there_is(
    engine: Engine, tells: bool, before: list[tuple[str, int, int]], at_calls: dict[int, tuple[str, int, int]]
) -> None:
    """Something is to be written of each SKU, and a few things happen between the calls that do it."""

    def test(world: World, line: Line) -> None:
        line.poll_stock()
        line.publish()
        for event in before:
            world.play(*event)
        for sku in SKUS:
            world.on_hand[sku] += 3
            world.changed[sku] = world.time.now()
        world.script = [at_calls.get(place, NOTHING) for place in range(19)]
        line.poll_stock()
        line.publish()
        world.script = []
        everything_is_told(world, line)
        for sku in SKUS:
            assert world.shown[sku] == world.should(sku), sku
        assert world.refused == 0

    playing(engine, test, tells=tells)


@pytest.mark.parametrize("place", range(20))
@pytest.mark.parametrize(
    ("kind", "tells"),
    [(kind, True) for kind in ("order", "late order", "allocate", "hold", "ship", "cancel", "erp cancel")]
    + [(kind, False) for kind in ("order", "late order")],
)
def test_one_thing_that_happens_at_any_call_is_made_up_for(engine: Engine, kind: str, place: int, tells: bool) -> None:
    def test(world: World, line: Line) -> None:
        line.poll_stock()
        line.publish()
        ready = {"allocate": ["order", "book"], "erp cancel": ["order", "book"], "cancel": ["order", "book"]}
        for step in ready.get(kind, ["order", "book", "allocate"] if kind in ("hold", "ship") else []):
            world.play(step, 0, 5)
        line.poll_orders()
        line.publish()
        world.on_hand[SKUS[0]] += 3
        world.changed[SKUS[0]] = world.time.now()
        world.script = [NOTHING] * place + [(kind, 0, 5)]
        line.poll_stock()
        line.publish()
        world.script = []
        everything_is_told(world, line)
        for sku in SKUS:
            assert world.shown[sku] == world.should(sku), sku

    playing(engine, test, tells=tells)


def everything_is_told(world: World, line: Line) -> None:
    """Late orders become visible, both polls look once more, and what waits for its time gets it."""
    for one in world.orders:
        one.visible = True
    line.poll_orders()
    line.poll_stock()
    line.publish()
    world.time.moment += timedelta(minutes=2)
    line.publish()


def test_units_given_up_while_quantities_are_read_anew_are_not_offered(engine: Engine) -> None:
    def test(world: World, line: Line) -> None:
        line.poll_stock()
        line.publish()
        for step in ("order", "book"):
            world.play(step, 0, 5)
        line.poll_stock()
        world.play("allocate", 0, 0)  # after the reading, so that it must be read anew
        world.on_hand[SKUS[0]] += 3
        with write(line.house.engine) as connection:
            stock.mark_due(connection, "stock", [SKUS[0]])
        with patch.object(Warehouse, "fetch_one", giving_up(Warehouse.fetch_one)):
            line.publish()
        assert world.shown[SKUS[0]] == world.should(SKUS[0]) == 18

    playing(engine, test)


def giving_up(read: Callable[..., SourceRecord]) -> Callable[..., SourceRecord]:
    def hold_first(self: Warehouse, entity: str, key: str) -> SourceRecord:
        self.world.play("hold", 0, 0)
        return read(self, entity, key)

    return hold_first


@pytest.mark.parametrize("tells", [True, False])
@settings(max_examples=60, deadline=None)
@given(script=st.lists(EVENT, min_size=5, max_size=40))
@example(script=[("order", 0, 1)] * 3 + [("late order", 0, 1), ("cancel", 0, 1)])  # written twice while the late one is still hidden
def test_a_write_in_a_quiet_moment_never_offers_units_of_orders_that_are_not_listed_yet(
    engine: Engine, tells: bool, script: list[tuple[str, int, int]]
) -> None:
    def test(world: World, line: Line) -> None:
        line.poll_stock()
        line.publish()
        for event in script:
            world.play(*event)
        line.poll_orders()
        line.poll_stock()
        with write(line.house.engine) as connection:
            connection.execute(update(tables.stock).values(due_at=clock.now(), sent_at=clock.now()))
        line.publish()
        for sku in SKUS:
            assert world.shown[sku] == world.should(sku), sku

    playing(engine, test, tells=tells)
