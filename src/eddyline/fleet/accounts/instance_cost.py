"""The cost of one instance, divided over its starts, boot, idle time and drain.

The seconds of its life are priced exactly and rounded once. AWS bills whole seconds, and at least 60. What is
divided is the cost of this life, by slot time (`slot_time.py`), so that the parts sum to the cost to the last
nano-dollar. Where the Spot price changes, all parts pay the average price of the life.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eddyline.fleet.accounts.money import Cost, apportion
from eddyline.fleet.accounts.price_list import Missing, Priced, PriceList
from eddyline.fleet.accounts.slot_time import Span, clip, microseconds, peak_of, slot_time
from eddyline.fleet.record.fold import WARNING_WINDOW_S
from eddyline.fleet.record.savings import FREE_S
from eddyline.graph.instance import INTERRUPTION, Instance

_SECOND_US = 1_000_000
MINIMUM_US = 60 * _SECOND_US
"""AWS bills at least 60 seconds of each launch of an instance with Linux (EC2 User Guide, 2026-07)."""

_WARNING_WINDOW_US = round(WARNING_WINDOW_S) * _SECOND_US
_FREE_US = round(FREE_S) * _SECOND_US


@dataclass(frozen=True, kw_only=True)
class Life:
    """The part of an instance's life that is accounted, in microseconds.

    `launched` and `ended` (None: it runs) are of its whole life, `ready` is when its first worker registered.
    """

    launched: int
    ended: int | None
    begin: int
    end: int
    ready: int | None
    drain_from: int
    free: bool

    @property
    def billed_from(self) -> int:
        """The time from which this part is billed: what was billed before its begin is not counted again."""
        return self.launched if self.begin <= self.launched else self._billed_until(self.begin)

    @property
    def billed_until(self) -> int:
        """The time until which it is billed."""
        return self._billed_until(self.end)

    def _billed_until(self, at: int) -> int:
        seconds = -((self.launched - at) // _SECOND_US)  # rounded up
        return self.launched + max(seconds * _SECOND_US, MINIMUM_US)


def life_of(instance: Instance, *, start: float, stop: float, ready: float | None) -> Life | Missing:
    """The life of an instance between two times (seconds since 1970), or why it is not known.

    A life of zero length is billed as 60 seconds. `stop` is at most now.
    """
    if instance.launched is None:
        return Missing.LAUNCH
    launched = microseconds(instance.launched)
    ended = None if instance.terminated is None else max(microseconds(instance.terminated), launched)
    last = microseconds(stop)
    begin = max(launched, microseconds(start))
    end = max(min(last if ended is None else ended, last), begin)
    free = instance.ended_by == INTERRUPTION and ended is not None and ended - launched < _FREE_US
    return Life(
        launched=launched,
        ended=ended,
        begin=begin,
        end=end,
        ready=None if ready is None else microseconds(ready),
        drain_from=_drain_from(instance, end),
        free=free,
    )


def _drain_from(instance: Instance, end: int) -> int:
    """When its end was announced; `end` if it was not. A warning that no end follows announced none."""
    announced = [] if instance.scale_in_at is None else [microseconds(instance.scale_in_at)]
    if instance.warned_at is not None:
        warned = microseconds(instance.warned_at)
        announced += [warned] if end - warned <= _WARNING_WINDOW_US else []
    return min(announced, default=end)


@dataclass(frozen=True, kw_only=True)
class InstanceCost:
    """The cost of one instance in nano-dollars by the price list; `free`: AWS bills nothing of it.

    `starts` has the cost of each start in order: `sum(starts) + boot + idle + drain == listed`. `shares` has
    the part of `boot + idle + drain` that each start bears, in proportion to its cost; they sum to
    `boot + idle + drain`, or to 0 if no start has a cost.
    """

    listed: int
    free: bool
    starts: Sequence[int]
    boot: int
    idle: int
    drain: int
    shares: Sequence[int]
    slots: int
    priced: Priced

    @property
    def overhead(self) -> int:
        """Boot, idle and drain."""
        return self.boot + self.idle + self.drain

    def cost(self, nanos: int) -> Cost:
        """A part of the cost, listed and billed."""
        return Cost(nanos, 0 if self.free else nanos)


def cost_of_instance(
    instance: Instance, life: Life, spans: Sequence[Span], *, slots: int | None, prices: PriceList
) -> InstanceCost | Missing:
    """The cost of an instance that ran `spans`, or why it is not known.

    `slots` None: as many as the most starts that it ran at the same time, at least one.
    """
    begin, end = life.billed_from, life.billed_until
    priced = prices.price(instance.lifecycle, instance.instance_type, instance.zone, begin, end)
    if isinstance(priced, Missing):
        return priced
    counted = slots if slots is not None else peak_of(clip(spans, life.begin, life.end))
    counted = max(counted, 1)
    time = slot_time(
        spans,
        begin=life.begin,
        end=life.end,
        slots=counted,
        boot_end=life.end if life.ready is None else life.ready,
        drain_from=life.drain_from,
    )
    listed = priced.nanos
    weights = [*time.starts, time.boot, time.idle, time.drain]
    *starts, boot, idle, drain = apportion(listed, weights)
    if not any(weights):  # a life of zero length
        boot = listed
    shares = apportion(boot + idle + drain, starts)
    return InstanceCost(
        listed=listed,
        free=life.free,
        starts=starts,
        boot=boot,
        idle=idle,
        drain=drain,
        shares=shares,
        slots=counted,
        priced=priced,
    )
