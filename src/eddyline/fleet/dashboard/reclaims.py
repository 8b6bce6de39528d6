"""The largest reclaim of Spot Instances in five minutes, and the time until they were replaced."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eddyline.fleet.dashboard.grouping import UNKNOWN
from eddyline.fleet.dashboard.machines import INTERRUPTION_CODE, SPOT_CODE, Machines
from eddyline.fleet.dashboard.quantiles import Quantiles, quantiles_of
from eddyline.fleet.dashboard.window import Floats, Window

RECLAIM_S = 300.0
REPLACED_WITHIN_S = 3600.0
"""A launch later than this after an interruption does not count as its replacement."""


@dataclass(frozen=True, kw_only=True)
class Reclaim:
    """Interruptions of which none began more than five minutes after the first, at `start`."""

    start: float
    instances: int
    vcpu: int
    pools: tuple[str, ...]
    zones: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Replacements:
    """The seconds from the notice of an interruption (or its end) to a launch in the same pool.

    Each launch replaces one interruption. `missing` interruptions had no launch within an hour: their
    capacity was not needed, or not available.
    """

    seconds: Quantiles
    missing: int


def largest_reclaim(machines: Machines, window: Window) -> Reclaim | None:
    """The largest of the interruptions that ended in the window, by when they began; None without any.

    An interruption begins with its notice, or its end if there was none.
    """
    ended = machines.terminated
    chosen = machines.where(
        (machines.ended_by == INTERRUPTION_CODE) & (ended >= window.start) & (ended < window.stop)
    )
    if not len(chosen):
        return None
    began = _began(chosen)
    order = np.argsort(began, kind="stable")
    times = began[order]
    counts = np.searchsorted(times, times + RECLAIM_S, side="right") - np.arange(len(times))
    first = int(counts.argmax())
    found = chosen.where(order[first : first + int(counts[first])])
    words = machines.words
    return Reclaim(
        start=float(times[first]),
        instances=len(found),
        vcpu=int(found.vcpu.sum()),
        pools=tuple(sorted({words.pool.texts[code] or UNKNOWN for code in found.pool})),
        zones=tuple(sorted({words.zone.texts[code] or UNKNOWN for code in found.zone})),
    )


def replacements(machines: Machines, window: Window, now: float) -> Replacements:
    """How fast the interruptions that ended in the window were replaced.

    `machines` must contain those that were launched up to an hour after the window, and that were interrupted
    in the hour before it: their replacements do not count twice. An interruption that began less than an
    hour before `now` and is not replaced yet does not count.
    """
    waits: list[Floats] = []
    missing = 0
    for pool, began, ended in _interruptions(machines, window.start - REPLACED_WITHIN_S, window.stop):
        launches = np.sort(machines.launched[machines.pool == pool])
        wait = np.array(_waits(began, launches), np.float64)
        replaced, counts = wait <= REPLACED_WITHIN_S, ended >= window.start
        waits.append(wait[replaced & counts])
        missing += int((~replaced & counts & (now - began > REPLACED_WITHIN_S)).sum())
    return Replacements(seconds=quantiles_of(np.concatenate(([], *waits))), missing=missing)


def _waits(began: Floats, launches: Floats) -> list[float]:
    """The seconds from each interruption to the launch that replaces it; longer than an hour: none does."""
    launched = [*launches.tolist(), math.inf]
    first = np.searchsorted(launches, began, side="left").tolist()
    following, waits = 0, []
    for at, earliest in zip(began.tolist(), first, strict=True):
        if following < earliest:  # noqa: PLR1730 - `max` takes three times as long
            following = earliest
        wait = launched[following] - at
        if wait <= REPLACED_WITHIN_S:
            following += 1
        waits.append(wait)
    return waits


def _began(machines: Machines) -> Floats:
    return np.where(np.isnan(machines.warned), machines.terminated, machines.warned)


def _interruptions(machines: Machines, start: float, stop: float) -> Iterator[tuple[int, Floats, Floats]]:
    """For each pool (its code), when the interruptions of Spot Instances began and ended, in order."""
    ended = machines.terminated
    chosen = machines.where(
        (machines.ended_by == INTERRUPTION_CODE)
        & (machines.lifecycle == SPOT_CODE)
        & (ended >= start)
        & (ended < stop)
    )
    began = _began(chosen)
    for pool in np.unique(chosen.pool).tolist():
        places = np.flatnonzero(chosen.pool == pool)
        places = places[np.lexsort((chosen.terminated[places], began[places]))]
        yield pool, began[places], chosen.terminated[places]
