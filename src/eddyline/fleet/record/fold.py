"""Folds all events about one instance to its row in the fleet record.

The result is a function of the set of events: neither their order nor duplicates change it, because
EventBridge guarantees neither. An interruption warning that no termination follows is not an interruption:
the count of interruptions would otherwise include machines that are still running.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from eddyline.graph.fleet_event import FleetEvent, FleetEventKind
from eddyline.graph.instance import INTERRUPTION, OTHER, SCALE_IN, SPOT, Instance

WARNING_WINDOW_S = 1800.0
"""A warning counts as the reason for a termination at most this long after it.

AWS interrupts two minutes after the warning. The state change to `terminated` follows when the operating
system has shut down, which can take many minutes.
"""
_TOLERANCE_S = 60.0  # hibernation starts with its warning, and the times of events are rounded
_LAUNCH_KINDS = frozenset({FleetEventKind.LAUNCHED, FleetEventKind.RUNNING})
# Whose description of an instance is preferred: EC2's own, the launch's, that of other events, the worker's.
_DESCRIPTION_RANKS = {
    FleetEventKind.SEEN: 0,
    FleetEventKind.MISSED_END: 0,
    FleetEventKind.LAUNCHED: 1,
    FleetEventKind.WORKER: 3,
}
_OTHER_RANK = 2
# The state change has the exact time; the group's event follows it, and a missed end is found minutes later.
_END_RANKS = {
    FleetEventKind.TERMINATED: 0,
    FleetEventKind.TERMINATED_BY_GROUP: 1,
    FleetEventKind.MISSED_END: 1,
}

T = TypeVar("T")


def fold(events: Iterable[FleetEvent]) -> Instance:
    """The row of the instance that all `events` are about; there must be at least one."""
    ordered = _distinct(events)
    launched = [event.at for event in ordered if event.kind in _LAUNCH_KINDS]
    launched += [event.launched for event in ordered if event.launched is not None]
    terminated = _end(ordered)
    warnings = _times(ordered, FleetEventKind.INTERRUPTION)
    scale_in_at = _first(_times(ordered, FleetEventKind.SCALE_IN))
    lifecycle = _preferred(ordered, lambda event: event.lifecycle)
    return Instance(
        instance=ordered[0].instance,
        pool=_preferred(ordered, lambda event: event.pool) or "",
        auto_scaling_group=_preferred(ordered, lambda event: event.group) or "",
        instance_type=_preferred(ordered, lambda event: event.instance_type) or "",
        zone=_preferred(ordered, lambda event: event.zone) or "",
        # Only Spot Instances get these warnings.
        lifecycle=lifecycle or (SPOT if warnings else ""),
        vcpu=_preferred(ordered, lambda event: event.vcpu),
        account=_preferred(ordered, lambda event: event.account) or "",
        region=_preferred(ordered, lambda event: event.region) or "",
        launched=_first(launched),
        rebalance_at=_first(_times(ordered, FleetEventKind.REBALANCE)),
        warned_at=_first(warnings),
        scale_in_at=scale_in_at,
        terminated=terminated,
        ended_by="" if terminated is None else _reason(ordered, terminated, warnings, scale_in_at),
    )


def _distinct(events: Iterable[FleetEvent]) -> Sequence[FleetEvent]:
    """The events without duplicates, in the order of preference for what describes the instance."""
    found: dict[str, FleetEvent] = {}
    for event in events:
        known = found.get(event.id)
        # Two events with one id do not come from EventBridge; the choice must not depend on the order.
        if known is None or event.to_json() < known.to_json():
            found[event.id] = event
    return sorted(found.values(), key=_preference)


def _preference(event: FleetEvent) -> tuple[int, float, str]:
    return _DESCRIPTION_RANKS.get(event.kind, _OTHER_RANK), event.at, event.id


def _preferred(ordered: Sequence[FleetEvent], value: Callable[[FleetEvent], T]) -> T | None:
    return next((found for event in ordered if (found := value(event))), None)


def _times(ordered: Sequence[FleetEvent], kind: FleetEventKind) -> list[float]:
    return [event.at for event in ordered if event.kind is kind]


def _first(times: Sequence[float]) -> float | None:
    return min(times, default=None)


def _end(ordered: Sequence[FleetEvent]) -> float | None:
    ends = [(_END_RANKS[event.kind], event.at) for event in ordered if event.kind in _END_RANKS]
    return min(ends)[1] if ends else None


def _reason(
    ordered: Sequence[FleetEvent], terminated: float, warnings: Sequence[float], scale_in_at: float | None
) -> str:
    """Why it ended; what Amazon EC2 or the group states counts more than what preceded the end.

    A group also runs the lifecycle action of a termination for an instance that was interrupted, so a
    scale-in counts only if it began before the warning and before the end.
    """
    causes = {event.cause for event in ordered if event.kind in _END_RANKS}
    if INTERRUPTION in causes:
        return INTERRUPTION
    counted = [at for at in warnings if -_TOLERANCE_S <= terminated - at <= WARNING_WINDOW_S]
    scaled_in = scale_in_at is not None and scale_in_at < terminated
    if counted and not (scaled_in and scale_in_at is not None and scale_in_at < min(counted)):
        return INTERRUPTION
    return SCALE_IN if scaled_in or SCALE_IN in causes else OTHER
