"""Which instances to drain when there are more than wanted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_TOLERANCE = 1e-9


@dataclass(slots=True, kw_only=True)
class Candidate:
    """An instance that could be drained.

    `power`: its reference slots. `busy`: the share of its slots that run jobs. `price`: of its work.
    """

    power: float
    busy: float
    price: float
    booting: bool


def choose_victims(candidates: Sequence[Candidate], power: float) -> list[int]:
    """The places of instances whose power sums up to at most `power`: idle ones first.

    Of equally busy ones, first those that boot, then the dearest.
    """
    order = sorted(
        range(len(candidates)),
        key=lambda place: (
            candidates[place].busy,
            not candidates[place].booting,
            -candidates[place].price,
            place,
        ),
    )
    chosen: list[int] = []
    left = power + _TOLERANCE
    for place in order:
        if candidates[place].power <= left:
            chosen.append(place)
            left -= candidates[place].power
    return chosen
