"""Customers of the simulated TIMS, and what it asks of an address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from connectors.simulation.answers import Answer, Command, ControlError, Flaw, Record, Request
from connectors.simulation.contract import Shape, closed
from connectors.simulation.money import amount, units
from connectors.simulation.records import Records, Slice
from connectors.simulation.simulator import Handler, Simulator
from connectors.tims.simulator_writes import changed, check_rules, check_version, post


class Customers:
    def __init__(self, system: Simulator) -> None:
        self.records = Records(system.clock, "CustomerID", "UpdatedAt", {"email": _email})
        self._system = system
        self._placed = Shape(closed(system.contract.schema("Customer") | {"required": ["Name"]}))
        self.handlers: Mapping[str, Handler] = {
            "listCustomers": lambda request: system.listing(request, self.records, _select),
            "createCustomer": self._create,
            "getCustomer": lambda request: Answer(200, request.record),
            "updateCustomer": self._update,
        }

    def owe(self, customer: Record, cents: int) -> None:
        """Move a Balance, which alone moves neither Version nor UpdatedAt."""
        customer["Balance"] = amount(units(customer["Balance"]) + cents)

    def place(self, command: Command) -> Any:
        """Control plane: `{"Name", …}`, any member of a customer; CustomerID, Balance and Currency are filled in where absent."""
        body = command.body
        flaws = self._placed.flaws(body)
        if flaws:
            raise ControlError(f"{flaws[0].field}: {flaws[0].message}")
        if body.get("CustomerID") in self.records:
            raise ControlError(f"Customer {body['CustomerID']} exists.")
        return self._store(body)

    def _create(self, request: Request) -> Answer:
        check_rules(self._system, request.body, _wrong_addresses(request.body))
        customer = self._store(request.body)
        if self._system.faults.strikes("duplicate-customers", request.operation):
            self._store({**request.body, "Email": (request.body.get("Email") or "").upper() or None})
        return Answer(201, customer)

    def _store(self, sent: Record) -> Record:
        number = 1 + len(self.records)
        while f"C-{number:06d}" in self.records:
            number += 1
        customer = {
            "CustomerID": f"C-{number:06d}",
            "Email": None,
            "Phone": None,
            "Addresses": [],
            "CreditLimit": None,
            "Balance": "0.00",
            "Currency": "USD",
            "Status": "Active",
            "Version": 1,
            **sent,
        }
        return post(self._system, self.records, customer)

    def _update(self, request: Request) -> Answer:
        check_version(self._system, self.records, request)
        check_rules(self._system, request.body, _wrong_addresses(request.body))
        changes = changed(request.record, {name: value for name, value in request.body.items() if name != "Version"})
        if changes:
            self.records.change(request.record, changes)
        return Answer(200, request.record)


def wrong_address(address: Record | None, where: str) -> Iterator[Flaw]:
    """What the schema does not say of an address: states of US and CA are codes, US postal codes are 99999 or 99999-9999."""
    if address is None:
        return
    state, country = address.get("State"), address["Country"]
    if country in ("US", "CA") and state is not None and not re.fullmatch(r"[A-Z]{2}", state):
        yield Flaw(f"{where}.State", "invalid_format", "Must be an upper-case two-letter code.")
    if country == "US" and not re.fullmatch(r"[0-9]{5}(-[0-9]{4})?", address["PostalCode"]):
        yield Flaw(f"{where}.PostalCode", "invalid_format", "Must be 99999 or 99999-9999.")


def _wrong_addresses(customer: Record) -> Iterator[Flaw]:
    for place, each in enumerate(customer.get("Addresses") or []):
        yield from wrong_address(each["Address"], f"Addresses[{place}].Address")


def _email(customer: Record) -> list[str]:
    return [customer["Email"].lower()] if customer.get("Email") else []


def _select(filters: Mapping[str, Any]) -> Slice:
    return Slice(found=(("email", filters["email"].lower()),) if "email" in filters else ())
