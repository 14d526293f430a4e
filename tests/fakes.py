"""A system in memory: a Source and a Target that do as they are told, for tests of the line without HTTP."""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any

from integration import clock
from integration.errors import NoAnswer, SyncError, VersionConflict
from integration.ports import Body, Credit, Item, Limits, Page, PageRequest, Remote, SourceRecord, Writable

ORDER = Writable(
    after_create={"OrderStatus": "Open"},
    update=("OrderStatus", "PaymentStatus", "ShippingAddress"),
    own_values={"OrderStatus": ("Allocated", "Fulfilled")},
    find_by="ExternalOrderID",
    fixed=("LineItems",),
    ends={"OrderStatus": {"Cancelled": ("ShippingAddress",)}},
)
CUSTOMER = Writable(after_create={}, update=("Phone",), own_values={}, find_by="Email", fixed=(), usable={"Status": "Active"})


class FakeSystem:
    """What it holds is in `stored` by entity and key. `fail` gives errors to raise before a write takes effect, `drop` after it."""

    limits = Limits(1000, 60, 8)
    settle_seconds = 0.0
    timeout_seconds = 1.0

    def __init__(self, skus: Iterable[str] = ("LAMP-001", "LAMP-002")) -> None:
        self.stored: dict[str, dict[str, Body]] = defaultdict(dict)
        self.items = {sku: Item(sku, True) for sku in skus}
        self.quantities: dict[str, int] = {}
        self.pages: list[list[SourceRecord]] = []
        self.acknowledged: list[str] = []
        self.calls: list[str] = []
        self.fail: dict[str, list[SyncError | None]] = defaultdict(list)
        self.drop: dict[str, int] = defaultdict(int)
        self.before_update: Callable[[Body], None] | None = None
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    # Source

    def fetch_page(self, entity: str, request: PageRequest) -> Page:
        self._call(f"{entity}.list")
        place = int(request.token or 0)
        records = self.pages[place] if place < len(self.pages) else []
        return Page(records, str(place + 1) if place + 1 < len(self.pages) else None)

    def fetch_one(self, entity: str, key: str) -> SourceRecord | None:
        self._call(f"{entity}.fetch")
        return next((record for page in self.pages for record in page if record.key == key), None)

    def marks(self, entity: str) -> bool:
        return True

    def acknowledge(self, entity: str, key: str) -> None:
        self._call(f"{entity}.acknowledge")
        self.acknowledged.append(key)

    # Target

    def writable(self, entity: str) -> Writable:
        return {"order": ORDER, "customer": CUSTOMER}[entity]

    def finds(self, entity: str) -> bool:
        return True

    def find(self, entity: str, value: str, body: Body | None = None) -> Sequence[Remote]:
        self._call(f"{entity}.find")
        member = self.writable(entity).find_by
        return [self.remote(entity, body) for body in self.stored[entity].values() if str(body.get(member)).lower() == value.lower()]

    def get(self, entity: str, key: str) -> Remote | None:
        self._call(f"{entity}.get")
        body = self.stored[entity].get(key)
        return self.remote(entity, body) if body else None

    def create(self, entity: str, body: Body) -> Remote:
        self._call(f"{entity}.create")
        with self._lock:
            key = f"{'SO' if entity == 'order' else 'C'}-{next(self._numbers):07d}"
            self.stored[entity][key] = {
                "Status": "Active",
                **dict(self.writable(entity).after_create),
                **deepcopy(body),
                "Key": key,
                "Version": 1,
            }
        self._answer(f"{entity}.create")
        return self.remote(entity, self.stored[entity][key])

    def update(self, entity: str, key: str, body: Body, version: int | None) -> Remote:
        self._call(f"{entity}.update")
        stored = self.stored[entity][key]
        if self.before_update is not None:
            self.before_update(stored)
        if stored["Version"] != version:
            raise VersionConflict(f"Version is {stored['Version']}", deepcopy(stored))
        stored |= deepcopy(body)
        stored["Version"] += 1
        self._answer(f"{entity}.update")
        return self.remote(entity, stored)

    def remote(self, entity: str, body: Body) -> Remote:
        return Remote(body["Key"], body["Version"], deepcopy(body))

    def item(self, sku: str) -> Item | None:
        self._call("item")
        return self.items.get(sku)

    def state_words(self, entity: str, body: Body) -> str:
        return str(body.get("OrderStatus"))

    def credit(self, key: str) -> Credit | None:
        return None

    def available(self, sku: str) -> int | None:
        self._call("available")
        return self.quantities.get(sku)

    def count(self, call: str) -> int:
        return self.calls.count(call)

    def _call(self, name: str) -> None:
        with self._lock:
            self.calls.append(name)
            error = self.fail[name].pop(0) if self.fail[name] else None
        if error is not None:
            raise error

    def _answer(self, name: str) -> None:
        with self._lock:
            lost = self.drop[name] > 0
            self.drop[name] -= lost
        if lost:
            raise NoAnswer("the answer never came")


def source_record(key: str, changed: datetime | None = None, **body: Any) -> SourceRecord:
    moment = changed or clock.now()
    return SourceRecord(key, clock.text(moment), moment, {"id": key, **body})
