"""Which instances to drain when there are more than wanted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_TOLERANCE = 1e-9


@dataclass(slots=True, kw_only=True)
class Candidate:
    """`count` equal instances that could be drained.

    `power`: the reference slots of one. `busy`: the share of its slots that run jobs. `price`: of its work.
    """

    power: float
    busy: float
    price: float
    booting: bool
    count: int = 1


def choose_victims(candidates: Sequence[Candidate], power: float) -> list[int]:
    """The places of candidates whose power sums up to at most `power`, idle ones first.

    Of equally busy ones, first those that boot, then the dearest. Each is one instance.
    """
    return [place for place, _ in victim_counts(candidates, power)]


def victim_counts(candidates: Sequence[Candidate], power: float) -> list[tuple[int, int]]:
    """As `choose_victims`, of candidates that are several instances: the places, and how many of each."""
    order = sorted(
        range(len(candidates)),
        key=lambda place: (
            candidates[place].busy,
            not candidates[place].booting,
            -candidates[place].price,
            place,
        ),
    )
    chosen: list[tuple[int, int]] = []
    left = power + _TOLERANCE
    for place in order:
        each = candidates[place]
        count = min(int(left / each.power), each.count)
        if count > 0:
            chosen.append((place, count))
            left -= count * each.power
    return chosen
