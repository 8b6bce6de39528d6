"""How long jobs occupy a slot, measured from jobs that were done: seconds per weight, by pool and kind.

The measure is the time in a slot, not CPU time: a slot holds its vCPU also while its job waits for storage,
and capacity that counts CPU time would not do the work in time.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from statistics import median

from eddyline.graph.pool_load import EndedStart

DEFAULT_S = 0.1
"""Seconds per weight of a kind that was never measured: a weight of 1 is about the encoding of one frame."""

_RECENT = 200  # jobs of one kind that count
_MIN_WEIGHT = 1e-6


class WorkRates:
    """The median of recent jobs, by pool and kind: an outlier, such as a job that hung, changes little.

    Kinds that did not end recently keep their last rate.
    """

    def __init__(self) -> None:
        self._rates: dict[tuple[str, str], float] = {}

    def measure(self, ended: Iterable[EndedStart]) -> None:
        """Replace the rates of the kinds in `ended`, which lists the latest jobs first."""
        recent: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)
        for each in ended:
            values = recent[each.pool, each.kind]
            if each.weight >= _MIN_WEIGHT and each.seconds >= 0 and len(values) < _RECENT:
                values.append(each.seconds / each.weight)
        self._rates |= {key: median(values) for key, values in recent.items() if values}

    def is_measured(self, pool: str) -> bool:
        """Whether any kind of the pool was measured."""
        return any(known == pool for known, _ in self._rates)

    def seconds(self, pool: str, kind: str, weight: float) -> float:
        """Seconds that jobs of a kind with this total weight occupy a slot."""
        return self._rates.get((pool, kind), DEFAULT_S) * max(weight, 0.0)
