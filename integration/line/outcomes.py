"""Turns outcomes into rows: what the crosswalk knows from now on, how the record goes on, what the story will tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from integration import clock
from integration.delivery import Delivered, Failed, Outcome, Skipped, Unanswered
from integration.errors import Held, Limited, NoAnswer, SyncError, Transient, Unauthorized, Unreachable, Waiting
from integration.ledger import crosswalk, holds, order_lines, records, shipped
from integration.ledger.batches import Batch
from integration.ledger.crosswalk import Crossing
from integration.ledger.records import BOOKED, DONE, SKIPPED, SUPERSEDED, UNCHANGED, Aside, Record
from integration.line.backoff import backoff
from integration.line.items import forget
from integration.line.journey import House, Journey

log = structlog.get_logger()

ASK_AGAIN_SECONDS = 1.0
FREE: dict[str, Any] = {"owner": None, "claimed_until": None}
NO_INTENT: dict[str, Any] = {"intent": None, "intent_at": None, "resend_after": None}


class Writer:
    """Collects what a pass has found out until `flush` writes it in the caller's transaction."""

    def __init__(self, house: House, journey: Journey, batch: Batch, owner: str) -> None:
        self._house, self._journey, self._batch, self._owner = house, journey, batch, owner
        self._records: list[dict[str, Any]] = []
        self._crossings: list[dict[str, Any]] = []
        self._log: list[dict[str, Any]] = []
        self._letters: list[Aside] = []
        self._held_back: list[Aside] = []
        self._settled: list[Record] = []
        self._told: list[str] = []
        self._doubted_skus: set[str] = set()
        self._lines: list[dict[str, Any]] = []
        self._shipped: list[dict[str, Any]] = []
        self._agreed: list[tuple[str, str]] = []
        self._needless: list[int] = []

    def flush(self, connection: Connection) -> None:
        records.change(connection, self._records)
        crosswalk.record_changes(connection, self._owner, self._crossings)
        crosswalk.drop(connection, self._owner, self._needless)
        crosswalk.log(connection, self._log)
        records.set_aside(connection, "load", self._letters)
        holds.put(connection, self._journey.flow.holds, self._held_back)
        holds.passed(connection, [*self._settled, *(letter.record for letter in self._letters)])
        records.close_older_letters(connection, self._settled, "settled by this version or a newer one", itself=True)
        if self._settled:
            log.info("settled", records=[record.id for record in self._settled])
        flow = self._journey.flow
        crosswalk.acknowledge(connection, flow.source, flow.target, flow.entity, self._told)
        forget(connection, flow.target, self._doubted_skus)
        order_lines.keep(connection, self._lines)
        shipped.keep(connection, self._shipped)
        for key, status in self._agreed:
            crosswalk.agree(connection, flow.target, flow.source, "order", key, status)
        self._records, self._crossings, self._log, self._letters, self._settled, self._told = [], [], [], [], [], []
        self._held_back = []
        self._doubted_skus, self._lines, self._shipped, self._agreed, self._needless = set(), [], [], [], []

    # ends and waits of a record ---------------------------------------------------------------------------------------------------

    def superseded(self, record: Record) -> None:
        self._end(record, SUPERSEDED, "a newer version of it is in the target")

    def unchanged(self, record: Record, crossing: Crossing, content: str, note: str = "") -> None:
        """Nothing that the target holds has changed, so nothing is sent; a record that was never acknowledged still is."""
        self._crossings.append({"id": crossing.id, "delivered_version": record.version, "delivered_hash": content, **NO_INTENT, **FREE})
        self._settled.append(record)
        if crossing.acknowledged_at is not None or self._journey.flow.entity != "order":
            self._end(record, UNCHANGED, "; ".join(filter(None, ("nothing that the target holds has changed", note))))
        else:
            self._records.append({"id": record.id, "state": BOOKED, "booked_at": clock.now(), "due_at": None, "reason": None})

    def later(self, record: Record, seconds: float, why: str, *, spend: bool) -> None:
        due = clock.now() + timedelta(seconds=seconds)
        self._records.append({"id": record.id, "due_at": due, "reason": why, "attempts": record.attempts + (1 if spend else 0)})

    def behind(self, record: Record, crossing: Crossing, seconds: float, why: str) -> None:
        """Later, and the claim is for whoever comes before it."""
        self._crossings.append({"id": crossing.id, **FREE})
        self.later(record, seconds, why, spend=False)

    def failed(self, record: Record, error: SyncError) -> None:
        """Again later where the failure may pass, to a person where it may not or has come too often."""
        if isinstance(error, (Limited, Waiting)):
            self.later(record, error.retry_after, str(error), spend=False)
        elif isinstance(error, (Unreachable, Unauthorized)):
            self.later(record, ASK_AGAIN_SECONDS, str(error), spend=False)
        elif isinstance(error, Transient) and record.attempts + 1 < self._journey.flow.max_attempts:
            wait = ASK_AGAIN_SECONDS if isinstance(error, NoAnswer) else backoff(record.attempts + 1)
            self.later(record, max(wait, error.retry_after or 0.0), str(error), spend=True)
        elif isinstance(error, Held):
            self._held_back.append(Aside(record, error))
        else:
            self._letters.append(Aside(record, error))

    def acknowledged(self, record: Record, refusal: SyncError | None) -> None:
        note = f"the source would not be told: {refusal}" if refusal else None
        self._records.append({"id": record.id, "state": DONE, "finished_at": clock.now(), "due_at": None, "reason": note})
        self._told.append(record.source_key)

    # outcomes -------------------------------------------------------------------------------------------------------------------

    def customer(
        self, crossing: Crossing, matches: Sequence[Crossing], version: str, content: str, outcome: Outcome, sent_at: datetime
    ) -> str | SyncError:
        """Note what became of a customer, and of the claims on what `matches` it; gives its key in the target, or the failure that its
        orders share."""
        self._tell(crossing, None, outcome, sent_at, "customer")
        if isinstance(outcome, Delivered):
            remote = outcome.remote
            # One that was found there holds what others wrote; of one that we made we know the content.
            told = {"delivered_hash": content, "delivered_version": version} if outcome.operation == "created" else {}
            self._crossings.append(
                {"id": crossing.id, "target_key": remote.key, "target_version": remote.version, **told, **NO_INTENT, **FREE}
            )
            self._needless += [match.id for match in matches]
            return remote.key
        if isinstance(outcome, Unanswered):
            self._crossings += [{"id": one.id, "resend_after": outcome.resend_after, **FREE} for one in (crossing, *matches)]
            return Waiting("the customer of this order was sent and not answered; it is looked up again", _look_again(outcome))
        assert isinstance(outcome, Failed)
        intent = self._intent_after(crossing, outcome.error)
        self._crossings.append({"id": crossing.id, **intent, **FREE})
        if intent == NO_INTENT:
            self._needless += [match.id for match in matches]
        else:
            self._crossings += [{"id": match.id, **intent, **FREE} for match in matches]
        return outcome.error

    def customer_change(self, crossing: Crossing, version: str, content: str, outcome: Outcome, sent_at: datetime) -> None:
        """Note what an order changed on a customer. Where it failed the next order tells it again; this one is booked all the same."""
        if isinstance(outcome, Delivered):
            if outcome.operation == "updated":
                self._tell(crossing, None, outcome, sent_at, "customer")
            self._crossings.append({"id": crossing.id, "delivered_version": version, "delivered_hash": content, **FREE})
        else:
            self._tell(crossing, None, outcome, sent_at, "customer")
            self._crossings.append({"id": crossing.id, **FREE})

    def record(
        self, record: Record, crossing: Crossing, content: str, about: Mapping[str, Any], outcome: Outcome, sent_at: datetime
    ) -> None:
        """Note what became of a record. `about` is what validate put beside its body."""
        flow = self._journey.flow
        self._tell(crossing, record, outcome, sent_at, flow.entity)
        if isinstance(outcome, Delivered):
            agreed = {"agreed": about["status"]} if "status" in about else {}
            self._crossings.append(
                {**self._held(crossing, outcome, record.version), "delivered_hash": content, **agreed, **NO_INTENT, **FREE}
            )
            self._lines += order_lines.rows(flow, record.source_key, outcome.remote.key, about.get("lines", ()))
            self._shipped += shipped.rows(flow.target, record.source_key, about)
            if "echo" in about:
                self._agreed.append(about["echo"])
            done = crossing.acknowledged_at is not None or "exported" not in about
            moment = clock.now()
            self._records.append(
                {
                    "id": record.id,
                    "state": DONE if done else BOOKED,
                    "booked_at": moment,
                    "finished_at": moment if done else None,
                    "due_at": None,
                    "reason": outcome.note or None,
                }
            )
            self._settled.append(record)
        elif isinstance(outcome, Skipped):
            self._crossings.append({"id": crossing.id, **NO_INTENT, **FREE})
            self._end(record, SKIPPED, outcome.why)
            self._settled.append(record)
        elif isinstance(outcome, Unanswered):
            self._unanswered(record, crossing, outcome)
        else:
            if outcome.delivered is not None:
                intent = {} if isinstance(outcome.error, NoAnswer) else NO_INTENT
                self._crossings.append({**self._held(crossing, outcome.delivered, crossing.delivered_version), **intent, **FREE})
                self._lines += order_lines.rows(flow, record.source_key, outcome.delivered.remote.key, about.get("lines", ()))
            else:
                self._crossings.append({"id": crossing.id, **self._intent_after(crossing, outcome.error), **FREE})
            if any(fault.field.lower().endswith("sku") for fault in outcome.error.fields):
                self._doubted_skus.update(about.get("skus", ()))
            self.failed(record, outcome.error)

    def _unanswered(self, record: Record, crossing: Crossing, outcome: Unanswered) -> None:
        """One more look soon, for an answer that was only late; then none before it may be sent again."""
        moment = clock.now()
        resend_after = outcome.resend_after
        if outcome.sent:
            resend_after = max(resend_after, moment + timedelta(seconds=backoff(record.attempts + 1)))
        self._crossings.append({"id": crossing.id, "resend_after": resend_after, **FREE})
        if outcome.sent and record.attempts + 1 >= self._journey.flow.max_attempts:
            self._letters.append(Aside(record, outcome.error))
        else:
            wait = _look_again(outcome) if outcome.sent else (resend_after - moment).total_seconds()
            self.later(record, max(wait, 0.1), str(outcome.error), spend=outcome.sent)

    def _held(self, crossing: Crossing, delivered: Delivered, version: str | None) -> dict[str, Any]:
        return {
            "id": crossing.id,
            "target_key": delivered.remote.key,
            "target_version": delivered.remote.version,
            "delivered_version": version,
            "delivered": self._house.vault.seal(dict(delivered.members)),
        }

    def _intent_after(self, crossing: Crossing, error: SyncError) -> dict[str, Any]:
        """An intent of ours that surely had no effect is taken back; one of an earlier worker stays as it was."""
        if crossing.intent is None:
            return {} if error.kind == "bug" or isinstance(error, NoAnswer) else NO_INTENT
        return {"intent": crossing.intent, "intent_at": crossing.intent_at, "resend_after": crossing.resend_after}

    def _tell(self, crossing: Crossing, record: Record | None, outcome: Outcome, sent_at: datetime, entity: str) -> None:
        operation, word, key, message = "send", "", None, None
        if isinstance(outcome, Delivered):
            operation, word, key, message = outcome.operation, "ok", outcome.remote.key, outcome.note or None
        elif isinstance(outcome, Skipped):
            return
        else:
            if isinstance(outcome.error, (Limited, Waiting, Held)):
                return
            word, message = outcome.error.kind, records.reason(outcome.error)
            if isinstance(outcome, Failed) and outcome.delivered is not None:
                operation, key = outcome.delivered.operation, outcome.delivered.remote.key
        self._log.append(
            {
                "crosswalk_id": crossing.id,
                "record_id": record.id if record else None,
                "operation": f"{entity} {operation}",
                "sent_at": sent_at,
                "answered_at": clock.now(),
                "outcome": word,
                "target_key": key,
                "message": message,
            }
        )

    def _end(self, record: Record, state: str, why: str) -> None:
        self._records.append({"id": record.id, "state": state, "finished_at": clock.now(), "due_at": None, "reason": why})


def _look_again(outcome: Unanswered) -> float:
    """How soon an unanswered request is looked up: the answer may only be late, but a system that asks for a pause gets it."""
    asked = outcome.error.retry_after if isinstance(outcome.error, Transient) else None
    return max(ASK_AGAIN_SECONDS, asked or 0.0)
