"""Jobs: as submitted, as read, as claimed, and their outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from eddyline.core.errors import UsageError
from eddyline.graph.states import State

PRIORITY_BAND = 100
"""Priorities from 0 to 99, 100 to 199, ... form bands; a job adds only jobs of the same band."""


MAX_CPU_S = 1e9
"""The maximum CPU time of one job in reports, in seconds: 30 years of one processor."""


class GraphError(UsageError):
    """Jobs that do not form a valid graph: an unknown dependency, a cycle, a link to a started job."""

    default_remedy = "submit dependencies before, or together with, the jobs that name them"


@dataclass(frozen=True, kw_only=True)
class AssetEntry:
    """What the first job of an asset enters into the catalogue; the owner is that of the job.

    `source` is the address of its first file, `profile` the name of the profile.
    """

    name: str
    source: str
    profile: str


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A job to submit.

    `dependencies` are the ids of jobs, stored or of the same batch, that must be done first; `optional` are
    ids of jobs that must have ended first, in any state. A lower `priority` goes first. Within a priority,
    all owners get the same share. `weight` is the relative cost, for progress and shares. `max_attempts` None
    means the ledger's retry policy. A job with a `deadline` (seconds since 1970) is preferred and is reported
    once it is late, but is never cancelled because of it. A job with an `entry` enters its asset into the
    catalogue, in the state "processing".
    """

    id: str
    asset: str
    kind: str
    spec: dict[str, Any]
    pool: str = "cpu"
    priority: int = 0
    dependencies: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    weight: float = 1.0
    owner: str = ""
    max_attempts: int | None = None
    deadline: float | None = None
    entry: AssetEntry | None = None


@dataclass(frozen=True, kw_only=True)
class Link:
    """Further dependencies of a waiting job: a plan extends the fan-in of later jobs with it."""

    job_id: str
    dependencies: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Move:
    """An open job goes to another pool: at once, or, if a worker runs it, when that worker hands it back.

    No effect on a job that has ended, or is unknown.
    """

    job_id: str
    pool: str


Addition: TypeAlias = NewJob | Link | Move


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as read from the ledger. Times are in seconds since 1970; `dependencies` are sorted by id.

    `attempt` counts claims except interrupted ones, `starts` counts all starts, `interruptions` those that
    were handed back or lost, `losses` the consecutive losses of its worker. `fence` numbers its claims.
    """

    id: str
    asset: str
    kind: str
    pool: str
    priority: int
    spec: dict[str, Any]
    dependencies: tuple[str, ...]
    optional: tuple[str, ...]
    weight: float
    owner: str
    max_attempts: int | None
    state: State
    unmet: int
    attempt: int
    starts: int
    interruptions: int
    losses: int
    fence: int
    lease_owner: str | None
    lease_deadline: float | None
    ready_at: float | None
    result: dict[str, Any] | None
    output: str | None
    error: dict[str, Any] | None
    started: float | None
    finished: float | None
    deadline: float | None = None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A job claimed by a worker; a result counts only with this `fence`."""

    job: Job
    fence: int


@dataclass(frozen=True, kw_only=True)
class Done:
    """The job succeeded. `result` is JSON, `output` the key of its output, `spawn` the jobs that it adds."""

    result: dict[str, Any]
    output: str | None = None
    spawn: tuple[Addition, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The job failed; `error` is JSON, and `retry` whether a retry may succeed."""

    error: dict[str, Any]
    retry: bool


@dataclass(frozen=True, kw_only=True)
class Interrupted:
    """The worker was interrupted; the job becomes ready at once and no attempt is spent."""


Outcome: TypeAlias = Done | Failed | Interrupted


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """The outcome of one claim.

    `cpu_s` is the CPU time that it took, `fraction` how much of the job was done (0 to 1); None: unknown.
    """

    job_id: str
    fence: int
    outcome: Outcome
    cpu_s: float | None = None
    fraction: float | None = None


def is_accepted(kind: str, weight: float, most_weight: Mapping[str, float] | None) -> bool:
    """Whether a worker that takes jobs of some kinds up to a weight takes this one; None: it takes all.

    How long a job without a weight takes is not known.
    """
    return most_weight is None or 0 < weight <= most_weight.get(kind, 0.0)
