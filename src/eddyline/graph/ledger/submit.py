"""Adding jobs and links: everything is checked before anything is written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeAlias

from sqlalchemy import Connection

from eddyline.graph.job import Addition, GraphError, Link, NewJob
from eddyline.graph.ledger import archive
from eddyline.graph.ledger.add_dependencies import apply_links, new_edges
from eddyline.graph.ledger.dependencies import dependencies_error
from eddyline.graph.ledger.dependency_states import DependencyState, all_dependencies, dependency_states
from eddyline.graph.ledger.rows import encode, insert_dependencies, insert_jobs
from eddyline.graph.states import FAILED, State

# Two of them, of four bytes each, must fit into a third of a page: what an index of PostgreSQL holds.
_MOST_CHARACTERS = 300

Wanted: TypeAlias = Mapping[str, Mapping[str, bool]]
"""Per job what it needs, each with whether it is optional."""


def add(connection: Connection, additions: Sequence[Addition], now: float) -> int:
    """Add jobs and links; returns the number of jobs that were not there before.

    A job whose id is known is left as it is. Raises `GraphError` before anything is written if a need is
    unknown, if there is a circle, if a link names a job that no longer waits, if a name is too long, or if a
    spec is not JSON.
    """
    batch, links = _merge(additions)
    for job in batch.values():
        _check_names(job)
    wanted = {name: all_dependencies(job) for name, job in batch.items()}
    mentioned = set(batch).union(*wanted.values())
    mentioned.update(link.job_id for link in links)
    mentioned.update(*(link.dependencies for link in links))
    known = dependency_states(connection, mentioned)
    known |= {
        name: DependencyState(State.DONE, name)
        for name in archive.known(connection, mentioned.difference(known))
    }
    fresh = {name: job for name, job in batch.items() if name not in known}
    # Whoever links to a job of this batch that turns out to be known, links to what is there.
    links += [
        Link(job_id=link.job_id, dependencies=link.dependencies)
        for link in _late_links(additions, batch, known)
    ]
    _check_needs(fresh, wanted, {*fresh, *known})
    order = _ordered(fresh, wanted)
    edges = new_edges(connection, links, known, fresh)
    standing = dict(known)
    rows = _rows(order, fresh, wanted, standing, now)
    if rows:
        insert_jobs(connection, rows)
        insert_dependencies(
            connection, [edge for name in fresh for edge in _edges_of(name, wanted[name], standing)]
        )
    apply_links(connection, edges, known, now)
    return len(rows)


def _merge(additions: Sequence[Addition]) -> tuple[dict[str, NewJob], list[Link]]:
    """Jobs by id (the first of equal ids counts) with the batch's links to them merged in; other links."""
    batch: dict[str, NewJob] = {}
    for addition in additions:
        if isinstance(addition, NewJob):
            batch.setdefault(addition.id, addition)
    links: list[Link] = []
    for link in (addition for addition in additions if isinstance(addition, Link)):
        target = batch.get(link.job_id)
        if target is None:
            links.append(link)
        else:
            batch[link.job_id] = replace(target, dependencies=(*target.dependencies, *link.dependencies))
    return batch, links


def _check_names(job: NewJob) -> None:
    """Refuse names that no index or no text can hold: a database would, for the whole batch."""
    for name in (job.id, job.asset, job.kind, job.pool, job.owner):
        if len(name) > _MOST_CHARACTERS or "\0" in name:
            raise GraphError(
                f"job {job.id[:80]!r} has a name that is too long or none",
                remedy=f"at most {_MOST_CHARACTERS} characters, and no null",
            )


def _late_links(
    additions: Sequence[Addition], batch: dict[str, NewJob], known: dict[str, DependencyState]
) -> list[Link]:
    return [a for a in additions if isinstance(a, Link) and a.job_id in batch and a.job_id in known]


def _check_needs(fresh: Iterable[str], wanted: Wanted, there: Collection[str]) -> None:
    for name in fresh:
        unknown = next((dependency for dependency in wanted[name] if dependency not in there), None)
        if unknown is not None:
            raise GraphError(f"job {name} needs {unknown}, which is not a job")


def _ordered(fresh: Collection[str], wanted: Wanted) -> list[str]:
    """The fresh ids, every one after what it needs: as they came, if so they did."""
    before: set[str] = set()
    for name in fresh:
        if any(dependency in fresh and dependency not in before for dependency in wanted[name]):
            break
        before.add(name)
    else:
        return list(fresh)
    graph = {name: [dependency for dependency in wanted[name] if dependency in fresh] for name in fresh}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise GraphError(f"jobs need each other in a circle: {' -> '.join(error.args[1])}") from None


def _rows(
    order: Iterable[str],
    fresh: Mapping[str, NewJob],
    wanted: Wanted,
    standing: dict[str, DependencyState],
    now: float,
) -> list[dict[str, Any]]:
    """Rows to insert, in `order`; what needs a failed job is cancelled, and so entered in `standing`."""
    rows = []
    for name in order:
        job = fresh[name]
        dependencies = wanted[name].items()
        unmet = sum(
            [not _met(standing.get(dependency), optional=optional) for dependency, optional in dependencies]
        )
        failed = next(
            (
                dependency
                for dependency, optional in dependencies
                if not optional and _fell(standing, dependency)
            ),
            None,
        )
        if failed is None:
            rows.append(_row(job, State.WAITING if unmet else State.READY, unmet, now))
        else:
            cause = standing[failed].cause
            standing[name] = DependencyState(State.CANCELLED, cause)
            error = encode(dependencies_error(failed, cause))
            rows.append(_row(job, State.CANCELLED, unmet, now, error=error, cause=cause))
    return rows


def _fell(standing: dict[str, DependencyState], dependency: str) -> bool:
    return dependency in standing and standing[dependency].state in FAILED


def _met(standing: DependencyState | None, *, optional: bool) -> bool:
    return standing is not None and (standing.state is State.DONE or (optional and standing.state in FAILED))


def _row(
    job: NewJob, state: State, unmet: int, now: float, *, error: str | None = None, cause: str | None = None
) -> dict[str, Any]:
    return {
        "id": job.id,
        "asset": job.asset,
        "kind": job.kind,
        "pool": job.pool,
        "priority": job.priority,
        "owner": job.owner,
        "spec": _spec(job),
        "weight": job.weight,
        "max_attempts": job.max_attempts,
        "created": now,
        "deadline": job.deadline,
        "state": state.value,
        "unmet": unmet,
        "attempt": 0,
        "starts": 0,
        "interruptions": 0,
        "losses": 0,
        "fence": 0,
        "lease_owner": None,
        "result": None,
        "output": None,
        "started": None,
        "ready_at": now if state is State.READY else None,
        "error": error,
        "cause": cause,
        "finished": now if state is State.CANCELLED else None,
        "start_tag": 0.0,
        "answered": 0,
        "answered_at": None,
    }


def _spec(job: NewJob) -> str:
    try:
        return encode(job.spec)
    except (TypeError, ValueError) as error:
        raise GraphError(f"the spec of job {job.id} is not JSON: {error}", remedy="") from error


def _edges_of(
    name: str, dependencies: Mapping[str, bool], standing: Mapping[str, DependencyState]
) -> Iterator[dict[str, Any]]:
    for dependency, optional in dependencies.items():
        met = _met(standing.get(dependency), optional=optional)
        yield {"job_id": name, "dependency_id": dependency, "optional": optional, "met": met}
