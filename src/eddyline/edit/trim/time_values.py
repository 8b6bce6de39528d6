"""Parses times from the command line: seconds, hh:mm:ss.fff, or frames (120f)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from eddyline.core.errors import UsageError
from eddyline.mp4.presentation import Presentation

_FRAMES = re.compile(r"(\d{1,12})f", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(?:(\d{1,6}):)?(\d{1,4}):)?(\d{1,9}(?:[.,]\d{1,12})?)")
_NUMBER = re.compile(r"[+-]?\d{1,9}(?:[.,]\d{1,12})?")
_SIXTY = 60
# Times are typed in milliseconds: 2.002 and 2.0024 both mean the frame that starts at 2.0020 s.
_TOLERANCE_S = Fraction(1, 2000)


@dataclass(frozen=True, kw_only=True)
class TimeValue:
    """A position in a recording: either `seconds` of movie time or the number of a `frame`."""

    seconds: Fraction | None = None
    frame: int | None = None

    def frame_index(self, shown: Presentation, timescale: int) -> int:
        """Return the first frame that starts at or after the position, within half a millisecond."""
        if self.frame is not None:
            return min(self.frame, len(shown))
        ticks = ((self.seconds or Fraction(0)) - _TOLERANCE_S) * timescale
        return int(np.searchsorted(shown.pts, -(-ticks.numerator // ticks.denominator)))


def parse_time(text: str) -> TimeValue:
    """Parse a time. Raises `UsageError` if it is invalid."""
    stripped = text.strip()
    if found := _FRAMES.fullmatch(stripped):
        return TimeValue(frame=int(found[1]))
    if found := _CLOCK.fullmatch(stripped):
        hours, minutes, seconds = found.groups()
        rest = Fraction(seconds.replace(",", "."))
        if (minutes is not None and rest >= _SIXTY) or (hours is not None and int(minutes) >= _SIXTY):
            raise UsageError(f"{text!r} is not a time", remedy="use minutes and seconds up to 59")
        return TimeValue(seconds=int(hours or 0) * 3600 + int(minutes or 0) * _SIXTY + rest)
    raise UsageError(
        f"{text!r} is not a time", remedy="write seconds (12.5), hh:mm:ss.fff (0:01:02.500) or frames (120f)"
    )


def parse_number(text: str) -> Fraction:
    """Parse a signed decimal number. Raises `UsageError` if it is invalid."""
    if found := _NUMBER.fullmatch(text.strip()):
        return Fraction(found[0].replace(",", "."))
    raise UsageError(f"{text!r} is not a number", remedy="write a number such as 1.5 or -0.25")
