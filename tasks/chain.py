"""Rings the bell of a batch's next stage. A message carries ids; its lane is its priority, and Flower shows it as a person would say it."""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from celery.exceptions import OperationalError
from sqlalchemy import Engine

from celeryconfig import PRIORITY
from integration.ledger import batches
from integration.ledger.batches import Due
from integration.settings import Settings
from tasks.app import app

log = structlog.get_logger()


def ring(settings: Settings, bells: Iterable[Due]) -> None:
    """Never fails: a bell that is not heard is rung again by the sweeper."""
    for bell in bells:
        flow = settings.flows.get(bell.flow)
        if flow is None:
            log.warning("a batch waits for a flow that is not configured", flow=bell.flow, batch=bell.batch_id)
            continue
        records = "" if bell.stage == "extract" else f", {bell.size} record{'s' if bell.size != 1 else ''}"
        lane = "retries" if bell.again and bell.lane == "live" else bell.lane
        try:
            app.send_task(
                bell.stage,
                (bell.batch_id, bell.flow),
                priority=PRIORITY[lane],
                argsrepr=f"{bell.flow} {flow.source}→{flow.target} batch {bell.batch_id}{records}",
                kwargsrepr="",
            )
        except OperationalError:
            log.warning("Redis does not answer; the sweeper rings later", batch=bell.batch_id, stage=bell.stage)
            return


def ring_batches(settings: Settings, engine: Engine, ids: Iterable[int]) -> None:
    """Ring for these batches at the stage they are at now."""
    wanted = list(ids)
    if wanted:
        ring(settings, batches.bells(engine, wanted))
