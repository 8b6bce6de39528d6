"""Notices about the termination or the launch of a machine, as values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias

from eddyline.core.formatting import short_repr


class NoticeKind(StrEnum):
    """Spot interruption, rebalance recommendation, scale-in, SIGTERM, drain command, launch, termination."""

    INTERRUPTION = "interruption"
    REBALANCE = "rebalance"
    SCALE_IN = "scale-in"
    STOP = "stop"
    DRAIN_COMMAND = "drain-command"
    LAUNCHED = "launched"
    TERMINATED = "terminated"


@dataclass(frozen=True, kw_only=True)
class LifecycleAction:
    """The Auto Scaling lifecycle action that delays a termination until it is completed (`CONTINUE`)."""

    group: str
    hook: str
    token: str


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What was launched; empty or None where the event does not say."""

    type: str = ""
    zone: str = ""
    spot: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One notice about one machine; times are seconds since 1970.

    `instance` is empty for a notice that the machine itself received. `at` is the time of the notice,
    `deadline` the time at which the machine ends (None: unknown).
    """

    kind: NoticeKind
    at: float
    instance: str = ""
    deadline: float | None = None
    reason: str = ""
    lifecycle: LifecycleAction | None = None
    launch: Launch | None = None

    @property
    def identity(self) -> tuple[str, str, str]:
        """Equal for duplicates, whichever source they come from.

        A machine is interrupted, and terminated, only once; a rebalance recommendation may be repeated.
        """
        if self.kind is NoticeKind.REBALANCE:
            return self.kind, self.instance, f"{self.at:.0f}"
        return self.kind, self.instance, self.lifecycle.token if self.lifecycle else ""


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """One notice for each machine."""

    notices: tuple[Notice, ...]


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
