"""Commands to workers: cancel a job, or drain."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CommandKind(StrEnum):
    """What a worker is to do: give up a job that it runs, or end itself."""

    CANCEL = "give-up"
    DRAIN = "drain"


@dataclass(frozen=True, kw_only=True)
class Command:
    """One wish; `job_id` and `fence` name the claim to give up, and are empty for a drain.

    `over`: nothing published of that claim is of use to anybody any more, so that its message may go too.
    """

    worker: str
    kind: CommandKind
    job_id: str = ""
    fence: int = 0
    over: bool = False
    reason: str = ""
