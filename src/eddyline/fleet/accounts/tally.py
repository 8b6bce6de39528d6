"""Sums of the costs of starts, by any key."""

from __future__ import annotations

from collections.abc import Iterable
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

    def add(self, work: Work, cost: Cost | None, share: Cost) -> None:
        """Count one start; `cost` None: not known."""
        length = work.seconds_us
        self.starts += 1
        self.slot_us += length
        if cost is None:
            self.unknown_starts += 1
            self.unknown_us += length
            listed = billed = 0
        else:
            listed, billed = cost.listed, cost.billed
            self.listed += listed
            self.billed += billed
            self.overhead_listed += share.listed
            self.overhead_billed += share.billed
        if work.redone:
            self.redone_starts += 1
            self.redone_us += length
            self.redone_listed += listed
            self.redone_billed += billed

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
