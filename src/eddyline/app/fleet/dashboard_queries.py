"""The reports of the Spot dashboard: each is computed from a view."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eddyline.app.fleet.dashboard import View
from eddyline.app.fleet.dashboard_reports import (
    Capacity,
    DrainBucket,
    DrainReport,
    Interruptions,
    MachineCounts,
    Running,
    SavingsReport,
    Summary,
    SurvivalGroup,
    SurvivalReport,
)
from eddyline.fleet.dashboard.capacity import capacity_of, sampled_minutes
from eddyline.fleet.dashboard.drains import drains_of, grouped_drains, histogram
from eddyline.fleet.dashboard.grouping import ALL, UNKNOWN, Grouping, texts_of
from eddyline.fleet.dashboard.machines import INTERRUPTION_CODE, SPOT_CODE, Machines
from eddyline.fleet.dashboard.rates import CONFIDENCE, rates_of, total_rate
from eddyline.fleet.dashboard.reclaims import largest_reclaim, replacements
from eddyline.fleet.dashboard.survival import survival_of
from eddyline.fleet.dashboard.usage import SPOT_TARGET, savings_of, usage_of
from eddyline.fleet.dashboard.window import Floats, Ints
from eddyline.graph.ledger.fleet import interrupted_work, samples
from eddyline.graph.ledger.ledger import Ledger

_CURVES = 12
_HOUR_S = 3600.0


def summary(view: View) -> Summary:
    """The headline figures."""
    machines, window = view.machines, view.window
    curve = _Cohort.of(machines, view).curve(ALL)
    ended = machines.terminated < window.stop
    words = view.known.words
    return Summary(
        range=view.range,
        machines=MachineCounts(
            ran=len(machines),
            running=int((~ended).sum()),
            interrupted=int((ended & (machines.ended_by == INTERRUPTION_CODE)).sum()),
            scaled_in=int((ended & (machines.ended_by == 2)).sum()),  # noqa: PLR2004 - a code of ENDS
            ended_otherwise=int((ended & (machines.ended_by == 3)).sum()),  # noqa: PLR2004 - likewise
            peak_running=_peak(machines, view),
            incomplete=view.incomplete,
        ),
        interruptions=total_rate(view.cube),
        usage=usage_of(view.cube, Grouping.ALL)[0],
        spot_target=SPOT_TARGET,
        savings=savings_of(view.cube, Grouping.ALL)[0],
        prices=view.price_count,
        drains=drains_of(ALL, view.interrupted_work),
        survival_median_s=curve.median_s,
        survival_at_60_min=curve.survival_at_60_min,
        largest_reclaim=largest_reclaim(machines, window),
        replacements=replacements(view.recent, window, view.now),
        pools=_names(words.pool.texts),
        types=_names(words.type.texts),
        zones=_names(words.zone.texts),
    )


def _names(texts: tuple[str, ...]) -> list[str]:
    return [text or UNKNOWN for text in sorted(texts, key=lambda text: (not text, text))]


def _peak(machines: Machines, view: View) -> int:
    """The greatest number of machines that ran at the same time in the window."""
    launched = np.maximum(machines.launched, view.window.start)
    known = ~np.isnan(machines.launched) & (launched < view.window.stop)
    begins = np.sort(launched[known])
    ends = np.sort(machines.terminated[known & (machines.terminated < view.window.stop)])
    # A machine that ends at the same time as another begins is counted as before it.
    running = np.arange(1, len(begins) + 1) - np.searchsorted(ends, begins, side="right")
    return int(running.max(initial=0))


def interruptions(view: View, by: Grouping) -> Interruptions:
    """The interruption rates."""
    warned = ~np.isnan(view.machines.warned) & np.isnan(view.machines.terminated)
    return Interruptions(
        range=view.range,
        by=by,
        confidence=CONFIDENCE,
        total=total_rate(view.cube),
        groups=rates_of(view.cube, by),
        unfollowed=int((warned & (view.machines.lifecycle == SPOT_CODE)).sum()),
        incomplete=view.incomplete,
    )


def running(view: View, by: Grouping) -> Running:
    """The running machines and the share of Spot."""
    return Running(
        range=view.range,
        by=by,
        spot_target=SPOT_TARGET,
        total=usage_of(view.cube, Grouping.ALL)[0],
        groups=usage_of(view.cube, by),
        incomplete=view.incomplete,
    )


def capacity(view: View, ledger: Ledger) -> Capacity:
    """Capacity against backlog, of the pool of the filters or of all; types and zones are not sampled."""
    minutes, interval = sampled_minutes(view.window)
    found = ledger.read(lambda connection: samples.at_minutes(connection, minutes))
    if view.filters.pool:
        found = [each for each in found if each[1] == view.filters.pool]
    return Capacity(range=view.range, sample_interval_s=interval, pools=capacity_of(found, view.window))


def savings(view: View, by: Grouping) -> SavingsReport:
    """What Spot saved."""
    return SavingsReport(
        range=view.range,
        by=by,
        prices=view.price_count,
        total=savings_of(view.cube, Grouping.ALL)[0],
        groups=savings_of(view.cube, by),
    )


def drains(view: View, by: Grouping, ledger: Ledger) -> DrainReport:
    """Notice to drained, and redone work."""
    filters, window = view.filters, view.window
    redone = ledger.read(lambda c: interrupted_work.redone_work(c, window.start, window.stop))
    attributable = not (filters.instance_type or filters.zone)
    return DrainReport(
        range=view.range,
        by=by,
        total=drains_of(ALL, view.interrupted_work),
        groups=grouped_drains(view.interrupted_work, *_codes(view.interrupted, by)),
        histogram=[
            DrainBucket(at_most_s=None if math.isinf(bound) else bound, machines=count)
            for bound, count in histogram(view.interrupted_work).items()
        ],
        redone=[each for each in redone if attributable and filters.pool in {"", each.pool}],
    )


def survival(view: View, by: Grouping) -> SurvivalReport:
    """The survival curves: of all, and of the groups with the most launches."""
    machines = view.machines
    cohort = _Cohort.of(machines, view)
    groups: list[SurvivalGroup] = []
    if by is not Grouping.ALL:
        column, keys = _codes(machines, by)
        codes = column[cohort.places]
        counts = np.bincount(codes, minlength=len(keys))
        most = sorted(range(len(keys)), key=lambda code: (-counts[code], keys[code]))[:_CURVES]
        groups = [cohort.curve(keys[code], codes == code) for code in most if counts[code]]
    return SurvivalReport(range=view.range, by=by, total=cohort.curve(ALL), groups=groups)


def _codes(machines: Machines, by: Grouping) -> tuple[Ints, list[str]]:
    """The group of each machine, and the keys of the groups."""
    if by is Grouping.ALL:
        return np.zeros(len(machines), np.int64), [ALL]
    column = {Grouping.POOL: machines.pool, Grouping.TYPE: machines.type, Grouping.ZONE: machines.zone}[by]
    return column, [text or UNKNOWN for text in texts_of(machines, by)]


@dataclass(frozen=True, kw_only=True)
class _Cohort:
    """The Spot Instances launched in a window (`places` in its machines), followed to its end."""

    places: Ints
    ages_s: Floats
    interrupted: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, machines: Machines, view: View) -> _Cohort:
        window = view.window
        launched = (machines.launched >= window.start) & (machines.launched < window.stop)
        places = np.flatnonzero((machines.lifecycle == SPOT_CODE) & launched)
        terminated = machines.terminated[places]
        return cls(
            places=places,
            ages_s=np.fmin(terminated, window.stop) - machines.launched[places],
            interrupted=(machines.ended_by[places] == INTERRUPTION_CODE) & (terminated < window.stop),
        )

    def curve(self, key: str, chosen: npt.NDArray[np.bool_] | None = None) -> SurvivalGroup:
        """The survival curve of the chosen ones, or of all."""
        part: Any = slice(None) if chosen is None else chosen
        found = survival_of(self.ages_s[part], self.interrupted[part])
        return SurvivalGroup(
            key=key,
            instances=found.instances,
            interruptions=found.interruptions,
            censored=found.censored,
            median_s=found.median_s,
            survival_at_60_min=found.at(_HOUR_S),
            longest_s=found.longest_s,
            points=list(found.points),
        )
