"""Events of a worker's jobs, for progress bars and logs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from eddyline.graph.job import Job


class WorkerEventKind(StrEnum):
    """The kinds of events. FINISHED and the later ones are emitted after the outcome is recorded."""

    STARTED = "started"
    PROGRESS = "progress"
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True)
class WorkerEvent:
    """An event at time `at` (seconds since 1970), `elapsed_s` after the job's start.

    `fraction` (0 to 1) and `note` are reported by the handler; `result` is set for FINISHED, `error` for
    FAILED. `job` is as claimed; for FAILED it is as recorded after that: its state shows whether it is
    retried, and `ready_at` when.
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


class CoordinatorEventKind(StrEnum):
    """The kinds of a coordinator's events; the values appear in its log and as a label of its metrics."""

    REPORTS_APPLIED = "reports applied"
    REPORTS_IGNORED = "reports ignored"
    REPORTS_FORGED = "forged reports"
    REPORTS_PARKED = "reports parked"
    JOBS_PUBLISHED = "jobs published"
    JOBS_REPUBLISHED = "jobs republished"
    JOBS_ENQUEUED = "jobs enqueued"
    JOBS_EXPIRED = "jobs expired"
    JOBS_QUARANTINED = "jobs quarantined"
    JOBS_ARCHIVED = "jobs archived"
    STARTS_REMOVED = "old starts removed"
    COMMANDS_SENT = "commands sent"
    QUEUES_REMOVED = "stale command queues removed"
    QUEUE_REMOVAL_FAILED = "stale command queue removal failed"
    QUEUE_MISSING = "no queue for jobs"
    PUBLISH_FAILED = "publishing failed"
    STEP_FAILED = "step failed, will retry"


@dataclass(frozen=True, kw_only=True)
class CoordinatorEvent:
    """Something that a coordinator did, for logs and metrics: its kind, how many times, and the reason."""

    kind: CoordinatorEventKind
    count: int = 0
    reason: str = ""
