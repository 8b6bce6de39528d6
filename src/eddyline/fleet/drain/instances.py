"""Decides how an instance drains whose Auto Scaling group terminates it: one decision for each check. Pure.

A lifecycle hook holds the instance in the state Terminating:Wait. The container instance is set to
DRAINING, the workers on it finish their jobs within the time that the pool grants, and the hook is
completed when no task is left. A task counts as long as its last status is not STOPPED: ECS no longer
counts a task as running while it is DEACTIVATING, STOPPING or DEPROVISIONING, but its container may still
run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

LONGEST_WAIT_S = 48 * 3600.0
MOST_HEARTBEATS = 100
"""A hook ends after 48 hours or 100 heartbeat timeouts, whichever is earlier (Auto Scaling User Guide)."""

DRAINING = "DRAINING"
_STOPPED = "STOPPED"
_CAN_DRAIN = frozenset({"ACTIVE"})
# An instance in these states has no agent that could run tasks.
_GONE = frozenset({"INACTIVE", "DEREGISTERING", "REGISTRATION_FAILED"})
_MAX_PREMATURE_CHECKS = 8


@dataclass(frozen=True, kw_only=True)
class InstanceDrainRules:
    """Times in seconds. `hook_s`: what the pool grants to running jobs. `heartbeat_s`: the hook's timeout.

    Checks follow each other after `first_check_s`, and then after delays that grow by `growth` to
    `max_check_s`. `reserve_s`: the hook is completed this long before AWS' own limits.
    """

    hook_s: float
    heartbeat_s: float
    first_check_s: float = 15.0
    max_check_s: float = 60.0
    growth: float = 1.5
    reserve_s: float = 60.0

    @property
    def longest_s(self) -> float:
        """The longest drain: the granted time, within the limits of a lifecycle hook."""
        limit = min(LONGEST_WAIT_S, MOST_HEARTBEATS * self.heartbeat_s)
        return min(self.hook_s, limit - min(self.reserve_s, limit / 10))

    def delay_s(self, checks: int) -> float:
        """Seconds until the next check after `checks` checks."""
        return min(self.first_check_s * self.growth ** min(checks, 64), self.max_check_s)


class Membership(StrEnum):
    """Whether the instance waits for the hook, does not wait yet, or no longer does."""

    WAITING = "waiting"
    PREMATURE = "premature"
    ENDED = "ended"


def membership_of(lifecycle_state: str | None) -> Membership:
    """The membership for a lifecycle state of Auto Scaling; None: the instance belongs to no group."""
    if lifecycle_state is None:
        return Membership.ENDED
    if lifecycle_state.endswith(":Wait"):
        return Membership.WAITING
    if lifecycle_state.endswith((":Proceed", ":Terminated")) or lifecycle_state in {"Terminated", "Detached"}:
        return Membership.ENDED
    return Membership.PREMATURE


@dataclass(frozen=True, kw_only=True)
class DrainProgress:
    """What was done before this check. `started`, the time of the event, is in seconds since 1970."""

    started: float
    checks: int = 0
    heartbeats: int = 0
    last_heartbeat: float | None = None


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What a check found. `container_status` None: the instance is not registered with ECS.

    `task_statuses`: the last status of each task on it, with any desired status.
    """

    membership: Membership
    container_status: str | None = None
    task_statuses: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class DrainDecision:
    """What to do now, in this order. `check_again_s`: seconds until the next check (None: none is needed)."""

    reason: str
    set_draining: bool = False
    heartbeat: bool = False
    complete: bool = False
    check_again_s: float | None = None


def decide_instance_drain(
    progress: DrainProgress, found: Observation, now: float, rules: InstanceDrainRules
) -> DrainDecision:
    """The decision of one check. Repeated for the same state, it has the same effect: nothing more."""
    if found.membership is Membership.ENDED:
        return DrainDecision(reason="the lifecycle action has ended")
    if found.membership is Membership.PREMATURE:
        if progress.checks >= _MAX_PREMATURE_CHECKS:
            return DrainDecision(reason="the instance does not wait for a hook")
        return DrainDecision(
            reason="the instance does not wait for the hook yet", check_again_s=rules.first_check_s
        )
    left_s = progress.started + rules.longest_s - now
    if left_s <= 0:
        return DrainDecision(reason="the time granted to running jobs is over", complete=True)
    if reason := _reason_to_complete(found):
        return DrainDecision(reason=reason, complete=True)
    delay_s = min(rules.delay_s(progress.checks), left_s)
    return DrainDecision(
        reason="tasks are left" if found.task_statuses else "the container instance is not drained yet",
        set_draining=found.container_status in _CAN_DRAIN,
        heartbeat=_is_heartbeat_due(progress, now, delay_s, rules),
        check_again_s=max(delay_s, 1.0),
    )


def _reason_to_complete(found: Observation) -> str | None:
    if found.container_status is None:
        # A worker that starts on it after this moment reads its target state from the metadata and exits.
        return "the instance is not registered with ECS"
    if any(status != _STOPPED for status in found.task_statuses):
        return None
    if found.container_status in _GONE:
        return "the container instance is deregistered"
    # Without DRAINING, the service may be starting a task that no list contains yet.
    return "no task is left" if found.container_status == DRAINING else None


def _is_heartbeat_due(progress: DrainProgress, now: float, delay_s: float, rules: InstanceDrainRules) -> bool:
    """Whether half of the timeout passes before the next check, even if that check is late."""
    if progress.heartbeats >= MOST_HEARTBEATS:
        return False
    last = progress.started if progress.last_heartbeat is None else progress.last_heartbeat
    if last + rules.heartbeat_s > progress.started + rules.longest_s + rules.max_check_s:
        return False  # the drain ends before
    return now + delay_s + rules.max_check_s >= last + rules.heartbeat_s / 2
