"""How the jobs stand that others name as their needs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from eddyline.graph.db.bulk import rows_for
from eddyline.graph.db.schema import jobs
from eddyline.graph.job import NewJob
from eddyline.graph.states import State

_STANDING = (
    select(jobs.c.id, jobs.c.state, jobs.c.cause)
    .where(jobs.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(jobs.c.id)
    .with_for_update()
)


@dataclass(frozen=True, slots=True)
class DependencyState:
    """What matters of a need: its state, and the job to blame if it failed."""

    state: State
    cause: str


def dependency_states(connection: Connection, ids: Collection[str]) -> dict[str, DependencyState]:
    """How these jobs stand, locked; unknown ids are left out."""
    return {
        row.id: DependencyState(State(row.state), row.cause or row.id)
        for row in rows_for(connection, _STANDING, ids)
    }


def all_dependencies(job: NewJob) -> dict[str, bool]:
    """Each need once, with whether it is optional; required wins."""
    return dict.fromkeys(job.optional, True) | dict.fromkeys(job.dependencies, False)
