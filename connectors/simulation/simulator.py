"""The base of every simulated system: its contract, clock, limit, tokens, faults and counts, and what lists have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

from connectors.simulation.answers import Answer, Command, Flaw, Record, Refusal, Request
from connectors.simulation.contract import Contract, Operation
from connectors.simulation.exchange import Exchange
from connectors.simulation.faults import EVERYWHERE, Faults
from connectors.simulation.instants import Clock
from connectors.simulation.limits import Limit
from connectors.simulation.paging import PageTokens, Place
from connectors.simulation.records import Records, Slice, since
from connectors.simulation.tokens import Tokens


class Named(Protocol):
    """A store whose records a path may name, by one value or by several."""

    def get(self, key: Any) -> Record | None: ...


Handler = Callable[[Request], Answer]
Control = Callable[[Command], Any]
Select = Callable[[Mapping[str, Any]], Slice]  # query parameters to what they ask for


@dataclass(frozen=True, slots=True)
class Options:
    """How a simulator is started. The limits are the contract's where None, token lifetimes those of the system."""

    items: int = 20
    latency_ms: float = 0
    limit_requests: int | None = None
    limit_concurrent: int | None = None
    token_seconds: int | None = None
    check_answers: bool = True


@dataclass(frozen=True, slots=True)
class ListWords:
    """The query parameters that all lists of a system have."""

    since: str
    size: str
    token: str


@dataclass(slots=True)
class Counts:
    """Accepted requests by operation, refused ones by status, and the first answers that broke the contract."""

    requests: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    contract_errors: list[str] = field(default_factory=list)


class Simulator(ABC):
    """State and rules of one system. Handlers are plain functions that finish without waiting, so each request is atomic."""

    words: ClassVar[ListWords]
    # What the system calls the refusals that the runtime makes: bad_request, bad_page_token, invalid, unauthorized, not_found,
    # rate_limited, internal_error, unavailable.
    codes: ClassVar[Mapping[str, str]]
    # The status of a body that breaks its schema. 400 is checked before the record is looked for, 422 behind it.
    invalid_status: ClassVar[int]

    def __init__(self, contract: Contract, options: Options, tokens: Tokens | None) -> None:
        """`tokens` is None where clients send none."""
        limit = contract.document["x-rate-limit"]
        self.contract = contract
        self.tokens = tokens
        self.clock = Clock()
        self.limit = Limit(
            options.limit_requests or limit["requests"], limit["per_seconds"], options.limit_concurrent or limit["concurrent"]
        )
        quirks = {quirk["id"] for quirk in contract.document["x-quirks"]}
        self.faults = Faults(EVERYWHERE | quirks, contract.operations)
        self.counts = Counts()
        self.handlers: dict[str, Handler] = {} if tokens is None else {"getToken": tokens.grant}
        # Which record a path with a parameter names: the store and what its records are called.
        self.named: dict[str, tuple[Named, str]] = {}
        self.controls: dict[tuple[str, str], Control] = {}
        self._page_tokens = PageTokens()
        self._moved: set[tuple[int, Any]] = set()

    @abstractmethod
    def error(self, refusal: Refusal) -> Answer:
        """A refusal in the shape of the system."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything the system holds, by kind, for the control plane."""

    @abstractmethod
    def page_answer(self, request: Request, page: Sequence[Record], token: str | None) -> Answer:
        """One page in the shape of the system; `token` is None on the last."""

    @abstractmethod
    async def run(self) -> None:
        """What the system does by itself, for ever."""

    def refused(self, operation: str, refusal: Refusal) -> Answer:
        """The refusal of a request of that operation."""
        return self.error(refusal)

    def knows(self, exchange: Exchange) -> bool:
        """Whether a request names a client that may speak; raises a Refusal of 403 for one that may not."""
        return self.tokens is not None and self.tokens.valid(exchange.bearer)

    def admit(self, name: str, *, writes: bool) -> Callable[[], None]:
        """Take a place within the limit, which what is answered gives back, once."""
        switch = self.faults.strikes("rate-limited", name)
        wait = switch.retry_after if switch else self.limit.enter(writes=writes)
        if wait is not None:
            message = f"Limit of {self.limit.requests} requests per minute, {self.limit.concurrent} at once, reached."
            raise Refusal(429, self.codes["rate_limited"], message, headers={"Retry-After": str(wait)})
        held = True

        def release() -> None:
            nonlocal held
            if held:
                held = False
                self.limit.leave(writes=writes)

        return release

    def check_free(self, operation: Operation, record: Record) -> None:  # noqa: B027 - most systems lock nothing
        """Refuse a request for a record that somebody else has open."""

    def touch(self, records: Records, record: Record) -> None:
        """A change by somebody else that alters nothing which a client could have written."""
        records.change(record)

    def invalid(self, *flaws: Flaw) -> Refusal:
        """The refusal of a body that breaks its schema or a rule on its members."""
        return Refusal(self.invalid_status, self.codes["invalid"], f"{len(flaws)} fault{'s' if len(flaws) != 1 else ''}.", flaws)

    def bad_request(self, field_name: str, message: str) -> Refusal:
        return Refusal(400, self.codes["bad_request"], message, [Flaw(field_name, "invalid_value", message)])

    def new_instant(self, records: Records) -> int:
        """When a new record is dated: now, or with the newest of its kind where the fault says so (for `delay` seconds)."""
        now, newest = self.clock.now(), records.newest()
        switch = self.faults.strikes("same-updated-date-across-pages") if newest is not None else None
        if switch is None or newest is None or now - newest > (switch.delay or 60) * 1000:
            return now
        return newest

    def listing(self, request: Request, records: Records, select: Select | None = None) -> Answer:
        """One page of `records` in the order of their change; `select` reads the system's own filters."""
        filters = dict(request.query)
        size, token = filters.pop(self.words.size), filters.pop(self.words.token, None)
        after = None
        if token is not None:
            if filters:
                raise self.bad_request(next(iter(filters)), f"With {self.words.token} only {self.words.size} may be sent.")
            place = self._page_tokens.place(request.operation, token)
            if place is None:
                raise Refusal(400, self.codes["bad_page_token"], f"{self.words.token} is unknown or has expired.")
            filters, after = dict(place.filters), place.after
        else:
            self._moved.clear()
        part = replace(select(filters) if select else Slice(), since=since(filters.get(self.words.since)), after=after)
        page, last = records.page(part, size)
        if last is None:
            return self.page_answer(request, page, None)
        shown = page
        if self.faults.strikes("changed-while-paging", request.operation):
            shown = [dict(record) for record in page]
            self._move_one(records, page)
        return self.page_answer(request, shown, self._page_tokens.issue(Place(request.operation, filters, last)))

    def _move_one(self, records: Records, page: Sequence[Record]) -> None:
        """Change a record of the page just read; each once while a client pages, or it would never come to the end."""
        for record in page:
            moved = (id(records), record[records.key])
            if moved not in self._moved:
                self._moved.add(moved)
                self.touch(records, record)
                return


def by(*names: str) -> Select:
    """Filters that are indexes of the same name."""

    def select(filters: Mapping[str, Any]) -> Slice:
        found: list[tuple[str, Hashable]] = [(name, filters[name]) for name in names if name in filters]
        return Slice(found=tuple(found))

    return select
