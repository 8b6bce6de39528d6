"""Derives a UTC clock for every movie time from GPS readings.

GPSU stamps each payload, jitters by tenths of a second, is stale or years off before the first fix, and may
jump; GPS9 stamps each sample. Both give points (movie time, UTC); the clock is the line through the points
that agree. If media time is not real time (`playback_rate`), UTC is interpolated between the points
themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from eddyline.gpmf.payloads import Floats, Int64s
from eddyline.gpmf.playback_rate import GpsTimeline, build_gps_timeline, is_real_time, select_readings

Y2000 = 946684800.0  # 2000-01-01T00:00:00Z in POSIX seconds: day 0 of GPS9
DAY_S = 86400.0
FIX_2D = 2
_MIN_WINDOW_S = 0.5
_MADS = 6.0
_JUMP_S = 2.5  # jitter is less
_SLOPE_SPAN_S = 60.0  # drift cannot be measured in a shorter recording
_SLOPE_POINTS = 8
_MAX_DRIFT = 3e-4
MEDIA_TIME, GPS_TIME = "media time", "GPS time"


@dataclass(frozen=True, kw_only=True)
class UtcClock:
    """UTC of media times; `used` of `given` GPS readings agreed.

    If media time is real time: POSIX seconds = offset + (1 + drift) x media seconds. If not (TimeWarp,
    time-lapse, slow motion), `real_time` contains the readings to interpolate; `offset` is then that of
    media time 0, and 1 + drift the average speed, so that the formula is only approximate.
    """

    offset: float
    drift: float
    used: int
    given: int
    real_time: GpsTimeline | None = field(default=None, repr=False, compare=False)

    @property
    def rule(self) -> str:
        """The source of UTC: "media time" (a line through the readings), or "GPS time" (each reading)."""
        return MEDIA_TIME if self.real_time is None else GPS_TIME

    @property
    def speed(self) -> float:
        """Real seconds for each media second: 10 in a TimeWarp of 10x, 1 if media time is real time."""
        return 1.0 if self.real_time is None else self.real_time.speed

    def at(self, times: Floats) -> Floats:
        """POSIX seconds (UTC) of media times."""
        if self.real_time is not None:
            return self.real_time.at(times)
        return self.offset + times * (1.0 + self.drift)

    def datetime(self, time_s: float) -> datetime:
        """One media time as a datetime in UTC."""
        return datetime.fromtimestamp(float(self.at(np.array([time_s]))[0]), tz=UTC)


def build_clock(
    times: Floats, posix: Floats, payload: Int64s, *, time_lapse: bool = False
) -> UtcClock | None:
    """The clock from GPS readings at media times (NaN: no reading); None without readings.

    `payload` numbers the payload of each reading; `time_lapse` is set by the camera's settings.
    """
    valid = select_readings(times, posix, payload)
    if not is_real_time(valid, time_lapse=time_lapse) and (found := build_gps_timeline(valid)) is not None:
        offset = float(found.at(np.zeros(1))[0])
        given = int((np.isfinite(posix) & np.isfinite(times)).sum())
        return UtcClock(
            offset=offset, drift=found.speed - 1.0, used=len(found.times), given=given, real_time=found
        )
    return fit_clock(times, posix)


def fit_clock(times: Floats, posix: Floats) -> UtcClock | None:
    """The line through these points without outliers; None without points."""
    valid = np.isfinite(posix) & np.isfinite(times)
    given = int(valid.sum())
    if not given:
        return None
    when, offset = _after_clock_jump(times[valid], posix[valid] - times[valid])
    middle = float(np.median(offset))
    spread = float(np.median(np.abs(offset - middle))) * 1.4826
    near = np.abs(offset - middle) <= max(_MIN_WINDOW_S, _MADS * spread)
    when, offset = when[near], offset[near]
    drift, base = 0.0, float(np.mean(offset))
    if len(when) >= _SLOPE_POINTS and float(np.ptp(when)) >= _SLOPE_SPAN_S:
        across = when - when.mean()
        slope = float(across @ (offset - base)) / float(across @ across)
        if abs(slope) <= _MAX_DRIFT:
            drift, base = slope, base - slope * float(when.mean())
    return UtcClock(offset=base, drift=drift, used=len(when), given=given)


def _after_clock_jump(when: Floats, offset: Floats) -> tuple[Floats, Floats]:
    """The readings; if they form two distant halves, the later half: the clock was set between them."""
    order = np.argsort(offset, kind="stable")
    low, high = int(order[(len(order) - 1) // 2]), int(order[len(order) // 2])
    if not offset[high] - offset[low] > _JUMP_S:
        return when, offset
    half = offset >= offset[high] if when[high] > when[low] else offset <= offset[low]
    return when[half], offset[half]


def parse_gpsu(text: str) -> float:
    """GPSU ("yymmddhhmmss.sss") in POSIX seconds; NaN if it is not a date."""
    digits = text[:12]
    if len(digits) < 12 or not (digits.isascii() and digits.isdecimal()):  # noqa: PLR2004 - yymmddhhmmss
        return float("nan")
    year, month, day, hour, minute, second = (int(digits[at : at + 2]) for at in range(0, 12, 2))
    fraction = text[12:16]
    try:
        seconds = datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
        return seconds + (float(fraction) if len(fraction) > 1 else 0.0)
    except ValueError:
        return float("nan")


def parse_all_gpsu(texts: Sequence[str | None]) -> Floats:
    """Many GPSU values; None and invalid texts become NaN."""
    return np.array([float("nan") if text is None else parse_gpsu(text) for text in texts])
