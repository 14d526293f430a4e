"""Products on the line: each as the price rule of the flow prices it now, and again when that price turns by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from integration import clock
from integration.delivery import Parcel
from integration.errors import Invalid, SyncError
from integration.ledger import occasions
from integration.ledger.database import write
from integration.ledger.records import SKIPPED, Aside, Passed, Record
from integration.line.journey import House, Journey
from integration.line.load import Job, Loader
from integration.line.prices import PRICE_RULES
from integration.line.unexpected import bug

SOLD, GOODS = "active", "goods"


def validate(house: House, journey: Journey, records: Sequence[Record]) -> list[Passed | Aside]:
    turns: dict[str, datetime | None] = {}
    results = [_one(house, journey, record, turns) for record in records]
    with write(house.engine) as connection:
        occasions.keep(connection, journey.flow.name, turns)
    return results


def _one(house: House, journey: Journey, record: Record, turns: dict[str, datetime | None]) -> Passed | Aside:
    try:
        assert record.canonical is not None
        canonical = journey.canonical(house.vault.open(record.canonical)["canonical"])
        if canonical.get("kind") not in (None, GOODS):
            why = f"{record.source_key} is a {canonical['kind']} of {journey.flow.source}, which no shop sells"
            return Passed(record, {"state": SKIPPED, "finished_at": clock.now(), "reason": why})
        # Another machine's clock may be ahead: by what this record was read as, its version was made.
        at = max(clock.now(), record.extracted_at)
        asked = PRICE_RULES[journey.flow.price](canonical, at)
        turns[record.source_key] = asked.until
        writing = journey.writing[journey.flow.entity]
        body = writing.to_body({**canonical, "price": asked.price, "as_of": clock.text(record.extracted_at)})
        body = {name: value for name, value in body.items() if value is not None}  # what the source does not say is the target's own
        if faults := writing.faults(body):
            raise Invalid("the product does not pass", tuple(faults))
    except SyncError as error:
        return Aside(record, error)
    except Exception as error:  # noqa: BLE001 - one bad record never stops its batch
        return Aside(record, bug(error, "validate", record))
    parcel = {"body": body, "sold": canonical["status"] == SOLD}
    return Passed(record, {"parcel": house.vault.seal(parcel), "reference": canonical["sku"]})


class ProductLoader(Loader):
    def parcel(self, job: Job) -> Parcel:
        """What is not sold is not put on offer only to be taken off again."""
        parcel = super().parcel(job)
        if job.about["sold"]:
            return parcel
        why = f"{job.record.source_key} is not sold any more, and {self._flow.target} has never had it"
        return replace(parcel, look_first=True, first="skip", why=why)
