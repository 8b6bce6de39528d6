"""The range of time that the dashboard shows, and the steps of its charts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import UsageError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
SHORTEST_S = 60.0
LONGEST_S = 366.0 * _DAY_S
_MAX_STEPS = 54  # a year has 53 weeks, and its ends are in two more
_STEPS_S = (
    *(_MINUTE_S * minutes for minutes in (1, 5, 10, 15, 30)),
    *(_HOUR_S * hours for hours in (1, 2, 4, 6, 12)),
    *(_DAY_S * days for days in (1, 2, 7)),
)
_MONDAY_S = 4 * _DAY_S  # 1970-01-05: steps of a week begin on Mondays


@dataclass(frozen=True, kw_only=True)
class Window:
    """From `start` to before `stop`, in seconds since 1970, in steps of `step_s`.

    The steps begin at multiples of their length (UTC), so the first and the last may be shorter.
    """

    start: float
    stop: float
    step_s: int

    @property
    def length_s(self) -> float:
        """The length in seconds."""
        return self.stop - self.start

    @cached_property
    def edges(self) -> Floats:
        """The start of each step, and the end of the last."""
        offset = _MONDAY_S if self.step_s == _STEPS_S[-1] else 0
        first = (math.floor((self.start - offset) / self.step_s) + 1) * self.step_s + offset
        inner = np.arange(first, self.stop, self.step_s, dtype=np.float64)
        return np.concatenate(([self.start], inner, [self.stop]))

    @property
    def steps(self) -> int:
        """The number of steps."""
        return len(self.edges) - 1

    def index(self, times: Floats) -> Ints:
        """The step that contains each of the times, which must be within the window."""
        found = np.searchsorted(self.edges, times, side="right") - 1
        return np.clip(found, 0, self.steps - 1).astype(np.int64)


def window_of(start: float, stop: float, *, now: float) -> Window:
    """The window from `start` to `stop`, or to now if that is earlier. Raises `UsageError`."""
    if not (math.isfinite(start) and math.isfinite(stop)):
        raise UsageError("the range of time is not a number", remedy="pass seconds since 1970, or ISO 8601")
    if start >= now:
        raise UsageError("the range of time is in the future", remedy="pass a `from` that is in the past")
    stop = min(stop, now)
    if not SHORTEST_S <= stop - start <= LONGEST_S:
        raise UsageError(
            f"the range of time is {stop - start:,.0f} s long",
            remedy=f"pass `from` and `to` that are {SHORTEST_S:.0f} s to 366 days apart",
        )
    return Window(start=start, stop=stop, step_s=_step(stop - start))


def _step(length_s: float) -> int:
    return next((step for step in _STEPS_S if length_s / step <= _MAX_STEPS), _STEPS_S[-1])
