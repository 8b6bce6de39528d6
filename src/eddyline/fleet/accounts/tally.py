"""Sums of the costs of starts, by any key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eddyline.fleet.accounts.money import Cost
from eddyline.fleet.accounts.started_work import Work


@dataclass(slots=True, kw_only=True)
class Tally:
    """Starts of jobs, and their cost in nano-dollars by the price list and as billed.

    `slot_us` is the time of all starts in microseconds. `redone_...` are the part of starts whose work was
    done again. `overhead_...` is the share of boot, idle time and drain, which is not in the cost.
    `unknown_...` are the starts whose cost is not known: they are in the counts and times, not in the cost.
    """

    starts: int = 0
    slot_us: int = 0
    listed: int = 0
    billed: int = 0
    redone_starts: int = 0
    redone_us: int = 0
    redone_listed: int = 0
    redone_billed: int = 0
    overhead_listed: int = 0
    overhead_billed: int = 0
    unknown_starts: int = 0
    unknown_us: int = 0

    def add(self, work: Work, listed: int, share: int, *, free: bool) -> None:
        """Count one start with its cost and its share of overheads; `free`: AWS bills nothing of them."""
        length = max(work.end - work.begin, 0)
        self.starts += 1
        self.slot_us += length
        self.listed += listed
        self.overhead_listed += share
        if not free:
            self.billed += listed
            self.overhead_billed += share
        if work.redone:
            self.redone_starts += 1
            self.redone_us += length
            self.redone_listed += listed
            self.redone_billed += 0 if free else listed

    def add_unknown(self, work: Work) -> None:
        """Count one start whose cost is not known."""
        length = max(work.end - work.begin, 0)
        self.starts += 1
        self.slot_us += length
        self.unknown_starts += 1
        self.unknown_us += length
        if work.redone:
            self.redone_starts += 1
            self.redone_us += length

    def include(self, other: Tally) -> None:
        """Add the sums of another tally."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def cost(self) -> Cost | None:
        """The cost of the starts whose cost is known; None if there is none."""
        return Cost(self.listed, self.billed) if self.starts > self.unknown_starts else None

    @property
    def overhead(self) -> Cost:
        """The share of boot, idle time and drain."""
        return Cost(self.overhead_listed, self.overhead_billed)


def total_of(tallies: Iterable[Tally]) -> Tally:
    """The sum of tallies."""
    total = Tally()
    for each in tallies:
        total.include(each)
    return total


class Tallies:
    """Adds the costs of starts to tallies: the key of each start is its tally."""

    @staticmethod
    def known(work: Sequence[Work], costs: Sequence[int], shares: Sequence[int], *, free: bool) -> None:
        """Add starts with their costs and shares of overheads."""
        for each, cost, share in zip(work, costs, shares, strict=True):
            each.key.add(each, cost, share, free=free)

    @staticmethod
    def unknown(work: Sequence[Work], _key: object) -> None:
        """Add starts whose cost is not known."""
        for each in work:
            each.key.add_unknown(each)
