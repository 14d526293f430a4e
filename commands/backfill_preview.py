"""`integration backfill --dry-run`: what would be created, changed, left alone or put aside; nothing is sent that writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from commands.output import Column, console, print_json, print_table
from integration import clock
from integration.line.dry_run import EFFECTS, Verdict, dry_run
from integration.line.journey import House

SHOWN = 20
"""Rows of a table that a person still reads; --json has them all."""


def preview(house: House, flow: str, since: datetime, until: datetime, *, as_json: bool) -> int:
    """Show it; gives how many records would be put aside."""
    verdicts: dict[str, Verdict] = {}
    with console(stderr=True).status("reading …") as status:
        for judged in dry_run(house, flow, since, until):
            for verdict in judged.verdicts:
                _keep_newest(verdicts, verdict)
            status.update(f"read to {clock.text(judged.place)}, {len(verdicts)} records")
    found = list(verdicts.values())
    counts = Counter(verdict.effect for verdict in found)
    summary: dict[str, int] = {effect: counts[effect] for effect in EFFECTS}
    if as_json:
        print_json({"flow": flow, "since": since, "until": until, "summary": summary, "records": [asdict(verdict) for verdict in found]})
    else:
        _print(flow, found, summary)
    return counts["put aside"]


def _keep_newest(verdicts: dict[str, Verdict], verdict: Verdict) -> None:
    """A record that changes while it is read is there twice. What has no key is counted each by itself."""
    key = verdict.key if verdict.version else f"{verdict.key} {len(verdicts)}"
    if key not in verdicts or verdicts[key].version <= verdict.version:
        verdicts[key] = verdict


def _print(flow: str, found: Sequence[Verdict], summary: Mapping[str, int]) -> None:
    titles = {
        "create": "Would create",
        "change": "change",
        "unchanged": "leave unchanged",
        "skip": "skip",
        "hold": "hold",
        "put aside": "put aside",
    }
    columns = [Column(effect, titles.get(effect, effect), right=True) for effect in EFFECTS if effect in titles or summary[effect]]
    print_table([summary], columns, title=f"{len(found)} records of {flow}; nothing was sent")
    _print_changes([one for one in found if one.effect == "change"])
    _print_causes("Would wait on hold", [one for one in found if one.effect == "hold"])
    _print_causes("Would be put aside", [one for one in found if one.effect == "put aside"])
    _print_causes("Would be skipped", [one for one in found if one.effect == "skip"])


def _print_changes(found: Sequence[Verdict]) -> None:
    if not found:
        return
    rows = [{"name": one.reference or one.key, "target_key": one.target_key, "members": ", ".join(one.members)} for one in found[:SHOWN]]
    columns = [Column("name", "Record", style="bold"), Column("target_key", "In the target"), Column("members", "Members")]
    console().print()
    print_table(rows, columns, title="Would be changed")
    if len(found) > SHOWN:
        console().print(f"… and {len(found) - SHOWN} more; --json has them all", style="dim")


def _print_causes(title: str, found: Sequence[Verdict]) -> None:
    """One row a cause, with one record for example."""
    if not found:
        return
    causes: dict[str, list[Verdict]] = {}
    for one in found:
        causes.setdefault(one.cause, []).append(one)
    rows = [
        {"count": len(alike), "name": alike[0].reference or alike[0].key, "why": alike[0].why}
        for alike in sorted(causes.values(), key=len, reverse=True)
    ]
    columns = [Column("count", "Records", right=True, style="bold"), Column("name", "For example"), Column("why", "Because")]
    console().print()
    print_table(rows, columns, title=title)
