"""General ledger entries of the simulated TIMS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.simulation.answers import Answer, Flaw, Record, Request
from connectors.simulation.money import units
from connectors.simulation.records import Records
from connectors.simulation.simulator import Handler, Simulator, by
from connectors.tims.simulator_writes import check_rules, post, reference


class Ledger:
    def __init__(self, system: Simulator) -> None:
        self.entries = Records(system.clock, "EntryID", "UpdatedAt", {"externalReference": reference})
        master = system.contract.document["x-master-data"]
        self._accounts = frozenset(master["AccountCode"])
        self._closed_through: str = master["ledger_closed_through"]
        self._system = system
        self.handlers: Mapping[str, Handler] = {
            "listGlEntries": lambda request: system.listing(request, self.entries, by("externalReference")),
            "createGlEntry": self._create,
            "getGlEntry": lambda request: Answer(200, request.record),
        }

    def _create(self, request: Request) -> Answer:
        check_rules(self._system, request.body, self._wrong(request.body))
        entry = {"EntryID": f"GL-{len(self.entries) + 1:07d}", "ExternalReference": None, **request.body}
        return Answer(201, post(self._system, self.entries, entry))

    def _wrong(self, sent: Record) -> Iterator[Flaw]:
        if sent["EntryDate"] <= self._closed_through:
            yield Flaw("EntryDate", "closed_period", f"The ledger is closed through {self._closed_through}.")
        for place, line in enumerate(sent["Lines"]):
            if line["AccountCode"] not in self._accounts:
                yield Flaw(f"Lines[{place}].AccountCode", "unknown_account", f"No account {line['AccountCode']}.")
            if (units(line["Debit"]) > 0) == (units(line["Credit"]) > 0):
                yield Flaw(f"Lines[{place}]", "invalid_value", "Exactly one of Debit and Credit is above zero.")
        debit, credit = (sum(units(line[side]) for line in sent["Lines"]) for side in ("Debit", "Credit"))
        if debit != credit or debit == 0:
            yield Flaw("Lines", "unbalanced", "The sums of Debit and Credit must be equal and above zero.")
