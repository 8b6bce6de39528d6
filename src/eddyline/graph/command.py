"""Commands to workers: cancel a job, or drain."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CommandKind(StrEnum):
    """What the worker must do: cancel a job that it runs, or drain and exit."""

    CANCEL = "give-up"
    DRAIN = "drain"


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command; `job_id` and `fence` identify the claim to cancel, and are empty for a drain.

    If `over`, the publication of that claim no longer counts, and its message may be deleted too. `deadline`
    (seconds since 1970) is when a drained worker must have ended; None: it may finish its jobs.
    """

    worker: str
    kind: CommandKind
    job_id: str = ""
    fence: int = 0
    over: bool = False
    reason: str = ""
    deadline: float | None = None
