"""What the world says about a machine's end, or its beginning, as values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias

from eddyline.core.formatting import short_repr


class NoticeKind(StrEnum):
    """What is said."""

    INTERRUPTION = "interruption"
    REBALANCE = "rebalance"
    SCALE_IN = "scale-in"
    STOP = "stop"
    ASKED = "asked"
    LAUNCHED = "launched"
    GONE = "gone"


@dataclass(frozen=True, kw_only=True)
class LifecycleAction:
    """The hook that holds a machine's end until somebody says `CONTINUE`; the words of Auto Scaling."""

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
    """One thing said about one machine; times are seconds since 1970.

    `instance` is empty for the machine that the notice reached itself. `at` is when it was said, `deadline`
    when the machine ends (None: the notice does not tell).
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
        """Equal for the same thing said twice, by whatever way it came.

        A machine is interrupted, and ends, only once; a rebalance recommendation may be renewed.
        """
        if self.kind is NoticeKind.REBALANCE:
            return self.kind, self.instance, f"{self.at:.0f}"
        return self.kind, self.instance, self.lifecycle.token if self.lifecycle else ""


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """Understood: one notice for each machine."""

    notices: tuple[Notice, ...]


@dataclass(frozen=True, kw_only=True)
class Ignored:
    """Nothing to do, and why: not for us, or not known."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Malformed:
    """Meant for us, and not as documented: to be logged, and nothing else done about it."""

    reason: str


ParseResult: TypeAlias = Parsed | Ignored | Malformed

_LONGEST_TIME = 64  # characters; an ISO 8601 time has 32
_LAST_TIME = 4_102_444_800.0  # 2100-01-01

INSTANCE_ID = re.compile(r"i-[0-9a-f]{8,17}")
"""An EC2 instance's id, in its old and its new length."""


def sigterm_notice(now: float) -> Notice:
    """The notice that SIGTERM is: from ECS, Docker, systemd or a person."""
    return Notice(kind=NoticeKind.STOP, at=now, reason="SIGTERM")


def drain_command_notice(now: float, reason: str) -> Notice:
    """A person wants this worker to end; there is no hurry."""
    return Notice(kind=NoticeKind.ASKED, at=now, reason=reason)


def parse_time(text: object) -> float:
    """Seconds since 1970 of an ISO 8601 time, in UTC if it does not say; raises ValueError."""
    if not isinstance(text, str) or len(text) > _LONGEST_TIME:
        raise ValueError(f"{short_repr(text)} is not a time")
    when = datetime.fromisoformat(text)
    try:
        seconds = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except OverflowError:
        seconds = -1.0
    if not 0 <= seconds <= _LAST_TIME:
        raise ValueError(f"{short_repr(text)} lies outside the years that EC2 can mean")
    return seconds
