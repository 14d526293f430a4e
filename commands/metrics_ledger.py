"""What Prometheus is told: read from the ledger at each scrape, so that it is right after any restart of anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine

from connectors.registry import definition
from integration import clock
from integration.ledger import calls
from integration.ledger.batches import STAGES
from integration.ledger.budgets import use
from integration.ledger.calls import LONGER, UP_TO_MS, WEBHOOK
from integration.ledger.counts import Counts, count
from integration.ledger.pulses import pulses
from integration.ports import Limits
from integration.settings import Settings


class Ledger(Collector):
    """No count reads the records that are done, so a scrape of a ledger that has grown costs no more."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._engine = engine
        self._flows = list(settings.flows)
        self._limits: dict[str, Limits] = {name: definition(one).limits for name, one in settings.connections.items()}

    def collect(self) -> Iterator[Metric]:
        counts = count(self._engine)
        yield from self._flow_metrics(counts)
        yield _gauge("dead_letters", "Dead letters that wait for a person.", ["flow", "cause"], counts.dead_letters)
        yield _gauge("holds", "Records that wait for what is missing.", ["flow", "kind"], counts.holds)
        stages: dict[Any, float] = {stage: counts.batches_due.get(stage, 0) for stage in STAGES}
        yield _gauge("batches_due", "Batches that are due or being worked on.", ["stage"], stages)
        yield _gauge("alerts", "Alerts that are open.", ["kind"], counts.alerts)
        yield _gauge(
            "webhook_age_seconds",
            "Age of the oldest webhook that nobody took.",
            ["connection"],
            self._each(self._limits, counts.webhook_age),
        )
        yield _gauge("pulse_age_seconds", "How long ago a part last moved.", ["part", "host"], self._pulse_ages())
        yield from self._budgets()
        yield from self._calls()

    def _flow_metrics(self, counts: Counts) -> Iterator[Metric]:
        yield _gauge("waiting", "Records that wait for their time.", ["flow"], self._each(self._flows, counts.waiting))
        yield _gauge(
            "lag_seconds", "Age of the oldest record that is not through, holds apart.", ["flow"], self._each(self._flows, counts.lag)
        )
        yield _gauge("stage_lag_seconds", "The same of the records in front of a stage.", ["flow", "stage"], counts.stage_lag)
        ages = self._each(self._flows, counts.cursor_age)
        yield _gauge("cursor_age_seconds", "How long ago the last look for something new began.", ["flow"], ages)
        yield _gauge("stock_due", "SKUs whose stock is to be published.", ["flow"], counts.stock_due)
        passed = CounterMetricFamily("integration_records", "Records that have passed a stage.", labels=["flow", "stage", "lane"])
        for labels, number in counts.passed.items():
            passed.add_metric(labels, number)
        yield passed

    @staticmethod
    def _each(names: Iterable[str], values: Mapping[str, float]) -> dict[Any, float]:
        return {name: values.get(name, 0) for name in names}

    def _pulse_ages(self) -> dict[Any, float]:
        moment = clock.now()
        return {where: (moment - at).total_seconds() for where, at in pulses(self._engine).items() if " " not in where[0]}

    def _budgets(self) -> Iterator[Metric]:
        used, paused = {}, {}
        for name, limits in self._limits.items():
            now = use(self._engine, name, limits.per_seconds)
            used[name] = now.requests / limits.requests
            paused[name] = now.pause is not None
        yield _gauge("budget_used_ratio", "Share of the allowed requests that is used.", ["connection"], used)
        yield _gauge("budget_paused", "1 while nobody may send on the connection.", ["connection"], paused)

    def _calls(self) -> Iterator[Metric]:
        webhooks = CounterMetricFamily("integration_webhooks", "Webhooks that came, by what we answered.", labels=["connection", "outcome"])
        family = HistogramMetricFamily(
            "integration_api_seconds", "Duration of the calls of a system.", labels=["connection", "operation", "outcome"]
        )
        counted: dict[tuple[str, str, str], dict[int, calls.Calls]] = {}
        for key, some in calls.counted(self._engine):
            counted.setdefault((key.connection, key.operation, key.outcome), {})[key.up_to_ms] = some
        for labels, by_duration in counted.items():
            so_far = 0
            buckets = []
            for up_to in (*UP_TO_MS, LONGER):
                so_far += by_duration[up_to].calls if up_to in by_duration else 0
                buckets.append(("+Inf" if up_to == LONGER else str(up_to / 1000), so_far))
            if labels[1] == WEBHOOK:
                webhooks.add_metric([labels[0], labels[2]], so_far)
            else:
                family.add_metric(labels, buckets, sum(one.seconds for one in by_duration.values()))
        yield family
        yield webhooks


def _gauge(name: str, text: str, labels: Sequence[str], values: Mapping[Any, float]) -> Metric:
    """A value's key is that of its one label, or a tuple of all."""
    family = GaugeMetricFamily(f"integration_{name}", text, labels=labels)
    for key, value in values.items():
        family.add_metric([key] if isinstance(key, str) else key, value)
    return family
