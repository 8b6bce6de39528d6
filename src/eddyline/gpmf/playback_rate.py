"""Detects from GPS time whether media time is real time: TimeWarp, time-lapse, slow motion.

A camera plays ten real seconds in one second of media (TimeWarp, time-lapse, night-lapse), or stretches one
second over eight (slow motion). GPMF does not have to declare this; the GPS readings show it. A reading
pairs the media time of a sample with the UTC that the camera recorded for it. Features of ordinary
recordings are not mistaken for it: readings that jitter by a second, that repeat without a fix, and
clocks that jump.

The excess of an interval between two readings is the UTC that passed minus the media time that passed. Media
time is not real time if either holds:

1. the excesses add up to more than 5 s and 5 % of the range, without the largest tenth of them (clock jumps);
2. all excesses have one sign and nearly one size, at least 0.3 of the media time, and 2.5 s in total.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eddyline.gpmf.payloads import Floats, Int64s

_JUMPS = 0.1  # fraction of the intervals that may be clock jumps
_MIN_SUM_S, _MIN_SUM = 5.0, 0.05
_SMALL_S, _EPSILON_S = 2.5, 0.01
_SPIKE_S, _SPIKE = 5.0, 3.0
_SPREAD, _MIN_PACE, _MIN_STEADY_S = 0.5, 0.3, 2.5
_MIN_READINGS = 4
_JUMP_S, _JUMP_FACTOR, _BACK_S = 30.0, 10.0, 2.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Readings:
    """GPS readings in the order of media time: float64[n] media seconds, float64[n] POSIX seconds.

    `first` are the numbers of the readings to evaluate, one per payload: within a payload, samples may come
    in bursts.
    """

    times: Floats
    posix: Floats
    first: Int64s


@dataclass(frozen=True, kw_only=True, eq=False)
class GpsTimeline:
    """UTC if media time is not real time: knots (media seconds, POSIX seconds) that both increase.

    usual: the median of UTC seconds per media second.
    """

    times: Floats
    posix: Floats
    usual: float

    @property
    def speed(self) -> float:
        """UTC seconds per media second over the whole recording."""
        return float((self.posix[-1] - self.posix[0]) / (self.times[-1] - self.times[0]))

    def at(self, times: Floats) -> Floats:
        """POSIX seconds of media times: interpolated between knots, at the usual speed outside."""
        inside = np.interp(times, self.times, self.posix)
        early = self.posix[0] + (times - self.times[0]) * self.usual
        late = self.posix[-1] + (times - self.times[-1]) * self.usual
        utc: Floats = np.where(times < self.times[0], early, np.where(times > self.times[-1], late, inside))
        return utc


def select_readings(times: Floats, posix: Floats, payload: Int64s) -> Readings:
    """The valid readings (NaN: unknown), sorted by media time; `payload` numbers their payloads.

    A reading that repeats the previous one is stale, or the receiver has no new reading: only the first
    counts.
    """
    valid = np.flatnonzero(np.isfinite(times) & np.isfinite(posix))
    valid = valid[np.argsort(times[valid], kind="stable")]
    valid = valid[np.diff(posix[valid], prepend=np.nan) != 0]
    valid = valid[np.diff(times[valid], prepend=-np.inf) > 0]
    valid = valid[_without_spikes(posix[valid])]
    first = np.flatnonzero(np.diff(payload[valid], prepend=-1) != 0)
    if len(first) < _MIN_READINGS:
        first = np.arange(len(valid))
    return Readings(times=times[valid], posix=posix[valid], first=first)


def _without_spikes(posix: Floats) -> npt.NDArray[np.bool_]:
    """Which readings are near their neighbours; the others are single wrong readings."""
    kept = np.ones(len(posix), dtype=bool)
    before, here, after = posix[:-2], posix[1:-1], posix[2:]
    distance = np.abs(here - (before + after) / 2)
    kept[1:-1] = distance <= _SPIKE_S + _SPIKE * np.abs(after - before)
    return kept


def is_real_time(readings: Readings, *, time_lapse: bool = False) -> bool:
    """Whether media time passes as UTC does (rules 1 and 2 above).

    Two readings cannot distinguish a different speed from a clock jump: then `time_lapse`, from the camera's
    settings, decides.
    """
    times, posix = readings.times[readings.first], readings.posix[readings.first]
    passed = np.diff(times)
    excess = np.diff(posix) - passed
    if len(excess) < 2:  # noqa: PLR2004 - one interval
        return not (time_lapse and len(excess) and abs(float(excess[0])) > _BACK_S)
    usual = np.sort(np.abs(excess))[-1 - int(np.ceil(len(excess) * _JUMPS))]
    # If readings lag increasingly and then catch up, small jumps cancel the lag, so they are included.
    bound = max(_SMALL_S, 2 * usual)
    steady, whole = excess[np.abs(excess) <= usual + _EPSILON_S].sum(), np.clip(excess, -bound, bound).sum()
    total = min(abs(steady), abs(whole)) if np.sign(steady) == np.sign(whole) else 0.0
    if total > max(_MIN_SUM_S, _MIN_SUM * float(passed.sum())):
        return False
    if len(times) < _MIN_READINGS:
        return True
    middle = float(np.median(excess))
    uniform = bool((np.sign(excess) == np.sign(middle)).all()) and np.ptp(excess) <= _SPREAD * abs(middle)
    paced = abs(middle) >= _MIN_PACE * float(np.median(passed)) and abs(excess.sum()) >= _MIN_STEADY_S
    return not (uniform and paced)


def build_gps_timeline(readings: Readings) -> GpsTimeline | None:
    """UTC from the readings, without those before or after a clock jump.

    None if fewer than two readings agree.
    """
    per_payload = _PayloadReadings(times=readings.times[readings.first], posix=readings.posix[readings.first])
    speeds = np.diff(per_payload.posix) / np.diff(per_payload.times)
    rising = speeds[speeds > 0]
    if not len(rising):
        return None
    usual = float(np.median(rising))
    kept = _consistent_runs(per_payload, usual)
    times, posix = per_payload.times[kept], np.maximum.accumulate(per_payload.posix[kept])
    if len(times) < 2 or posix[-1] <= posix[0]:  # noqa: PLR2004 - a speed needs two
        return None
    speed = float((posix[-1] - posix[0]) / (times[-1] - times[0]))
    speed = float(np.median(np.diff(posix) / np.diff(times))) or speed
    within = _is_consistent(readings, times, posix, usual)
    return GpsTimeline(
        times=readings.times[within], posix=np.maximum.accumulate(readings.posix[within]), usual=speed
    )


def _is_consistent(readings: Readings, times: Floats, posix: Floats, usual: float) -> npt.NDArray[np.bool_]:
    """Which readings are between the UTC of the surrounding readings (`times`, `posix`)."""
    after = np.searchsorted(times, readings.times, side="right")
    before = np.maximum(after - 1, 0)
    late = posix[-1] + _JUMP_FACTOR * usual * (readings.times - times[-1]) + _BACK_S
    least = np.where(after > 0, posix[before] - _BACK_S, np.inf)
    most = np.where(after < len(times), posix[np.minimum(after, len(times) - 1)] + _BACK_S, late)
    return np.asarray((readings.posix >= least) & (readings.posix <= most))


@dataclass(frozen=True, kw_only=True, eq=False)
class _PayloadReadings:
    """One reading per payload."""

    times: Floats
    posix: Floats


def _consistent_runs(readings: _PayloadReadings, usual: float) -> npt.NDArray[np.int64]:
    """Readings of the longest (latest) run without a jump, and of other runs whose clock agrees with it."""
    passed, rise = np.diff(readings.times), np.diff(readings.posix)
    beside = np.pad(np.abs(rise), 1, constant_values=0.0)
    reference = np.maximum(np.maximum(beside[:-2], beside[2:]), usual * passed)
    jumps = (rise < -_BACK_S) | ((rise > _JUMP_S) & (rise > _JUMP_FACTOR * reference))
    runs = np.split(np.arange(len(readings.times)), np.flatnonzero(jumps) + 1)
    main = max(range(len(runs)), key=lambda number: (len(runs[number]), number))
    kept = runs[main]
    for run in runs[main + 1 :]:
        if _is_continuous(readings, int(kept[-1]), int(run[0]), usual):
            kept = np.concatenate([kept, run])
    for run in reversed(runs[:main]):
        if _is_continuous(readings, int(run[-1]), int(kept[0]), usual):
            kept = np.concatenate([run, kept])
    return kept


def _is_continuous(readings: _PayloadReadings, earlier: int, later: int, usual: float) -> bool:
    """Whether the clock passes from one reading to a later one at a plausible speed."""
    rise = float(readings.posix[later] - readings.posix[earlier])
    passed = float(readings.times[later] - readings.times[earlier])
    return -_BACK_S <= rise <= max(_JUMP_S, _JUMP_FACTOR * usual * passed)
