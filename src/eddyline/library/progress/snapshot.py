"""What the ledger knows about the work of some assets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from eddyline.graph.states import State

MAX_AHEAD = 1000
"""Jobs ahead in a queue are counted up to this number."""


@dataclass(frozen=True, kw_only=True)
class JobGroup:
    """The jobs of one kind in one state. `weight` is their sum, `took_s` the time of their last starts."""

    kind: str
    state: State
    count: int
    weight: float
    took_s: float


@dataclass(frozen=True, kw_only=True)
class RunningJobRow:
    """A running job: `fraction` is the reported progress, `reported` when it was last reported (or None)."""

    job_id: str
    kind: str
    weight: float
    worker: str
    started: float
    fraction: float
    reported: float | None


@dataclass(frozen=True, kw_only=True)
class QueuedJobs:
    """The due jobs of an asset in one pool; `ahead` jobs of the pool are claimed first, at most 1000."""

    pool: str
    count: int
    ahead: int | None = None


@dataclass(frozen=True, kw_only=True)
class Retry:
    """A job that is retried at `at` (seconds since 1970) after a failure."""

    job_id: str
    at: float
    error: str


@dataclass(frozen=True, kw_only=True)
class WorkerState:
    """A registered worker: whether its lease lasts, its slots (None: unknown) and how many jobs it runs."""

    name: str
    alive: bool
    deadline: float
    slots: int | None
    running: int


@dataclass(kw_only=True)
class AssetSnapshot:
    """The work of one asset."""

    groups: list[JobGroup] = field(default_factory=list)
    running: list[RunningJobRow] = field(default_factory=list)
    queued: list[QueuedJobs] = field(default_factory=list)
    retries: list[Retry] = field(default_factory=list)
    dead: Retry | None = None


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Some assets, the workers, and the recent rate of each kind of job (seconds for one unit of weight)."""

    now: float
    assets: Mapping[str, AssetSnapshot]
    workers: Mapping[str, WorkerState]
    rates: Mapping[str, float]
