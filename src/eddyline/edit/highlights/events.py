"""Events: what happens when, with the evidence; and the runs of samples that detectors build them from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]

MAX_EVENTS: Final = 500
"""Events of one kind in one recording; a detector that finds more keeps those with the highest scores."""

DECIMALS: Final = 4
"""Of times (0.1 ms), scores and measured values: equal on every machine."""


_BATCH = 8192  # windows that are copied at a time


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of event.

    `weight` is the score of a segment that contains nothing but the strongest event of this kind. A segment
    starts `lead_s` before the event and ends `trail_s` after it. Of an event that is too long for a segment,
    the part around the peak is used, a share of `before` of it before the peak.
    """

    name: str
    weight: float
    lead_s: float
    trail_s: float
    before: float = 0.5


KINDS: Final[dict[str, Kind]] = {
    row.name: row
    for row in (
        Kind(name="hilight", weight=1.0, lead_s=0.0, trail_s=0.0, before=0.8),
        Kind(name="airtime", weight=0.9, lead_s=1.0, trail_s=1.0),
        Kind(name="spin", weight=0.75, lead_s=0.7, trail_s=0.7),
        Kind(name="impact", weight=0.7, lead_s=1.5, trail_s=1.0),
        Kind(name="speed", weight=0.6, lead_s=0.5, trail_s=0.5),
        Kind(name="braking", weight=0.6, lead_s=1.0, trail_s=1.0),
        Kind(name="loudness", weight=0.5, lead_s=0.8, trail_s=0.8),
        Kind(name="face", weight=0.5, lead_s=0.3, trail_s=0.3),
    )
}
"""By name. The order is that of ties: a HiLight was set by the user."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event [start_s, end_s) in movie seconds, strongest at `peak_s`.

    `score` from 0 to 1 compares events of one `kind`. `values` are the measurements it is based on; the unit
    is the end of each name ("lowest_g", "duration_s").
    """

    kind: str
    start_s: float
    end_s: float
    peak_s: float
    score: float
    values: Mapping[str, float] = field(default_factory=dict, hash=False)

    @property
    def weighted(self) -> float:
        """The score among events of all kinds."""
        return KINDS[self.kind].weight * self.score

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "kind": self.kind,
            "start_s": self.start_s,
            "end_s": self.end_s,
            "peak_s": self.peak_s,
            "score": self.score,
            "values": dict(self.values),
        }


def make_event(
    kind: str, start_s: float, end_s: float, peak_s: float, score: float, **values: float
) -> Event:
    """An event with rounded numbers; the score is limited to 0 to 1."""
    return Event(
        kind=kind,
        start_s=_rounded(start_s),
        end_s=_rounded(end_s),
        peak_s=_rounded(min(max(peak_s, start_s), end_s)),
        score=_rounded(min(max(score, 0.0), 1.0)),
        values={name: _rounded(value) for name, value in values.items()},
    )


def strongest(events: Iterable[Event], count: int = MAX_EVENTS) -> tuple[Event, ...]:
    """At most `count` events, those with the highest scores, in order of time."""
    best = sorted(events, key=lambda each: (-each.score, each.peak_s))[:count]
    return tuple(sorted(best, key=lambda each: (each.start_s, each.end_s)))


def ramp(value: float, low: float, high: float, *, base: float = 0.3) -> float:
    """A score: `base` at the value `low`, rising linearly to 1 at `high`."""
    share = (value - low) / (high - low)
    return base + (1 - base) * min(max(share, 0.0), 1.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Runs:
    """Runs of samples: the first and the last sample of each, int64[k], both included."""

    first: Int64s
    last: Int64s

    def __len__(self) -> int:
        return len(self.first)

    def where(self, kept: Bools) -> Runs:
        """The runs whose entry in `kept` is True."""
        return Runs(first=self.first[kept], last=self.last[kept])

    def seconds(self, times: Floats, period_s: float) -> Floats:
        """The duration of each run, float64[k]: up to one period after its last sample."""
        return times[self.last] - times[self.first] + period_s


def find_runs(mask: Bools, times: Floats, *, gap_s: float, bridge_s: float = 0.0) -> Runs:
    """The runs of samples with `mask`, in order.

    A run ends at a sample without the mask, unless the next one with it follows within `bridge_s`, and where
    samples are missing for more than `gap_s`.
    """
    inside = np.flatnonzero(mask).astype(np.int64)
    if not len(inside):
        return Runs(first=inside, last=inside)
    elapsed = np.diff(times[inside])
    breaks = np.where(np.diff(inside) > 1, elapsed > bridge_s, elapsed > gap_s)
    at = np.flatnonzero(breaks)
    first = np.concatenate((inside[:1], inside[at + 1]))
    return Runs(first=first, last=np.concatenate((inside[at], inside[-1:])))


def sliding_median(values: Floats, before: int, after: int) -> Floats:
    """The median of the values from `before` entries before each one to `after` entries after it.

    Beyond the ends, the first and the last value are repeated.
    """
    if not len(values):
        return values
    padded = np.pad(values, (before, after), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, before + after + 1)
    middle = (before + after) // 2
    batches = (windows[at : at + _BATCH] for at in range(0, len(windows), _BATCH))
    return np.concatenate([np.partition(batch, middle, axis=1)[:, middle] for batch in batches])


def moving_average(values: Floats, count: int) -> Floats:
    """The average of `count` values around each value of the last axis.

    Beyond the ends, the first and the last value are repeated.
    """
    if count <= 1 or not values.shape[-1]:
        return values
    before, after = count // 2 + 1, (count - 1) // 2  # one more for the difference of sums
    edges = [(0, 0)] * (values.ndim - 1)
    total = np.cumsum(np.pad(values, (*edges, (before, after)), mode="edge"), axis=-1)
    averages: Floats = (total[..., count:] - total[..., :-count]) / count
    return averages


def _rounded(value: float) -> float:
    return round(float(value), DECIMALS) + 0.0  # no negative zero
