"""Journal entries of the simulated Sage 100."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from connectors.sage100.simulator_system import Sage
from connectors.sage100.simulator_writes import dec, refuse, stored
from connectors.simulation.answers import Answer, Request
from connectors.simulation.simulator import Handler


class Ledger:
    def __init__(self, system: Sage) -> None:
        self.entries = system.table("SourceJournal", "EntryNo")
        self._system = system
        self.handlers: Mapping[str, Handler] = {
            "listJournalEntries": lambda request: system.page(request, self.entries, "PostingDate"),
            "createJournalEntry": self._post,
            "getJournalEntry": lambda request: Answer(200, request.record),
        }

    def _post(self, request: Request) -> Answer:
        sent, codes = request.body, self._system.codes_on_file
        codes.check(sent)
        for place, line in enumerate(sent["Lines"], start=1):
            codes.check(line, place)
        if sent["PostingDate"] <= codes.closed_through:
            raise refuse("API_PeriodClosed", "PostingDate", f"The periods are closed through {codes.closed_through}.")
        debit, credit = (sum((dec(line[side]) for line in sent["Lines"]), Decimal(0)) for side in ("DebitAmount", "CreditAmount"))
        for place, line in enumerate(sent["Lines"], start=1):
            if (dec(line["DebitAmount"]) > 0) == (dec(line["CreditAmount"]) > 0):
                raise refuse("API_OutOfBalance", "DebitAmount", "Exactly one of debit and credit must be above zero.", place)
        if debit != credit or not debit:
            raise refuse("API_OutOfBalance", "", f"The entry is out of balance by {abs(debit - credit)}.")
        number = len(self.entries.where(SourceJournal=sent["SourceJournal"])) + 1
        entry = {"JournalComment": "", **sent, "EntryNo": f"{number:06d}"}
        entry["Lines"] = [{"PostingComment": "", **line} for line in sent["Lines"]]
        return stored(request.operation, self.entries.add(entry))
