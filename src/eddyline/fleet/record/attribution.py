"""Makes fleet events of EventBridge notices, and decides which instances belong to this installation.

An account's event stream contains the instances of all systems in it, and perhaps those of a second
installation of Eddyline. An event that names a group or tags of others is left out. One that names neither,
such as a change of state, cannot be attributed: it is kept, because the launch may become known later.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from eddyline.fleet.names import parse_group
from eddyline.fleet.notices import Notice, NoticeKind
from eddyline.graph.fleet_event import FleetEvent, FleetEventKind
from eddyline.graph.instance import INTERRUPTION, ON_DEMAND, SCALE_IN, SPOT

_KINDS = {
    NoticeKind.LAUNCHED: FleetEventKind.LAUNCHED,
    NoticeKind.RUNNING: FleetEventKind.RUNNING,
    NoticeKind.REBALANCE: FleetEventKind.REBALANCE,
    NoticeKind.INTERRUPTION: FleetEventKind.INTERRUPTION,
    NoticeKind.SCALE_IN: FleetEventKind.SCALE_IN,
    NoticeKind.TERMINATED: FleetEventKind.TERMINATED,
    NoticeKind.TERMINATED_BY_GROUP: FleetEventKind.TERMINATED_BY_GROUP,
}
# The wording of an Auto Scaling activity's cause.
_GROUPS_DECISION = re.compile(
    r"shrinking the capacity|changing the desired capacity|desired and actual capacity|user request",
    re.IGNORECASE,
)
_BY_SPOT = re.compile(r"spot.{0,20}interrupt", re.IGNORECASE)


def fleet_event(notice: Notice, *, prefix: str, pools: Collection[str]) -> FleetEvent | None:
    """The event to record for a notice; None if it is about others' machines, or not about an instance."""
    kind = _KINDS.get(notice.kind)
    if kind is None or not notice.instance or is_foreign(notice, prefix=prefix, pools=pools):
        return None
    launch = notice.launch
    pool, lifecycle = pool_of(notice, prefix=prefix, pools=pools)
    if not lifecycle and launch is not None and launch.spot is not None:
        lifecycle = SPOT if launch.spot else ON_DEMAND
    # RunInstances launches several instances in one event.
    name = notice.event_id or "-".join(notice.identity)
    return FleetEvent(
        id=f"{name}/{notice.instance}",
        instance=notice.instance,
        kind=kind,
        at=notice.at,
        account=notice.account,
        region=notice.region,
        group=notice.group,
        pool=pool,
        instance_type=launch.type if launch else "",
        zone=launch.zone if launch else "",
        lifecycle=lifecycle,
        cause=_cause(notice),
    )


def is_foreign(notice: Notice, *, prefix: str, pools: Collection[str]) -> bool:
    """Whether the notice names a group or a prefix that is not of this installation."""
    tagged = notice.launch.prefix if notice.launch else ""
    if tagged:
        return tagged != prefix
    return bool(notice.group) and not pool_of(notice, prefix=prefix, pools=pools)[0]


def pool_of(notice: Notice, *, prefix: str, pools: Collection[str]) -> tuple[str, str]:
    """The pool and the lifecycle that the notice's group or tags name; empty where they name none."""
    found = parse_group(notice.group, prefix)
    if found is not None and found[0] in pools:
        return found[0], SPOT if found[1] else ON_DEMAND
    launch = notice.launch
    if launch is not None and launch.prefix == prefix and launch.pool in pools:
        return launch.pool, ""
    return "", ""


def _cause(notice: Notice) -> str:
    if notice.kind is not NoticeKind.TERMINATED_BY_GROUP:
        return ""
    if _BY_SPOT.search(notice.reason):
        return INTERRUPTION
    return SCALE_IN if _GROUPS_DECISION.search(notice.reason) else ""
