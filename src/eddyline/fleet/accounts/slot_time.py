"""The slot time of a machine: how much of it each start took, and how much of it was free.

A machine with `slots` slots has that many slot-seconds in each second. A start takes one slot while it runs.
Where more starts run than the machine has slots (clocks differ, and the end of a lost start is known late),
they share the slots equally. Times are integers of microseconds. Weights are integers of slot-microseconds,
or of 2**-20 of them where slots are shared: only their proportion matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_SHIFT = 20
_US = 1_000_000

Span = tuple[int, int]
"""Begin and end of a start in microseconds; one that ends before it begins takes no time."""


def microseconds(seconds: float) -> int:
    """A time in seconds as microseconds. Raises ValueError unless it is a finite number."""
    try:
        return round(seconds * _US)
    except OverflowError as error:
        raise ValueError(f"{seconds!r} is not a time") from error


@dataclass(frozen=True, kw_only=True)
class SlotTime:
    """The slot time of one machine: `starts` has the weight of each span, in their order.

    `boot` was free before `boot_end`, `drain` after `drain_from`, and `idle` in between. `unit` is the weight
    of one slot-microsecond.
    """

    starts: Sequence[int]
    boot: int
    idle: int
    drain: int
    unit: int


def peak_of(spans: Sequence[Span]) -> int:
    """The greatest number of spans at the same time; one that ends when another begins is before it."""
    begins = sorted(begin for begin, end in spans if begin < end)
    ends = sorted(end for begin, end in spans if begin < end)
    peak = ended = 0
    for started, begin in enumerate(begins, 1):
        while ends[ended] <= begin:
            ended += 1
        peak = max(peak, started - ended)
    return peak


def clip(spans: Sequence[Span], begin: int, end: int) -> list[Span]:
    """The spans within a life from `begin` to `end`; one outside it becomes empty."""
    return [
        (max(first, begin), min(last, end))
        if first < end and last > begin and first < last
        else (begin, begin)
        for first, last in spans
    ]


def slot_time(
    spans: Sequence[Span], *, begin: int, end: int, slots: int, boot_end: int, drain_from: int
) -> SlotTime:
    """The slot time of a machine that lives from `begin` to `end`; the spans are clipped to its life.

    Boot ends at `boot_end`, or earlier when the first span begins. `drain_from` at or after `end`: it was not
    drained; where boot and drain overlap, the time counts as drain.
    """
    clipped = clip(spans, begin, end)
    first = min((each[0] for each in clipped if each[0] < each[1]), default=end)
    drained = min(max(drain_from, begin), end)
    booted = min(max(boot_end, begin), first, drained)
    unit = 1
    if peak_of(clipped) <= slots:
        weights = [last - first for first, last in clipped]
        busy_drain = sum(last - max(first, drained) for first, last in clipped if last > drained)
    else:
        unit = 1 << _SHIFT
        weights, busy_drain = _shared(clipped, slots, drained)
    capacity = slots * unit
    boot = (booted - begin) * capacity
    drain = max((end - drained) * capacity - busy_drain, 0)
    idle = max((drained - booted) * capacity - (sum(weights) - busy_drain), 0)
    return SlotTime(starts=weights, boot=boot, idle=idle, drain=drain, unit=unit)


def _shared(spans: Sequence[Span], slots: int, mark: int) -> tuple[list[int], int]:
    """The weight of each span where they share the slots, and the sum of what is after `mark`.

    `service` is what a start that runs all the time would have received until each change.
    """
    running = [each for each in spans if each[0] < each[1]]
    changes = sorted([(first, 1) for first, _ in running] + [(last, -1) for _, last in running] + [(mark, 0)])
    service: dict[int, int] = {}
    received = number = taken = taken_at_mark = 0
    previous = changes[0][0]
    for at, change in changes:
        if at > previous:
            length = (at - previous) << _SHIFT
            share = length if number <= slots else length * slots // number
            received += share
            taken += share * number
            previous = at
        if at == mark:
            taken_at_mark = taken
        service[at] = received
        number += change
    weights = [service[last] - service[first] if first < last else 0 for first, last in spans]
    return weights, taken - taken_at_mark
