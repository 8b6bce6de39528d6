"""Interruption rates: interruptions per Spot instance-hour, and the share of launches that were interrupted.

Interruptions divided by launches would depend on how long instances live, so the rate counts the hours for
which instances could be interrupted. Voluntary ends (scale-in, an operator, a failed health check) end these
hours and never count as interruptions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from eddyline.fleet.record.poisson import count_interval
from eddyline.graph.instance import INTERRUPTION, SPOT, Instance

_HOUR_S = 3600.0
GROUPINGS: dict[str, Callable[[Instance], str]] = {
    "pool": lambda instance: instance.pool,
    "type": lambda instance: instance.instance_type,
    "zone": lambda instance: instance.zone,
}
"""What rates are grouped by."""


@dataclass(frozen=True, kw_only=True)
class InterruptionRate:
    """The interruptions of the Spot Instances with one pool, type or zone (`key`; "": not known).

    `hours` are instance-hours within the range of time. `per_hour` is the rate (None without hours), with
    the bounds `low` and `high` of its exact Poisson interval. `launches` started within the range, and
    `launches_interrupted` of them ended by interruption; the others may still do so.
    """

    key: str
    hours: float
    interruptions: int
    launches: int
    launches_interrupted: int
    per_hour: float | None
    low: float | None
    high: float | None

    @property
    def share_of_launches(self) -> float | None:
        """The share of launches that ended by interruption, 0 to 1; None without launches."""
        return self.launches_interrupted / self.launches if self.launches else None


@dataclass(frozen=True, kw_only=True)
class InterruptionRates:
    """The rates from `start` to `stop` (seconds since 1970): of all Spot Instances, and by group.

    `unfollowed` is the number of running instances with a warning that was not followed by a termination.
    `incomplete` instances are left out, because no event said when they were launched, or whether they are
    Spot.
    """

    start: float
    stop: float
    confidence: float
    total: InterruptionRate
    groups: Sequence[InterruptionRate]
    unfollowed: int
    incomplete: int


@dataclass(kw_only=True)
class _Counts:
    seconds: list[float] = field(default_factory=list)
    interruptions: int = 0
    launches: int = 0
    launches_interrupted: int = 0


def interruption_rates(
    instances: Iterable[Instance], start: float, stop: float, *, by: str, confidence: float = 0.95
) -> InterruptionRates:
    """The interruption rates of the Spot Instances that ran between `start` and `stop`.

    `by` is a key of `GROUPINGS`. `stop` is at most now: running instances are counted up to it.
    """
    group_of = GROUPINGS[by]
    total, groups = _Counts(), dict[str, _Counts]()
    unfollowed = incomplete = 0
    for instance in instances:
        if not _overlaps(instance, start, stop):
            continue
        if instance.launched is None or not instance.lifecycle:
            incomplete += 1
        elif instance.lifecycle == SPOT:
            unfollowed += instance.warned_at is not None and instance.terminated is None
            for counts in (total, groups.setdefault(group_of(instance), _Counts())):
                _count(counts, instance, start, stop)
    rates = [_rate(key, counts, confidence) for key, counts in groups.items()]
    return InterruptionRates(
        start=start,
        stop=stop,
        confidence=confidence,
        total=_rate("", total, confidence),
        groups=sorted(rates, key=lambda rate: (-rate.hours, rate.key)),
        unfollowed=unfollowed,
        incomplete=incomplete,
    )


def _overlaps(instance: Instance, start: float, stop: float) -> bool:
    begun = instance.launched is None or instance.launched < stop
    return begun and (instance.terminated is None or instance.terminated >= start)


def _count(counts: _Counts, instance: Instance, start: float, stop: float) -> None:
    interrupted = instance.ended_by == INTERRUPTION
    counts.seconds.append(instance.seconds(start, stop))
    if interrupted and instance.terminated is not None and start <= instance.terminated < stop:
        counts.interruptions += 1
    if instance.launched is not None and start <= instance.launched < stop:
        counts.launches += 1
        counts.launches_interrupted += interrupted


def _rate(key: str, counts: _Counts, confidence: float) -> InterruptionRate:
    hours = sum(counts.seconds) / _HOUR_S
    low, high = count_interval(counts.interruptions, confidence)
    return InterruptionRate(
        key=key,
        hours=hours,
        interruptions=counts.interruptions,
        launches=counts.launches,
        launches_interrupted=counts.launches_interrupted,
        per_hour=counts.interruptions / hours if hours else None,
        low=low / hours if hours else None,
        high=high / hours if hours else None,
    )
