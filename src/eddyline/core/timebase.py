"""Exact time in ticks and fractions; floats would lose frames."""

from __future__ import annotations

from fractions import Fraction

# Nominal frame rates; measured rates of files differ slightly from them.
_NOMINAL = tuple(Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 120, 240)) + tuple(
    Fraction(n) for n in (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 200, 240)
)


def rescale(ticks: int, from_scale: int, to_scale: int) -> int:
    """`ticks` of 1/from_scale s in units of 1/to_scale s, rounded to nearest (halves up)."""
    return (2 * ticks * to_scale + from_scale) // (2 * from_scale)


def round_half_up(value: Fraction) -> int:
    """The nearest integer, halves up (`round` returns 2 for 2.5 and 4 for 3.5)."""
    return int((2 * value + 1) // 2)


def nominal_rate(mean: Fraction) -> Fraction:
    """The nominal rate of a measured mean: 29.9698 -> 30000/1001; without one, the simplified mean.

    The window is 1/5000 of the rate, half the distance between 30 and 30000/1001.
    """
    nearest = min(_NOMINAL, key=lambda rate: abs(rate - mean))
    return nearest if abs(nearest - mean) * 5000 <= nearest else mean.limit_denominator(1001)
