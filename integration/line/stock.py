"""Stock on the line: readings of the warehouse go into the stock table, from which one publisher writes what is due."""

from __future__ import annotations

from collections.abc import Sequence

from integration import clock
from integration.errors import SyncError
from integration.ledger import batches, records
from integration.ledger import stock as ledger
from integration.ledger.database import write
from integration.ledger.records import DONE, VALIDATED, Aside, Passed, Record
from integration.ledger.stock import Reading
from integration.line.journey import House, Journey
from integration.line.load import Loader
from integration.line.unexpected import bug


def validate(house: House, journey: Journey, wanted: Sequence[Record]) -> list[Passed | Aside]:
    return [_one(house, journey, record) for record in wanted]


def _one(house: House, journey: Journey, record: Record) -> Passed | Aside:
    try:
        assert record.canonical is not None
        canonical = journey.canonical(house.vault.open(record.canonical)["canonical"])
    except SyncError as error:
        return Aside(record, error)
    except Exception as error:  # noqa: BLE001 - one bad record never stops its batch
        return Aside(record, bug(error, "validate", record))
    return Passed(record, {"parcel": house.vault.seal(canonical), "reference": canonical["sku"]})


class StockLoader(Loader):
    """Takes readings in and has the publisher rung."""

    def load(self, wanted: Sequence[Record]) -> None:
        readings = [self._reading(record) for record in wanted if record.state == VALIDATED]
        moment = clock.now()
        with write(self._house.engine) as connection:
            batches.hold(connection, self._batch)
            ledger.keep(connection, self._flow.name, readings, due=True)
            records.change(connection, [{"id": one.id, "state": DONE, "booked_at": moment, "finished_at": moment} for one in wanted])
            records.close_older_letters(connection, wanted, "settled by this version or a newer one", itself=True)
            self.bells.append((ledger.ring(connection, self._flow.name), "load"))

    def _reading(self, record: Record) -> Reading:
        assert record.parcel is not None
        canonical = self._house.vault.open(record.parcel)
        changed = canonical.get("updated_at")
        # The page was asked for at `extracted_at`: what it says was true then or later.
        return Reading(canonical["sku"], canonical["available"], record.extracted_at, clock.instant(changed) if changed else None)
