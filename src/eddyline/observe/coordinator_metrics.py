"""Metrics of a coordinator."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from eddyline.observe.metrics import FunctionCollector, LedgerMetrics
from eddyline.observe.polled_values import PolledValues


class CoordinatorMetrics(LedgerMetrics):
    """The metrics of one coordinator. Safe from any thread."""

    def __init__(self) -> None:
        super().__init__()
        self._actions = self._counter("coordinator_actions", "Actions of a coordinator", ("what",))

    def watch_dead_letters(self, watch: PolledValues[int]) -> None:
        """Expose the number of messages in the dead-letter queue."""
        self.registry.register(FunctionCollector(partial(_read_dead_letters, watch)))

    def record_action(self, what: str, count: int) -> None:
        """Count an action."""
        if count > 0:
            self._actions.labels(what).inc(count)


def _read_dead_letters(watch: PolledValues[int]) -> Iterable[Metric]:
    """The last known depth of the dead-letter queue; nothing before the first reading."""
    if watch.latest is not None:
        yield GaugeMetricFamily(
            "eddyline_dead_letters", "Messages in the dead-letter queue", value=watch.latest
        )
