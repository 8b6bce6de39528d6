"""What a coordinator tells of its work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CoordinatorEvent:
    """Something a coordinator did, for logs and counters: `what` happened `count` times, and why."""

    what: str
    count: int = 0
    reason: str = ""
