"""What a worker tells about its jobs: the source of progress bars and logs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from eddyline.graph.job import Job


class WorkerEventKind(StrEnum):
    """What became of a job, as its worker sees it. FINISHED and the later ones are told once recorded."""

    STARTED = "started"
    PROGRESS = "progress"
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True)
class WorkerEvent:
    """One happening at time `at` (seconds since 1970), `elapsed_s` after the job's start.

    `fraction` (0 to 1) and `note` are the handler's own words; `result` comes with FINISHED, `error` (the
    evidence) with FAILED. `job` is as claimed, but for FAILED as it stands after that: its state tells
    whether it is tried again, and `ready_at` when.
    """

    kind: WorkerEventKind
    job: Job
    worker: str
    at: float
    elapsed_s: float = 0.0
    fraction: float = 0.0
    note: str = ""
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
