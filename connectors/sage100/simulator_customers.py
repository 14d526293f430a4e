"""Customers of the simulated Sage 100, numbered by division, and what they owe."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connectors.sage100.simulator_system import Sage
from connectors.sage100.simulator_writes import dec, number, refuse, stored
from connectors.simulation.answers import Answer, Command, ControlError, Record, Request
from connectors.simulation.simulator import Handler

EMPTY = dict.fromkeys(
    (
        "AddressLine1", "AddressLine2", "AddressLine3", "City", "State", "ZipCode", "CountryCode", "TelephoneNo", "TelephoneExt",
        "EmailAddress", "ShipMethod", "CustomerType", "SortField", "DefaultPaymentType", "ResidentialAddress", "DateLastActivity",
    ),
    "",
)  # fmt: skip
WAITING = {"CustomerStatus": "A", "CreditHold": "N", "CurrentBalance": 0, "OpenOrderAmt": 0}


class Customers:
    def __init__(self, system: Sage) -> None:
        self.table = system.table("ARDivisionNo", "CustomerNo")
        self._system = system
        self._members = frozenset(system.contract.schema("Customer")["properties"])
        self.handlers: Mapping[str, Handler] = {
            "listCustomers": self._list,
            "createCustomer": self._create,
            "getCustomer": lambda request: Answer(200, request.record),
            "updateCustomer": self._update,
        }

    def of(self, sent: Record) -> Record:
        """The customer that a body names; refused where there is none."""
        customer = self.table.get((sent["ARDivisionNo"], sent["CustomerNo"]))
        if customer is None:
            raise refuse("CI_NOF", "CustomerNo", f"The customer {sent['ARDivisionNo']}-{sent['CustomerNo']} is not on file.")
        return customer

    def owe(self, customer: Record, *, open_orders: Decimal = Decimal(0), balance: Decimal = Decimal(0)) -> None:
        """Move what a customer owes, which alone changes no date."""
        customer["OpenOrderAmt"] = number(dec(customer["OpenOrderAmt"]) + open_orders)
        customer["CurrentBalance"] = number(dec(customer["CurrentBalance"]) + balance)

    def place(self, command: Command) -> Any:
        """Control plane: members of a customer; one that exists is changed, whatever a client may write of it."""
        body = command.body
        unknown = sorted(set(body) - self._members)
        if unknown or not isinstance(body.get("ARDivisionNo", "01"), str):
            raise ControlError(f"A customer has no member {unknown[0]!r}." if unknown else "ARDivisionNo must be text.")
        sent = {"ARDivisionNo": "01", "CustomerName": "Customer", **body}
        known = self.table.get((sent["ARDivisionNo"], sent.get("CustomerNo")))
        return self.table.change(known, body) if known is not None else self._store(sent)

    def _list(self, request: Request) -> Answer:
        email, name = request.query.get("EmailAddress"), request.query.get("CustomerName")

        def keep(customer: Record) -> bool:
            return (email is None or (customer["EmailAddress"] or "").lower() == email.lower()) and (
                name is None or customer["CustomerName"].lower() == name.lower()
            )

        return self._system.page(request, self.table, "ARDivisionNo", keep=keep)

    def _create(self, request: Request) -> Answer:
        sent = request.body
        self._check(sent)
        if (sent["ARDivisionNo"], sent.get("CustomerNo")) in {self.table.key(one) for one in self.table}:
            number_of = f"{sent['ARDivisionNo']}-{sent['CustomerNo']}"
            raise refuse("WS_AlreadyExists", "CustomerNo", f"Customer {number_of} already exists.")
        email = (sent.get("EmailAddress") or "").lower()
        twins = [one for one in self.table if email and (one["EmailAddress"] or "").lower() == email]
        warnings = [("API_DuplicateEmail", "The EmailAddress is already used by another customer.")] if twins else []
        customer = self._store(sent)
        if not warnings and self._system.faults.strikes("warning-is-stored", request.operation):
            warnings = [("API_DuplicateEmail", "The EmailAddress looks like that of another customer.")]
        return stored(request.operation, customer, warnings)

    def _store(self, sent: Record) -> Record:
        division = sent["ARDivisionNo"]
        free = 1 + len(self.table.where(ARDivisionNo=division))
        while self.table.get((division, f"{free:07d}")) is not None:
            free += 1
        customer = {
            **EMPTY,
            "CustomerNo": f"{free:07d}",
            "TaxSchedule": "DEFAULT",
            "TermsCode": "00",
            "TemporaryCustomer": "N",
            **dict.fromkeys((f"AgingCategory{place}" for place in range(1, 5)), 0),
            "DateEstablished": self._system.clock.today(),
            **WAITING,
            **sent,
        }
        customer["CreditLimit"] = customer.get("CreditLimit") or 0
        if customer["TemporaryCustomer"] == "Y" and "CustomerStatus" not in sent:
            customer["CustomerStatus"] = "T"
        return self.table.add(customer)

    def _update(self, request: Request) -> Answer:
        self._check({**request.record, **request.body})
        changes = {name: value for name, value in request.body.items() if request.record.get(name) != value}
        if "CreditLimit" in changes:
            changes["CreditLimit"] = changes["CreditLimit"] or 0
        if changes:
            self.table.change(request.record, changes)
        return stored(request.operation, request.record)

    def _check(self, sent: Record) -> None:
        self._system.codes_on_file.check(sent)
        self._system.codes_on_file.check_address(sent)
