"""Money as an integer number of nano-dollars, and its exact division.

An hour of a small instance costs about 4e7 nano-dollars, a second of one of its slots about 1e4: integers of
this unit are fine enough for single starts, and their sums are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

NANOS = 10**9
"""Nano-dollars of a dollar."""

MAX_USD_PER_HOUR = 10_000.0


def nanos_of(usd: float) -> int:
    """An amount in dollars as nano-dollars, to the nearest. Prices of AWS have at most ten decimals."""
    return round(usd * NANOS)


def usd_of(nanos: int) -> float:
    """An amount in dollars, for people and for readers that do not need the exact integer."""
    return nanos / NANOS


def per_minute(nanos: int, duration_us: int) -> int | None:
    """The nano-dollars of a minute of something that lasts `duration_us`, rounded half to even.

    None for a duration of zero.
    """
    return round(Fraction(nanos * 60_000_000, duration_us)) if duration_us > 0 else None


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Divide `total` in proportion to `weights`, by largest remainder: the parts sum to `total` exactly.

    Of equal remainders, the earlier part gets the unit. Without any weight, all parts are 0. Raises
    ValueError for a negative total or weight.
    """
    if total < 0 or (weights and min(weights) < 0):
        raise ValueError("a total and its weights must not be negative")
    whole = sum(weights)
    if not whole or not total:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    left = total - sum(parts)
    if left:
        remainders = [total * weight % whole for weight in weights]
        order = sorted(range(len(parts)), key=remainders.__getitem__, reverse=True)
        for place in order[:left]:
            parts[place] += 1
    return parts


@dataclass(frozen=True, slots=True)
class Cost:
    """A cost by the price list, and what of it is billed, in nano-dollars."""

    listed: int = 0
    billed: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.listed + other.listed, self.billed + other.billed)


NOTHING = Cost()
