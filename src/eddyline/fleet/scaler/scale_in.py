"""Which instances to drain when there are more than wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Candidate:
    """An instance that could be drained: `busy` is the share of its slots that run jobs, `price` of its work."""

    power: float
    busy: float
    price: float
    spot: bool
    booting: bool


def choose_victims(candidates: Sequence[Candidate], power: float) -> list[int]:
    """The places of instances whose power sums up to at most `power`: On-Demand first, then idle ones.

    Of equally busy ones, those that boot, then the dearest.
    """
    order = sorted(
        range(len(candidates)),
        key=lambda n: (
            candidates[n].spot,
            candidates[n].busy,
            not candidates[n].booting,
            -candidates[n].price,
        ),
    )
    chosen: list[int] = []
    left = power
    for number in order:
        if candidates[number].power <= left + 1e-9:
            chosen.append(number)
            left -= candidates[number].power
    return chosen
