"""Notices about the launch or the termination of a machine, and changes that ECS reports, as values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias

from eddyline.core.formatting import short_repr


class NoticeKind(StrEnum):
    """What a notice is about.

    `SCALE_IN` is the start of a termination by an Auto Scaling group, `TERMINATED_BY_GROUP` its end.
    `TERMINATED` is the state of an instance that ended for any reason. `SCHEDULED_CHANGE`: AWS Health
    announces a change, for example a retirement. `STOP` is SIGTERM.
    """

    INTERRUPTION = "interruption"
    REBALANCE = "rebalance"
    SCALE_IN = "scale-in"
    STOP = "stop"
    DRAIN_COMMAND = "drain-command"
    LAUNCHED = "launched"
    LAUNCH_FAILED = "launch-failed"
    RUNNING = "running"
    TERMINATED = "terminated"
    TERMINATED_BY_GROUP = "terminated-by-group"
    TERMINATE_FAILED = "terminate-failed"
    SCHEDULED_CHANGE = "scheduled-change"


@dataclass(frozen=True, kw_only=True)
class LifecycleAction:
    """The Auto Scaling lifecycle action that delays a termination until it is completed (`CONTINUE`)."""

    group: str
    hook: str
    token: str


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What was launched; empty or None where the event does not say.

    `pool` and `prefix` are the values of the tags `eddyline:pool` and `eddyline:prefix`.
    """

    type: str = ""
    zone: str = ""
    spot: bool | None = None
    pool: str = ""
    prefix: str = ""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One notice about one machine; times are seconds since 1970.

    `instance` is empty for a notice that the machine itself received. `at` is the time of the notice,
    `deadline` the time at which the machine ends or changes (None: unknown). `event_id`, `account` and
    `region` are those of the EventBridge event, `group` is the name of the Auto Scaling group, `activity` the
    id of the Auto Scaling activity or the ARN of the AWS Health event; all are empty where they are unknown.
    """

    kind: NoticeKind
    at: float
    instance: str = ""
    deadline: float | None = None
    reason: str = ""
    lifecycle: LifecycleAction | None = None
    launch: Launch | None = None
    event_id: str = ""
    account: str = ""
    region: str = ""
    group: str = ""
    activity: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """Equal for duplicates, whichever source they come from.

        A machine is launched, interrupted and terminated only once; a rebalance recommendation may be
        repeated, a stopped machine may run again, and several launches or terminations may fail.
        """
        if self.kind in _REPEATED:
            return self.kind, self.instance, f"{self.at:.0f}"
        if self.kind in _OF_ACTIVITY:
            return self.kind, self.instance, self.activity or self.event_id or f"{self.at:.0f}"
        return self.kind, self.instance, self.lifecycle.token if self.lifecycle else ""


_REPEATED = frozenset({NoticeKind.REBALANCE, NoticeKind.RUNNING})
_OF_ACTIVITY = frozenset({NoticeKind.LAUNCH_FAILED, NoticeKind.TERMINATE_FAILED, NoticeKind.SCHEDULED_CHANGE})


@dataclass(frozen=True, kw_only=True)
class ContainerInstanceChange:
    """A change of an ECS container instance; of several changes, the highest `version` is the newest.

    `arn` and `cluster` are ARNs, `instance` is the EC2 instance id.
    """

    arn: str
    cluster: str
    version: int
    at: float
    instance: str
    status: str
    agent_connected: bool | None


@dataclass(frozen=True, kw_only=True)
class TaskChange:
    """A change of an ECS task; of several changes, the highest `version` is the newest.

    `arn`, `cluster` and `container_instance` (empty on Fargate) are ARNs.
    """

    arn: str
    cluster: str
    version: int
    at: float
    container_instance: str
    last_status: str
    desired_status: str
    stop_code: str
    stopped_reason: str


EcsChange: TypeAlias = ContainerInstanceChange | TaskChange


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """One notice for each machine; or the change that ECS reports."""

    notices: tuple[Notice, ...] = ()
    change: EcsChange | None = None


@dataclass(frozen=True, kw_only=True)
class Ignored:
    """Nothing to do, with the reason: not a notice, or of an unknown kind."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Malformed:
    """A notice that differs from its documentation: log it and do nothing else."""

    reason: str


ParseResult: TypeAlias = Parsed | Ignored | Malformed

_MAX_TIME_LENGTH = 64  # characters; an ISO 8601 time has 32
_MAX_TIME = 4_102_444_800.0  # 2100-01-01

INSTANCE_ID = re.compile(r"i-[0-9a-f]{8,17}")
"""The id of an EC2 instance, in its old and its new length."""


def sigterm_notice(now: float) -> Notice:
    """SIGTERM as a notice: sent by ECS, Docker, systemd or an operator."""
    return Notice(kind=NoticeKind.STOP, at=now, reason="SIGTERM")


def drain_command_notice(now: float, reason: str, deadline: float | None = None) -> Notice:
    """A drain command as a notice; without a `deadline` (seconds since 1970) running jobs may end."""
    return Notice(kind=NoticeKind.DRAIN_COMMAND, at=now, reason=reason, deadline=deadline)


def parse_time(text: object) -> float:
    """Seconds since 1970 of an ISO 8601 time, in UTC if it has no offset; raises ValueError."""
    if not isinstance(text, str) or len(text) > _MAX_TIME_LENGTH:
        raise ValueError(f"{short_repr(text)} is not a time")
    when = datetime.fromisoformat(text)
    try:
        seconds = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except OverflowError:
        seconds = -1.0
    if not 0 <= seconds <= _MAX_TIME:
        raise ValueError(f"{short_repr(text)} is not between 1970 and 2100")
    return seconds
