"""Metrics of a coordinator."""

from __future__ import annotations

from eddyline.observe.metrics import LedgerMetrics


class CoordinatorMetrics(LedgerMetrics):
    """What one coordinator did. Safe from any thread."""

    def __init__(self) -> None:
        super().__init__()
        self._actions = self._counter("coordinator_actions", "What a coordinator did", ("what",))

    def hear_note(self, what: str, count: int) -> None:
        """Count what it did."""
        if count > 0:
            self._actions.labels(what).inc(count)
