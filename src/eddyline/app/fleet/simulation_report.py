"""The figures of a simulation beside those that were measured in a range of time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eddyline.app.fleet.dashboard import View
from eddyline.app.fleet.dashboard_reports import Range
from eddyline.app.fleet.simulation import FIGURES, SimulatedInterval, Simulation, SimulationFile
from eddyline.core.errors import UsageError
from eddyline.fleet.dashboard.grouping import Grouping
from eddyline.fleet.dashboard.rates import total_rate
from eddyline.fleet.dashboard.usage import savings_of, usage_of
from eddyline.graph.ledger.catalogue.ready_times import ready_times
from eddyline.graph.ledger.fleet.work_sums import WorkSums, sum_work
from eddyline.graph.ledger.ledger import Ledger

_KEEP_S, _MOST_KEPT = 60.0, 8
BELOW, WITHIN, ABOVE = "below", "within", "above"


@dataclass(frozen=True, kw_only=True)
class ComparedFigure:
    """A simulated figure; `measured_is`: where the measured one lies, "" where it is not known."""

    mean: float
    low: float
    high: float
    measured_is: str


@dataclass(frozen=True, kw_only=True)
class ComparedPolicy:
    """The figures of a policy by their names; None: the simulation does not have it."""

    name: str
    label: str
    figures: Mapping[str, ComparedFigure | None]


@dataclass(frozen=True, kw_only=True)
class ComparedSimulation:
    """A simulation whose policies were tuned for `deadline`."""

    name: str
    created: str
    deadline: str
    policies: Sequence[ComparedPolicy]


@dataclass(frozen=True, kw_only=True)
class SimulationComparison:
    """`measured`: the figures of the range by their names, None: not known.

    `simulation` is None without a file. `problem`: why the file cannot be read, "" otherwise.
    """

    range: Range
    measured: Mapping[str, float | None]
    simulation: ComparedSimulation | None
    problem: str


class SimulationComparer:
    """Compares with the simulation of a file. Safe from any thread.

    Sums over the starts of a year take seconds, and pages ask each minute: they are kept for a minute.
    """

    def __init__(self, ledger: Ledger, file: SimulationFile) -> None:
        self._ledger, self._file = ledger, file
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[float, float, str], tuple[float, WorkSums]] = OrderedDict()

    def compare(self, view: View) -> SimulationComparison:
        """The comparison of a view. Without a file, nothing is measured."""
        problem, found = "", None
        try:
            found = self._file.read()
        except UsageError as error:
            problem = f"{error}; {error.remedy}"
        measured: dict[str, float | None] = dict.fromkeys(FIGURES)
        if found is not None:
            measured |= self._measured(view)
        return SimulationComparison(
            range=view.range,
            measured=measured,
            simulation=None if found is None else _compared(found, measured),
            problem=problem,
        )

    def _measured(self, view: View) -> dict[str, float | None]:
        window, filters = view.window, view.filters
        rates = total_rate(view.cube)
        hours = (min(window.stop, view.now) - window.start) / 3600
        found: dict[str, float | None] = {
            "saved_own": savings_of(view.cube, Grouping.ALL)[0].saved_share,
            "spot_share": usage_of(view.cube, Grouping.ALL)[0].spot_share,
            "interruptions_per_hour": rates.interruptions / hours if rates.instance_hours else None,
        }
        if filters.instance_type or filters.zone:
            return found
        sums = self._sums(view)
        found["redone_share"] = sums.redone_s / sums.counted_s if sums.counted_s else None
        if not filters.pool:
            times = self._ledger.read(lambda c: ready_times(c, window.start, window.stop))
            if times:
                p50, p99 = np.quantile(times, (0.5, 0.99), method="inverted_cdf").tolist()
                found |= {"p50_s": p50, "p99_s": p99}
        return found

    def _sums(self, view: View) -> WorkSums:
        window, pool = view.window, view.filters.pool
        key = (window.start // _KEEP_S, window.stop // _KEEP_S, pool)
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or not 0 <= view.now - kept[0] < _KEEP_S:
                sums = self._ledger.read(lambda c: sum_work(c, window.start, window.stop, pool=pool))
                kept = self._kept[key] = view.now, sums
                while len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
            return kept[1]


def _compared(found: Simulation, measured: Mapping[str, float | None]) -> ComparedSimulation:
    return ComparedSimulation(
        name=found.name,
        created=found.created,
        deadline=found.deadline,
        policies=[
            ComparedPolicy(
                name=each.name,
                label=each.label or each.name,
                figures={
                    name: None if interval is None else _figure(interval, measured.get(name))
                    for name, interval in each.figures.items()
                },
            )
            for each in found.policies
        ],
    )


def _figure(interval: SimulatedInterval, measured: float | None) -> ComparedFigure:
    place = ""
    if measured is not None:
        place = BELOW if measured < interval.low else ABOVE if measured > interval.high else WITHIN
    return ComparedFigure(mean=interval.mean, low=interval.low, high=interval.high, measured_is=place)


def comparison_rows(found: SimulationComparison) -> Iterator[Sequence[object]]:
    """Rows of a CSV: policy, figure, measured, mean, low, high, and where the measured one lies."""
    for policy in found.simulation.policies if found.simulation else ():
        for name, each in policy.figures.items():
            if each is not None:
                yield (
                    policy.name,
                    name,
                    found.measured[name],
                    each.mean,
                    each.low,
                    each.high,
                    each.measured_is,
                )


COLUMNS = ("policy", "figure", "measured", "mean", "low", "high", "measured_is")
