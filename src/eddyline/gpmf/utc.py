"""UTC: from what GPS says now and then to a clock for every movie time.

GPSU stamps each payload, jitters by tenths of a second, is stale or years off before the first fix, and may
jump; GPS9 stamps each sample. Both give points (movie time, UTC); the clock is the line through those that
agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from eddyline.gpmf.payloads import Floats

Y2000 = 946684800.0  # 2000-01-01T00:00:00Z in POSIX seconds: where GPS9's days begin
DAY_S = 86400.0
FIX_2D = 2
_LEAST_WINDOW_S = 0.5
_MADS = 6.0
_SLOPE_SPAN_S = 60.0  # a shorter recording says nothing about drift
_SLOPE_POINTS = 8
_MOST_DRIFT = 3e-4


@dataclass(frozen=True, kw_only=True)
class UtcClock:
    """POSIX seconds = offset + (1 + drift) x movie time; `used` of `given` points agreed."""

    offset: float
    drift: float
    used: int
    given: int

    def at(self, times: Floats) -> Floats:
        """POSIX seconds (UTC) of movie times."""
        return self.offset + times * (1.0 + self.drift)

    def datetime(self, time_s: float) -> datetime:
        """One movie time as a datetime in UTC."""
        return datetime.fromtimestamp(self.offset + time_s * (1.0 + self.drift), tz=UTC)


def fit(times: Floats, posix: Floats) -> UtcClock | None:
    """The clock through these points; outliers are left out. None where there are none."""
    known = np.isfinite(posix) & np.isfinite(times)
    given = int(known.sum())
    if not given:
        return None
    when, offset = times[known], posix[known] - times[known]
    middle = float(np.median(offset))
    spread = float(np.median(np.abs(offset - middle))) * 1.4826
    near = np.abs(offset - middle) <= max(_LEAST_WINDOW_S, _MADS * spread)
    when, offset = when[near], offset[near]
    drift, base = 0.0, float(np.mean(offset))
    if len(when) >= _SLOPE_POINTS and float(np.ptp(when)) >= _SLOPE_SPAN_S:
        across = when - when.mean()
        slope = float(across @ (offset - base)) / float(across @ across)
        if abs(slope) <= _MOST_DRIFT:
            drift, base = slope, base - slope * float(when.mean())
    return UtcClock(offset=base, drift=drift, used=len(when), given=given)


def parse_gpsu(text: str) -> float:
    """GPSU ("yymmddhhmmss.sss") in POSIX seconds; NaN where it is no date."""
    digits = text[:12]
    if len(digits) < 12 or not (digits.isascii() and digits.isdecimal()):  # noqa: PLR2004 - yymmddhhmmss
        return float("nan")
    year, month, day, hour, minute, second = (int(digits[at : at + 2]) for at in range(0, 12, 2))
    fraction = text[12:16]
    try:
        whole = datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
        return whole + (float(fraction) if len(fraction) > 1 else 0.0)
    except ValueError:
        return float("nan")


def parse_all(texts: Sequence[str | None]) -> Floats:
    """Many GPSU; None and nonsense are NaN."""
    return np.array([float("nan") if text is None else parse_gpsu(text) for text in texts])
