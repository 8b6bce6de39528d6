"""The samples of a run as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from eddyline.sim.engine.result import RunResult
from eddyline.sim.report.axis import Floats
from eddyline.sim.report.decimate import kept_points

_MOST_ROWS = 2000  # of a policy in a CSV file, about
FIELDS = ("at", "spot", "on_demand", "booting", "busy", "waiting", "cost_usd", "interruptions")
_SERIES_IN_ROWS = ("spot", "on_demand", "booting", "busy", "waiting")


@dataclass(frozen=True, kw_only=True)
class FleetSeries:
    """One array for each field of `Sample`, all of one length."""

    fields: Mapping[str, Floats]

    def __getitem__(self, name: str) -> Floats:
        return self.fields[name]

    def __len__(self) -> int:
        return len(self.fields["at"])

    @property
    def capacity(self) -> Floats:
        """The reference slots of all instances, booting ones included."""
        return self["spot"] + self["on_demand"]

    def rows(self, label: str) -> list[tuple[object, ...]]:
        """Rows of a CSV file: all samples, or of many those with the peaks of each stretch of time."""
        if not len(self):
            return []
        at = self["at"]
        end = float(at[-1]) or 1.0
        kept = kept_points(
            at / end,
            *(self[each] for each in _SERIES_IN_ROWS),
            columns=_MOST_ROWS // (2 + len(_SERIES_IN_ROWS)),
        )
        values = [self[each][kept].tolist() for each in FIELDS]
        return [(label, *(float(f"{each:.9g}") for each in row)) for row in zip(*values, strict=True)]


def series_of(run: RunResult) -> FleetSeries:
    """The arrays of a run's samples."""
    get = attrgetter(*FIELDS)
    table = np.array([get(each) for each in run.samples], dtype=np.float64).reshape(-1, len(FIELDS))
    return FleetSeries(fields={name: table[:, place] for place, name in enumerate(FIELDS)})


def end_of(series: Mapping[str, FleetSeries]) -> float:
    """The time of the last sample of all runs, in seconds; at least 1."""
    return max((float(each["at"][-1]) for each in series.values() if len(each)), default=1.0) or 1.0
