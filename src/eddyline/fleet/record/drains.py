"""Decides which notices drain the workers of an instance, and by when they must have ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eddyline.fleet.notices import Notice, NoticeKind
from eddyline.fleet.record.attribution import pool_of

STALE_S = 900.0
"""A notice whose deadline passed longer ago drains nothing: what it announced happened, or never will."""


@dataclass(frozen=True, kw_only=True)
class InstanceDrain:
    """Drain all workers of `instance`, which must have ended at `deadline` (seconds since 1970)."""

    instance: str
    deadline: float
    reason: str


def instance_drain(
    notice: Notice, *, now: float, prefix: str, hooks: Mapping[str, float]
) -> InstanceDrain | None:
    """The drain that a notice asks for: an interruption warning, or the start of a scale-in; None for others.

    `hooks` are the seconds that a scale-in grants running jobs, by pool. Workers also receive these notices
    from the instance metadata; the earliest deadline counts, so a drain twice is harmless.
    """
    if notice.kind is NoticeKind.INTERRUPTION:
        deadline = notice.at if notice.deadline is None else notice.deadline
    elif notice.kind is NoticeKind.SCALE_IN:
        pool, _ = pool_of(notice, prefix=prefix, pools=hooks)
        if not pool:
            return None
        deadline = notice.at + hooks[pool]
    else:
        return None
    if not notice.instance or now > deadline + STALE_S:
        return None
    return InstanceDrain(instance=notice.instance, deadline=deadline, reason=notice.reason)
