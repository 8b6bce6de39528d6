"""Bit rates of the segments of a playlist (RFC 8216 section 4.1) and of a DASH representation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

_US = 1_000_000
_LEAST, _MOST = Fraction(1, 2), Fraction(3, 2)  # of the target duration: a set of segments for the peak
_MAX_SET = 256  # segments of one set


@dataclass(frozen=True, kw_only=True)
class BitRates:
    """Peak and average in bits per second, rounded up."""

    peak: int
    average: int


def measure_bit_rates(sizes: Sequence[int], durations: Sequence[Fraction], target: int) -> BitRates:
    """The bit rates of segments of these sizes (bytes) and durations (seconds).

    The peak is the largest rate of any contiguous segments that last between 0.5 and 1.5 times the `target`
    duration together. A playlist without such segments is one set.
    """
    total = [0, *accumulate(sizes)]
    times = [0, *(round(end * _US) for end in accumulate(durations))]
    average = _rate(total[-1], times[-1])
    least, most = int(_LEAST * target * _US), int(_MOST * target * _US)
    peak = 0
    for first in range(len(sizes)):
        for stop in range(first + 1, min(first + _MAX_SET, len(sizes)) + 1):
            length = times[stop] - times[first]
            if length > most:
                break
            if length >= least:
                peak = max(peak, _rate(total[stop] - total[first], length))
    return BitRates(peak=peak or average, average=average)


def _rate(size: int, length_us: int) -> int:
    return -(-size * 8 * _US // length_us) if length_us > 0 else 0


def required_bandwidth(sizes: Sequence[int], durations: Sequence[Fraction], buffer: Fraction) -> int:
    """The least @bandwidth (bit/s) with which playback from any segment is continuous.

    A client starts to play once it has received `buffer` seconds at that rate (ISO/IEC 23009-1 section
    5.3.5.2). A segment must have arrived when it ends.
    """
    low, high = 0, 8 * sum(sizes) * _US
    while low < high:
        middle = (low + high) // 2
        if is_continuous(sizes, durations, buffer, middle):
            high = middle
        else:
            low = middle + 1
    return low


def is_continuous(
    sizes: Sequence[int], durations: Sequence[Fraction], buffer: Fraction, bandwidth: int
) -> bool:
    """Whether playback from any segment is continuous at this bandwidth (bit/s)."""
    allowed = float(buffer) * bandwidth
    missing = 0.0  # the most bits that any run of segments up to here needs beyond its duration
    for size, length in zip(sizes, map(float, durations), strict=True):
        missing = max(missing, 0.0) + 8 * size - length * bandwidth
        if missing > allowed:
            return False
    return True
