"""What the writes of the simulated TIMS have in common: versions, the dates of a new record, and faults in the order of the body."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.simulation.answers import Flaw, Record, Refusal, Request
from connectors.simulation.records import Records
from connectors.simulation.simulator import Simulator


def check_version(system: Simulator, records: Records, request: Request) -> None:
    """Refuse a version that is not the record's; with the fault, somebody changes the record just before."""
    record = request.record
    if system.faults.strikes("version-conflict", request.operation):
        system.touch(records, record)
    if request.body["Version"] != record["Version"]:
        raise Refusal(409, "version_conflict", f"Version is {record['Version']}.", members={"current": dict(record)})


def changed(record: Record, members: Record) -> Record:
    """Those of `members` that differ from the record, with the next Version; empty where none does."""
    changes = {name: value for name, value in members.items() if record.get(name) != value}
    return {**changes, "Version": record["Version"] + 1} if changes else {}


def check_rules(system: Simulator, body: Record, flaws: Iterable[Flaw]) -> None:
    """Refuse a body that breaks business rules, with its faults in the order of the members of the body."""
    places = {name: place for place, name in enumerate(body)}
    found = sorted(flaws, key=lambda flaw: places.get(flaw.field.partition(".")[0].partition("[")[0], len(places)))
    if found:
        raise system.invalid(*found)


def post(system: Simulator, records: Records, record: Record) -> Record:
    """Store a record that begins with CreatedAt equal to UpdatedAt."""
    records.add(record, system.new_instant(records))
    record["CreatedAt"] = record["UpdatedAt"]
    return record


def reference(record: Record) -> list[str]:
    """The index of records by ExternalReference."""
    return [record["ExternalReference"]] if record.get("ExternalReference") else []
