"""The simulated $title: orders that are placed through its control plane, and what its contract lets a client do with them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from connectors.simulation.answers import Answer, Command, ControlError, Record, Refusal, Request
from connectors.simulation.contract import Shape, closed, load
from connectors.simulation.records import Records
from connectors.simulation.simulator import ListWords, Options, Simulator
from connectors.simulation.tokens import Tokens

CLIENT_ID = "demo-client-id"
CLIENT_SECRET = "demo-client-secret"  # noqa: S105 - the simulator's, and said so
TOKEN_SECONDS = 1800
FIRST_ORDER = 1001


class ${Class}Simulator(Simulator):
    words: ClassVar = ListWords(since="changedSince", size="limit", token="cursor")  # noqa: S106 - a parameter's name
    codes: ClassVar[Mapping[str, str]] = {
        "bad_request": "bad_request",
        "bad_page_token": "bad_request",
        "invalid": "invalid",
        "unauthorized": "unauthorized",
        "not_found": "not_found",
        "rate_limited": "rate_limited",
        "internal_error": "internal_error",
        "unavailable": "unavailable",
    }
    invalid_status: ClassVar = 422

    def __init__(self, options: Options) -> None:
        contract = load(Path(__file__).with_name("contract.yaml"))
        super().__init__(contract, options, Tokens((CLIENT_ID, CLIENT_SECRET), "Bearer", options.token_seconds or TOKEN_SECONDS))
        self.orders = Records(self.clock, "number", "updatedAt")
        self._order = Shape(closed(contract.schema("Order")))
        self.handlers |= {
            "listOrders": lambda request: self.listing(request, self.orders),
            "getOrder": lambda request: Answer(200, request.record),
            "updateOrder": self._update,
        }
        self.named = {"/api/orders/{number}": (self.orders, "Order")}
        self.controls = {("POST", "orders"): self._place}

    async def run(self) -> None:
        await asyncio.Event().wait()  # it does nothing by itself

    def error(self, refusal: Refusal) -> Answer:
        flaws = [{"field": flaw.field, "message": flaw.message} for flaw in refusal.flaws[:50]]
        return Answer(refusal.status, {"code": refusal.code, "message": refusal.message, "errors": flaws}, refusal.headers)

    def page_answer(self, request: Request, page: Sequence[Record], token: str | None) -> Answer:
        return Answer(200, {"items": page, "next": token})

    def state(self) -> dict[str, Any]:
        return {"orders": list(self.orders)}

    def _update(self, request: Request) -> Answer:
        if any(request.record.get(name) != value for name, value in request.body.items()):
            self.orders.change(request.record, request.body)
        return Answer(200, request.record)

    def _place(self, command: Command) -> Any:
        """Control plane: `{"orders": [...]}` as buyers place them; what is not sent is filled in."""
        return {"orders": [self._store(sent) for sent in command.body["orders"]]}

    def _store(self, sent: Record) -> Record:
        now = self.clock.text()
        number = f"$CODE-{FIRST_ORDER + len(self.orders)}"
        order = {"number": number, "status": "open", "payment": "paid", "placedAt": now, "updatedAt": now, "currency": "USD", **sent}
        for flaw in self._order.flaws(order):
            raise ControlError(f"{flaw.field}: {flaw.message}")
        return self.orders.add(order, self.new_instant(self.orders))
