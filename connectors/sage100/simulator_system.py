"""The base of the simulated Sage 100: three headers, readers and one writer, locks, in-band refusals and pages by skip and take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from connectors.sage100.simulator_clock import LocalClock
from connectors.sage100.simulator_tables import Table
from connectors.sage100.simulator_writes import Codes, Sheet, refused
from connectors.simulation.answers import Answer, Command, ControlError, Flaw, Record, Refusal, Request
from connectors.simulation.contract import Operation, load
from connectors.simulation.exchange import Exchange
from connectors.simulation.limits import Limit
from connectors.simulation.simulator import Options, Simulator

API_KEY = "demo-api-key"
USER = "demo-user"
READER = "demo-reader"
"""A user who may only read."""
COMPANY = "ABC"
DESK = "jsmith"
"""The user at whose desk a record is open."""


class Lock(NamedTuple):
    by: str
    until: int


class Turns(Limit):
    """GETs in progress are counted against `readers`; the one write of the company is told apart."""

    writing = 0

    def enter(self, *, writes: bool = False) -> int | None:
        if not writes:
            return super().enter()
        readers, self.in_progress = self.in_progress, 0
        wait = super().enter()
        self.in_progress = readers
        self.writing += wait is None
        return wait

    def leave(self, *, writes: bool = False) -> None:
        if writes:
            self.writing -= 1
        else:
            super().leave()


class Sage(Simulator):
    codes: ClassVar = {
        "bad_request": "API_BadRequest",
        "invalid": "API_InvalidValue",
        "unauthorized": "API_Unauthorized",
        "forbidden": "API_Forbidden",
        "locked": "API_RecordLocked",
        "not_found": "CI_NOF",
        "rate_limited": "API_RateLimit",
        "internal_error": "API_Internal",
        "unavailable": "API_Internal",
    }
    invalid_status: ClassVar = 200
    clock: LocalClock

    def __init__(self, options: Options) -> None:
        contract = load(Path(__file__).with_name("contract.yaml"))
        for operation in contract.operations.values():
            if operation.body is not None and not isinstance(operation.body, Sheet):
                operation.body = Sheet(operation.body.schema)
        super().__init__(contract, options, tokens=None)
        declared = contract.document["x-rate-limit"]
        self.clock = LocalClock()
        self.limit = Turns(self.limit.requests, self.limit.per_seconds, options.limit_concurrent or declared["readers"])
        self.codes_on_file = Codes(contract)
        self.most_writers: int = declared["writers"]
        self.locks: dict[tuple[str, ...], Lock] = {}
        self._shifted: set[tuple[int, Any]] = set()

    def table(self, *keys: str) -> Table:
        return Table(self.clock, self.faults, *keys)

    # who may ------------------------------------------------------------------------------------------------------------------------

    def knows(self, exchange: Exchange) -> bool:
        sent = [exchange.headers.get(name, b"").decode("latin-1") for name in (b"x-api-key", b"x-sage-user", b"x-sage-company")]
        if sent[0] != API_KEY or sent[1] not in (USER, READER) or sent[2] != COMPANY:
            return False
        if sent[1] == READER and exchange.method != "GET":
            raise Refusal(403, self.codes["forbidden"], "No access to this task.")
        if (switch := self.faults.strikes("local-time")) is not None:
            self.clock.to_the_end_of_daylight_saving(5 if switch.delay is None else switch.delay)
            self.faults.set({"local-time": False})  # once: local time goes back by itself
        return True

    def admit(self, name: str, *, writes: bool) -> Callable[[], None]:
        release = super().admit(name, writes=writes)
        lock = self._lock_of("writer")
        if writes and (lock is not None or self.limit.writing > self.most_writers):  # type: ignore[attr-defined]
            release()
            raise self._locked(lock or Lock(USER, self.clock.now() + 1000), "Another write is in progress in the company")
        return release

    def check_free(self, operation: Operation, record: Record) -> None:
        if not operation.writes:
            return
        if self.faults.strikes("result-zero-in-200", operation.id):
            raise self.invalid(Flaw("", "API_InvalidValue", "Refused by a fault switch."))
        switch = self.faults.strikes("record-locked", operation.id, usual=bool(record))
        if switch is not None:
            raise self._locked(Lock(DESK, self.clock.now() + switch.retry_after * 1000), "The record is in use")
        if record:
            table, _ = self.named[operation.path]
            assert isinstance(table, Table)
            if (lock := self._lock_of(operation.path.split("/")[2], *table.key(record))) is not None:
                raise self._locked(lock, "The record is in use")

    def _lock_of(self, *key: str) -> Lock | None:
        lock = self.locks.get(key)
        return lock if lock is not None and lock.until > self.clock.now() else None

    def _locked(self, lock: Lock, said: str) -> Refusal:
        wait = {"Retry-After": str(min(300, max(1, -(-(lock.until - self.clock.now()) // 1000))))}
        return Refusal(423, self.codes["locked"], f"{said} by {lock.by}.", headers=wait, members={"RecordLockedBy": lock.by})

    def lock(self, command: Command) -> Any:
        """Control plane: `{"SalesOrder" or "Customer": [key…] or "writer": true, "by"?, "seconds"?}`; 0 seconds frees it."""
        body = dict(command.body)
        by, seconds = body.pop("by", DESK), body.pop("seconds", 60)
        if len(body) != 1 or not isinstance(seconds, (int, float)):
            raise ControlError('Send {"SalesOrder": ["0000001"], "seconds": 60}, "Customer": ["01", "0000123"] or "writer": true.')
        [(kind, key)] = body.items()
        where = ("writer",) if kind == "writer" else (kind, *key)
        self.locks[where] = Lock(by, self.clock.now() + int(seconds * 1000))
        return {"lock": list(where), "by": by}

    # answers ------------------------------------------------------------------------------------------------------------------------

    def error(self, refusal: Refusal) -> Answer:
        body = {"Result": 0, "ErrorCode": refusal.code, "LastErrorMsg": refusal.message[:500], **refusal.members}
        return Answer(refusal.status, body, refusal.headers)

    def refused(self, operation: str, refusal: Refusal) -> Answer:
        return refused(operation, refusal) if refusal.status == 200 else self.error(refusal)

    def page_answer(self, request: Request, page: Sequence[Record], token: str | None) -> Answer:
        raise NotImplementedError  # pages are cut by skip and take, see `page`

    def page(self, request: Request, table: Table, *equal: str, keep: Callable[[Record], bool] | None = None) -> Answer:
        """A page of a table; `equal` are the members that parameters of the same name are compared with."""
        query = request.query
        server = self.clock.local()
        date, hours = self.clock.stamp()
        if "TimeUpdatedSince" in query and "DateUpdatedSince" not in query:
            raise self.bad_request("TimeUpdatedSince", "TimeUpdatedSince needs DateUpdatedSince.")
        if "CustomerNo" in query and "ARDivisionNo" not in query:
            raise self.bad_request("CustomerNo", "CustomerNo needs ARDivisionNo.")
        wanted = {name: query[name] for name in equal if name in query}
        since = query.get("DateUpdatedSince", ""), query.get("TimeUpdatedSince", "")

        def kept(record: Record) -> bool:
            return all(record[name] == value for name, value in wanted.items()) and (keep is None or keep(record))

        found, more = table.page(since, kept, query["skip"], query["take"])
        shown = found
        if not query["skip"]:
            self._shifted = {one for one in self._shifted if one[0] != id(table)}
        if more and self.faults.strikes("skip-take-shift", request.operation):
            shown = [dict(record) for record in found]
            self._shift(table, found)
        numbers = {"Skip": query["skip"], "Take": query["take"], "More": more}
        return Answer(200, {"Records": shown, **numbers, "ServerDate": date, "ServerTime": hours, "TimeZone": str(server.tzinfo)})

    def _shift(self, table: Table, page: Sequence[Record]) -> None:
        """Change a record of the page just read; each once while a client pages, or it would never come to the end."""
        for record in page:
            if (id(table), table.key(record)) not in self._shifted:
                self._shifted.add((id(table), table.key(record)))
                table.change(record)
                return
