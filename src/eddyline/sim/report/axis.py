"""Axes of charts: from values to places, and ticks with labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_HOUR_S, _DAY_S = 3600.0, 86_400.0
_MOST_TICKS = 6
_TIMES = (
    (1.0, "1 s"),
    (10.0, "10 s"),
    (60.0, "1 min"),
    (300.0, "5 min"),
    (900.0, "15 min"),
    (_HOUR_S, "1 h"),
    (6 * _HOUR_S, "6 h"),
    (_DAY_S, "1 d"),
    (7 * _DAY_S, "7 d"),
    (30 * _DAY_S, "30 d"),
)
_ELAPSED: tuple[tuple[float, str, tuple[float, ...]], ...] = (
    (60.0, "min", (1, 2, 5, 10, 15, 30)),
    (_HOUR_S, "h", (1, 2, 3, 6, 12)),
    (_DAY_S, "d", (1, 2, 5, 7, 10, 14, 30, 60, 90, 180, 365)),
)
_NINES = ((0.0, "0 %"), (0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %"))


@dataclass(frozen=True, kw_only=True)
class Axis:
    """`scale` turns values into places from 0 to 1; `ticks` are places with labels; `title` has the unit."""

    title: str
    scale: Callable[[Floats], Floats]
    ticks: tuple[tuple[float, str], ...]

    def place(self, value: float) -> float:
        """The place of one value."""
        return float(self.scale(np.array([value]))[0])


def linear_axis(title: str, most: float, *, parts: int = _MOST_TICKS, whole: bool = False) -> Axis:
    """From 0 to the first round tick at or above `most`; `whole`: ticks are whole numbers."""
    if not 0 < most < math.inf:
        most = 1.0
    step = _round_step(most / parts)
    if whole:
        step = max(step, 1.0)
    count = math.ceil(most / step - 1e-9)
    end = count * step
    ticks = [(number * step, _number(number * step)) for number in range(count + 1)]
    return _axis(title, lambda each: each / end, ticks)


def share_axis(title: str, least: float) -> Axis:
    """From a round share below `least` (0 to 1) to 100 %."""
    room = max(1.0 - least, 1e-4)
    step = _round_step(room / (_MOST_TICKS - 1))
    low = max(1.0 - math.ceil(room / step - 1e-9) * step, 0.0)
    values = [low + number * step for number in range(round((1 - low) / step) + 1)]
    digits = max(-math.floor(math.log10(step * 100) + 1e-9), 0)
    return _axis(
        title, lambda each: (each - low) / (1 - low), [(v, f"{v * 100:.{digits}f} %") for v in values]
    )


def elapsed_axis(end_s: float, *, title: str = "time since the start") -> Axis:
    """From 0 to `end_s` seconds, in minutes, hours or days."""
    end_s = max(end_s, 1.0)
    steps = ((unit_s, name, step) for unit_s, name, steps in _ELAPSED for step in steps)
    longest = (_DAY_S, "d", _round_step(end_s / _DAY_S / _MOST_TICKS))
    unit_s, name, step = next((each for each in steps if end_s / each[0] / each[2] <= _MOST_TICKS), longest)
    count = int(end_s / unit_s / step + 1e-9) + 1
    ticks = [(number * step * unit_s, f"{number * step:g} {name}") for number in range(count)]
    return _axis(title, lambda each: each / end_s, ticks)


def log_time_axis(title: str, least_s: float, most_s: float) -> Axis:
    """A logarithmic axis of durations, from at least a second, with ticks at usual ones."""
    low = max(least_s, 1.0)
    high = max(most_s, low * 2)
    span = math.log(high / low)
    ticks = [(at, label) for at, label in _TIMES if low <= at <= high]
    return _axis(title, lambda each: np.log(np.maximum(each, low) / low) / span, ticks)


def nines_axis(title: str, most: float) -> Axis:
    """Cumulative shares: each step towards 100 % divides by ten what is left, up to at least `most`."""
    shown = next((each for each, _ in _NINES[3:] if most <= each), _NINES[-1][0])
    span = -math.log10(1 - shown)
    ticks = [each for each in _NINES if each[0] <= shown]
    return _axis(title, lambda each: np.minimum(-np.log10(np.maximum(1 - each, 1e-12)) / span, 1.0), ticks)


def _axis(title: str, scale: Callable[[Floats], Floats], ticks: Iterable[tuple[float, str]]) -> Axis:
    found = list(ticks)
    places = scale(np.array([value for value, _ in found]))
    return Axis(
        title=title,
        scale=scale,
        ticks=tuple(
            (float(place), label)
            for place, (_, label) in zip(places, found, strict=True)
            if 0 <= place <= 1 + 1e-9
        ),
    )


def _round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten, at least this."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))


def _number(value: float) -> str:
    value = round(value, 10)
    if value >= 1e6:  # noqa: PLR2004 - a million
        return f"{value / 1e6:g} M"
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"
