"""The cost of a machine outside EC2 at a price an hour, divided over its starts.

Nothing records when such a machine was switched on, so only the time in which at least one start ran is
priced. Starts that run at the same time share it equally; no boot, idle time or drain is counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from eddyline.fleet.accounts.money import apportion
from eddyline.fleet.accounts.price_list import HOUR_US
from eddyline.fleet.accounts.slot_time import Span, slot_time


def cost_of_machine(spans: Sequence[Span], *, nanos_per_hour: int) -> list[int]:
    """The cost of each start in nano-dollars; they sum to the price of the time in which any start ran."""
    if not spans:
        return []
    begin, end = min(first for first, _ in spans), max(last for _, last in spans)
    time = slot_time(spans, begin=begin, end=max(begin, end), slots=1, boot_end=begin, drain_from=end)
    busy = busy_time(spans)
    total = (2 * busy * nanos_per_hour + HOUR_US) // (2 * HOUR_US)
    return apportion(total, time.starts)


def busy_time(spans: Sequence[Span]) -> int:
    """The microseconds in which at least one of the spans runs."""
    busy = 0
    until: int | None = None
    for first, last in sorted(spans):
        begin = first if until is None else max(first, until)
        if last > begin:
            busy += last - begin
            until = last
    return busy
