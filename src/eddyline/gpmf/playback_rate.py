"""Whether media time is real time, judged by GPS time: TimeWarp, time-lapse, slow motion.

A camera plays ten seconds of the world in one second of media (TimeWarp, time-lapse, night-lapse), or
stretches one over eight (slow motion). Nothing in GPMF has to state it; the GPS readings show it. A reading
pairs the media time of a sample with the UTC that the camera noted for it. What an ordinary recording may
contain is not mistaken for it: readings that jitter by a second, that repeat while there is no fix, and
clocks that leap.

The excess of an interval between two readings is the UTC that passed less the media time that passed. Media
time is not real time where either holds:
1. the excesses add up to more than 5 s and 5 % of the span, the largest tenth of them (leaps) left out;
2. all excesses have one sign and nearly one size, at least 0.3 of the media time, and 2.5 s in all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eddyline.gpmf.payloads import Floats, Int64s

_LEAPS = 0.1  # share of the intervals that may be leaps of the clock
_LEAST_SUM_S, _LEAST_SUM = 5.0, 0.05
_SMALL_S, _HAIR_S = 2.5, 0.01
_SPIKE_S, _SPIKE = 5.0, 3.0
_ALIKE, _LEAST_PACE, _LEAST_ALIKE_S = 0.5, 0.3, 2.5
_FEWEST_ALIKE = 4
_LEAP_S, _LEAP_TIMES, _BACK_S = 30.0, 10.0, 2.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Readings:
    """GPS readings in the order of media time: float64[n] media seconds, float64[n] POSIX seconds.

    `first` are the readings to judge by, one for each payload: within one, samples may be taken in bursts.
    """

    times: Floats
    posix: Floats
    first: Int64s


@dataclass(frozen=True, kw_only=True, eq=False)
class GpsTimeline:
    """UTC where media time is not real time: knots (media seconds, POSIX seconds) that both increase.

    usual: median of UTC seconds for each media second.
    """

    times: Floats
    posix: Floats
    usual: float

    @property
    def speed(self) -> float:
        """UTC seconds for each media second, over all."""
        return float((self.posix[-1] - self.posix[0]) / (self.times[-1] - self.times[0]))

    def at(self, times: Floats) -> Floats:
        """POSIX seconds of media times: on the lines between knots, at the usual speed outside of them."""
        inside = np.interp(times, self.times, self.posix)
        early = self.posix[0] + (times - self.times[0]) * self.usual
        late = self.posix[-1] + (times - self.times[-1]) * self.usual
        found: Floats = np.where(times < self.times[0], early, np.where(times > self.times[-1], late, inside))
        return found


def select_readings(times: Floats, posix: Floats, payload: Int64s) -> Readings:
    """The known readings among these (NaN: unknown), sorted by media time; `payload` numbers theirs.

    A reading that repeats the one before is stale, or the receiver has nothing new yet: the first counts.
    """
    known = np.flatnonzero(np.isfinite(times) & np.isfinite(posix))
    known = known[np.argsort(times[known], kind="stable")]
    known = known[np.diff(posix[known], prepend=np.nan) != 0]
    known = known[np.diff(times[known], prepend=-np.inf) > 0]
    known = known[_unlike_a_spike(posix[known])]
    first = np.flatnonzero(np.diff(payload[known], prepend=-1) != 0)
    if len(first) < _FEWEST_ALIKE:
        first = np.arange(len(known))
    return Readings(times=times[known], posix=posix[known], first=first)


def _unlike_a_spike(posix: Floats) -> npt.NDArray[np.bool_]:
    """Which readings lie between their neighbours, more or less; the others are single wrong ones."""
    kept = np.ones(len(posix), dtype=bool)
    before, here, after = posix[:-2], posix[1:-1], posix[2:]
    away = np.abs(here - (before + after) / 2)
    kept[1:-1] = away <= _SPIKE_S + _SPIKE * np.abs(after - before)
    return kept


def is_real_time(found: Readings, *, time_lapse: bool = False) -> bool:
    """Whether media time passes as UTC does (rules 1 and 2 above).

    Two readings cannot tell a pace from a leap of the clock: then `time_lapse`, what the camera's settings
    say, decides.
    """
    times, posix = found.times[found.first], found.posix[found.first]
    passed = np.diff(times)
    excess = np.diff(posix) - passed
    if len(excess) < 2:  # noqa: PLR2004 - one interval
        return not (time_lapse and len(excess) and abs(float(excess[0])) > _BACK_S)
    usual = np.sort(np.abs(excess))[-1 - int(np.ceil(len(excess) * _LEAPS))]
    # Where readings lag more and more and then catch up, small leaps undo the rest: they count after all.
    bound = max(_SMALL_S, 2 * usual)
    steady, whole = excess[np.abs(excess) <= usual + _HAIR_S].sum(), np.clip(excess, -bound, bound).sum()
    total = min(abs(steady), abs(whole)) if np.sign(steady) == np.sign(whole) else 0.0
    if total > max(_LEAST_SUM_S, _LEAST_SUM * float(passed.sum())):
        return False
    if len(times) < _FEWEST_ALIKE:
        return True
    middle = float(np.median(excess))
    alike = bool((np.sign(excess) == np.sign(middle)).all()) and np.ptp(excess) <= _ALIKE * abs(middle)
    paced = abs(middle) >= _LEAST_PACE * float(np.median(passed)) and abs(excess.sum()) >= _LEAST_ALIKE_S
    return not (alike and paced)


def build_gps_timeline(found: Readings) -> GpsTimeline | None:
    """UTC by the readings themselves, without those from before or after a leap of the clock.

    None where fewer than two readings agree.
    """
    each = _Each(times=found.times[found.first], posix=found.posix[found.first])
    speeds = np.diff(each.posix) / np.diff(each.times)
    rising = speeds[speeds > 0]
    if not len(rising):
        return None
    usual = float(np.median(rising))
    kept = _agreeing(each, usual)
    times, posix = each.times[kept], np.maximum.accumulate(each.posix[kept])
    if len(times) < 2 or posix[-1] <= posix[0]:  # noqa: PLR2004 - a pace needs two
        return None
    speed = float((posix[-1] - posix[0]) / (times[-1] - times[0]))
    speed = float(np.median(np.diff(posix) / np.diff(times))) or speed
    within = _within(found, times, posix, usual)
    return GpsTimeline(
        times=found.times[within], posix=np.maximum.accumulate(found.posix[within]), usual=speed
    )


def _within(found: Readings, times: Floats, posix: Floats, usual: float) -> npt.NDArray[np.bool_]:
    """Which of all readings lie between the UTC of the readings (`times`, `posix`) around them."""
    after = np.searchsorted(times, found.times, side="right")
    before = np.maximum(after - 1, 0)
    late = posix[-1] + _LEAP_TIMES * usual * (found.times - times[-1]) + _BACK_S
    least = np.where(after > 0, posix[before] - _BACK_S, np.inf)
    most = np.where(after < len(times), posix[np.minimum(after, len(times) - 1)] + _BACK_S, late)
    return np.asarray((found.posix >= least) & (found.posix <= most))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Each:
    """One reading for each payload."""

    times: Floats
    posix: Floats


def _agreeing(found: _Each, usual: float) -> npt.NDArray[np.int64]:
    """Readings of the longest (latest) run without a leap, and of other runs whose clock agrees with it."""
    passed, rise = np.diff(found.times), np.diff(found.posix)
    beside = np.pad(np.abs(rise), 1, constant_values=0.0)
    calm = np.maximum(np.maximum(beside[:-2], beside[2:]), usual * passed)
    leaps = (rise < -_BACK_S) | ((rise > _LEAP_S) & (rise > _LEAP_TIMES * calm))
    runs = np.split(np.arange(len(found.times)), np.flatnonzero(leaps) + 1)
    main = max(range(len(runs)), key=lambda number: (len(runs[number]), number))
    kept = runs[main]
    for run in runs[main + 1 :]:
        if _follows(found, int(kept[-1]), int(run[0]), usual):
            kept = np.concatenate([kept, run])
    for run in reversed(runs[:main]):
        if _follows(found, int(run[-1]), int(kept[0]), usual):
            kept = np.concatenate([run, kept])
    return kept


def _follows(found: _Each, one: int, other: int, usual: float) -> bool:
    """Whether the clock passes from one reading to a later one at a likely speed."""
    rise = float(found.posix[other] - found.posix[one])
    passed = float(found.times[other] - found.times[one])
    return -_BACK_S <= rise <= max(_LEAP_S, _LEAP_TIMES * usual * passed)
