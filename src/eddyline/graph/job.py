"""A job: as asked for, as read, as claimed, and how it may end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from eddyline.core.errors import UsageError
from eddyline.graph.states import State

PRIORITY_BAND = 100
"""Priorities of one band (0 to 99, 100 to 199, ...) are of one urgency; a job adds only jobs of its own."""


class GraphError(UsageError):
    """Jobs that do not make a graph: an unknown need, a circle, a link to a job that already started."""

    default_remedy = "submit needs before, or together with, the jobs that name them"


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A job to add.

    `needs` are ids of jobs, existing or of the same batch, that must be done first; `optional` are ids that
    must have ended first, in whatever way. `priority`: lower first. `owner`: within a priority, every owner
    gets the same share. `weight`: relative cost, for progress and shares. `max_attempts`: None for the
    ledger's retry policy. `deadline` (seconds since 1970): when it should be done; goes ahead, and is
    reported once late, but is never given up for it.
    """

    id: str
    asset: str
    kind: str
    spec: dict[str, Any]
    cls: str = "cpu"
    priority: int = 0
    needs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    weight: float = 1.0
    owner: str = ""
    max_attempts: int | None = None
    deadline: float | None = None


@dataclass(frozen=True, kw_only=True)
class Link:
    """Further needs for a job that still waits: how a plan extends the fan-in of what comes after it."""

    job_id: str
    needs: tuple[str, ...]


Addition: TypeAlias = NewJob | Link


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as the ledger knew it when it was read. Times are seconds since 1970; `needs` sorted by id.

    `attempt` counts claims but for interrupted ones; `starts` counts every start; `interruptions` those that
    were handed back or lost; `losses` how often in a row its worker vanished. `fence` numbers its claims.
    """

    id: str
    asset: str
    kind: str
    cls: str
    priority: int
    spec: dict[str, Any]
    needs: tuple[str, ...]
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

    def is_late(self, now: float) -> bool:
        """Whether it has missed its deadline, or ended after it."""
        return self.deadline is not None and self.deadline < (now if self.finished is None else self.finished)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A job lent to a worker; an answer counts only with this `fence`."""

    job: Job
    fence: int


@dataclass(frozen=True, kw_only=True)
class Done:
    """It worked. `result` is JSON, `output` the key of what was made, `spawn` what comes after it."""

    result: dict[str, Any]
    output: str | None = None
    spawn: tuple[Addition, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Failed:
    """It failed, with its evidence as JSON; `retry`: trying again may help."""

    error: dict[str, Any]
    retry: bool


@dataclass(frozen=True, kw_only=True)
class Interrupted:
    """The worker was told to stop; the job goes back at once and no attempt is spent."""


@dataclass(frozen=True, kw_only=True)
class Unstarted:
    """Claimed ahead of time and never started; the job goes back as if it had not been claimed."""


Outcome: TypeAlias = Done | Failed | Interrupted | Unstarted


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """A worker's answer for one claim."""

    job_id: str
    fence: int
    outcome: Outcome
