"""Exact time: ticks and fractions, never floats, wherever a frame could be lost."""

from __future__ import annotations

from fractions import Fraction

# Rates that cameras mean when their files say something within a hair of them.
_NOMINAL = tuple(Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 120, 240)) + tuple(
    Fraction(n) for n in (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 200, 240)
)


def rescale(ticks: int, from_scale: int, to_scale: int) -> int:
    """`ticks` of 1/from_scale s in units of 1/to_scale s, rounded to the nearest (halves up)."""
    return (2 * ticks * to_scale + from_scale) // (2 * from_scale)


def nominal_rate(mean: Fraction) -> Fraction:
    """The rate that a measured mean stands for: 29.9698 -> 30000/1001, else the mean itself, simplified.

    The window is 1/5000 of the rate, half of the distance between 30 and 30000/1001.
    """
    nearest = min(_NOMINAL, key=lambda rate: abs(rate - mean))
    return nearest if abs(nearest - mean) * 5000 <= nearest else mean.limit_denominator(1001)
