"""Finds what events missed, by comparing EC2's description of the instances with the record."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from eddyline.fleet.names import parse_group
from eddyline.graph.fleet_event import FleetEvent, FleetEventKind
from eddyline.graph.instance import INTERRUPTION, ON_DEMAND, SPOT, Instance

SETTLE_S = 600.0
"""An instance launched more recently may still be missing from the list: EC2 is eventually consistent."""

_ENDED = frozenset({"shutting-down", "terminated"})
# A group stops only the instances of a warm pool, which run again.
_STOPPED = frozenset({"stopping", "stopped"})
_BY_SPOT = frozenset({"Server.SpotInstanceTermination", "Server.SpotInstanceShutdown"})


@dataclass(frozen=True, kw_only=True)
class DescribedInstance:
    """An instance as DescribeInstances returns it; empty or None where it does not say.

    `prefix`, `pool` and `group` are tags. `reason` is the code of its last change of state, `changed_at` the
    time of that change. Times are in seconds since 1970.
    """

    instance: str
    state: str
    launched: float | None = None
    instance_type: str = ""
    zone: str = ""
    spot: bool = False
    vcpu: int | None = None
    account: str = ""
    prefix: str = ""
    pool: str = ""
    group: str = ""
    reason: str = ""
    changed_at: float | None = None


def missed_events(
    described: Sequence[DescribedInstance],
    running: Collection[Instance],
    *,
    now: float,
    prefix: str,
    pools: Collection[str],
    region: str,
) -> list[FleetEvent]:
    """Events for instances that run or ended unnoticed. The same call again returns events with the same ids.

    `described` are the instances that EC2 still knows: those with this installation's tags, and those of
    `running` (the instances that have not ended by the record) that it knew when asked for their ids. An
    instance of `running` that is not among them has ended, unless it was launched just before.
    """
    by_name = {each.instance: each for each in described}
    known = {each.instance for each in running}
    events = []
    for each in by_name.values():
        pool = _pool(each, prefix, pools)
        if pool:
            events.append(_seen(each, pool, region))
        if (pool or each.instance in known) and _has_ended(each):
            at = now if each.changed_at is None else each.changed_at
            events.append(_missed_end(each.instance, at, INTERRUPTION if each.reason in _BY_SPOT else ""))
    events += [
        _missed_end(each.instance, now, "")
        for each in running
        if each.instance not in by_name and _is_settled(each, now) and _is_of_region(each, region)
    ]
    return events


def _pool(described: DescribedInstance, prefix: str, pools: Collection[str]) -> str:
    """The pool of an instance of this installation; "": another installation's, or an unknown pool."""
    return described.pool if described.prefix == prefix and described.pool in pools else ""


def _has_ended(described: DescribedInstance) -> bool:
    stopped_by_spot = described.state in _STOPPED and described.reason in _BY_SPOT
    return described.state in _ENDED or stopped_by_spot


def _is_settled(instance: Instance, now: float) -> bool:
    return instance.launched is None or now - instance.launched > SETTLE_S


def _is_of_region(instance: Instance, region: str) -> bool:
    """Whether the list would contain it: a list of another region says nothing about it."""
    return instance.region == region or (not instance.region and instance.zone.startswith(region))


def _seen(described: DescribedInstance, pool: str, region: str) -> FleetEvent:
    group = parse_group(described.group, described.prefix)
    spot = described.spot if group is None else group[1]
    return FleetEvent(
        id=f"seen/{described.instance}",
        instance=described.instance,
        kind=FleetEventKind.SEEN,
        at=described.launched or 0.0,
        launched=described.launched,
        account=described.account,
        region=region,
        group=described.group,
        pool=pool,
        instance_type=described.instance_type,
        zone=described.zone,
        lifecycle=SPOT if spot else ON_DEMAND,
        vcpu=described.vcpu,
    )


def _missed_end(instance: str, at: float, cause: str) -> FleetEvent:
    return FleetEvent(
        id=f"missed-end/{instance}",
        instance=instance,
        kind=FleetEventKind.MISSED_END,
        at=at,
        cause=cause,
    )
