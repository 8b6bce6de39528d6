"""The exact confidence interval of a Poisson rate (Garwood 1936), without SciPy.

For a count k at confidence 1 - a, the bounds of the expected count are the means m at which
P(X >= k; m) = a/2 and P(X <= k; m) = a/2. They equal half of the chi-square quantiles with 2k and 2k + 2
degrees of freedom. They are found by bisection, so that only sums of Poisson probabilities are needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

_NEGLIGIBLE = 1e-17  # of the sum: below the precision of a float
_ITERATIONS = 200  # bisection ends earlier, when the bounds are neighbours
_MAX_COUNT = 10_000_000


def count_interval(count: int, confidence: float = 0.95) -> tuple[float, float]:
    """The bounds of the expected count where `count` events were counted; the lower one is 0 for none.

    `confidence` is between 0 and 1, for example 0.95. Raises ValueError for other values.
    """
    if not 0 <= count <= _MAX_COUNT:
        raise ValueError(f"a count is between 0 and {_MAX_COUNT}, not {count}")
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence is between 0 and 1, not {confidence}")
    tail = (1 - confidence) / 2
    # The bounds are within a few standard deviations, however small the tail is.
    deviations = math.sqrt(-2 * math.log(tail)) + 2
    width = deviations * math.sqrt(count + 1) + deviations**2
    low = 0.0
    if count:
        low = _bisect(lambda mean: at_least(count, mean) < tail, max(count - width, 0.0), float(count))
    return low, _bisect(lambda mean: at_most(count, mean) > tail, float(count), count + width)


def at_most(count: int, mean: float) -> float:
    """P(X <= count) of a Poisson variable X with this mean."""
    # Of the two sums the one without the mode, which is the smaller: the other would lose its digits.
    return _sum_down(count, mean) if count < mean else 1 - _sum_up(count + 1, mean)


def at_least(count: int, mean: float) -> float:
    """P(X >= count) of a Poisson variable X with this mean."""
    if count <= 0:
        return 1.0
    return _sum_up(count, mean) if count > mean else 1 - _sum_down(count - 1, mean)


def _bisect(is_below: Callable[[float], bool], low: float, high: float) -> float:
    for _ in range(_ITERATIONS):
        middle = (low + high) / 2
        if middle in {low, high}:
            break
        if is_below(middle):
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _probability(count: int, mean: float) -> float:
    if mean <= 0:
        return 1.0 if count == 0 else 0.0
    return math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))


def _sum_down(count: int, mean: float) -> float:
    """The sum of the probabilities of 0 to `count`, which is below the mean."""
    term = total = _probability(count, mean)
    while count > 0 and term > total * _NEGLIGIBLE:
        term *= count / mean
        count -= 1
        total += term
    return total


def _sum_up(count: int, mean: float) -> float:
    """The sum of the probabilities of `count`, which is above the mean, and of all higher counts."""
    term = total = _probability(count, mean)
    while term > total * _NEGLIGIBLE:
        count += 1
        term *= mean / count
        total += term
    return total
