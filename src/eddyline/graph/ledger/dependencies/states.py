"""The states of jobs that other jobs depend on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from eddyline.graph.db.bulk import rows_for
from eddyline.graph.db.schema import jobs
from eddyline.graph.job import NewJob
from eddyline.graph.states import FAILED, State

_STATES = (
    select(jobs.c.id, jobs.c.state, jobs.c.cause)
    .where(jobs.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(jobs.c.id)
    .with_for_update()
)


@dataclass(frozen=True, slots=True)
class DependencyState:
    """A dependency's state, and the job that caused its failure if it failed."""

    state: State
    cause: str

    @property
    def has_failed(self) -> bool:
        """Whether it ended without a result."""
        return self.state in FAILED


def dependency_states(connection: Connection, ids: Collection[str]) -> dict[str, DependencyState]:
    """The states of these jobs, locked; without unknown ids."""
    return {
        row.id: DependencyState(State(row.state), row.cause or row.id)
        for row in rows_for(connection, _STATES, ids)
    }


def all_dependencies(job: NewJob) -> dict[str, bool]:
    """Each dependency once, with whether it is optional; one that is both is required."""
    return dict.fromkeys(job.optional, True) | dict.fromkeys(job.dependencies, False)
