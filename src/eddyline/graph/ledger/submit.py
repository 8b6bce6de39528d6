"""Adds jobs and links, and moves jobs: everything is checked before anything is written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeAlias

from sqlalchemy import Connection

from eddyline.graph.job import Addition, GraphError, Link, Move, NewJob
from eddyline.graph.ledger import archive
from eddyline.graph.ledger.catalogue import transitions
from eddyline.graph.ledger.dependencies.dependants import dependency_error
from eddyline.graph.ledger.dependencies.links import apply_links, new_edges
from eddyline.graph.ledger.dependencies.states import DependencyState, all_dependencies, dependency_states
from eddyline.graph.ledger.moves import apply_moves
from eddyline.graph.ledger.rows import encode, insert_dependencies, insert_jobs
from eddyline.graph.states import State

# Two names of four-byte characters must fit into a third of a page, the limit of an index of PostgreSQL.
_MAX_NAME_LENGTH = 300

Edges: TypeAlias = Mapping[str, Mapping[str, bool]]
"""By job, its dependencies, each with whether it is optional."""


def add(connection: Connection, additions: Sequence[Addition], now: float) -> int:
    """Add jobs and links, and move jobs; returns the number of new jobs.

    A job whose id is known does not change. Raises `GraphError` before anything is written if a dependency is
    unknown, if there is a cycle, if a link names a job that is not waiting, if a name is invalid, or if a
    spec is not JSON.
    """
    batch, links = _merge(additions)
    for job in batch.values():
        _check_names(job.id, job.id, job.asset, job.kind, job.pool, job.owner)
    for move in (each for each in additions if isinstance(each, Move)):
        _check_names(move.job_id, move.job_id, move.pool)
    wanted = {name: all_dependencies(job) for name, job in batch.items()}
    mentioned = set(batch).union(*wanted.values())
    mentioned.update(link.job_id for link in links)
    mentioned.update(*(link.dependencies for link in links))
    known = dependency_states(connection, mentioned)
    known |= {
        name: DependencyState(State.DONE, name)
        for name in archive.known(connection, mentioned.difference(known))
    }
    new = {name: job for name, job in batch.items() if name not in known}
    # A link to a job of this batch that is stored already is a link to the stored one.
    links += [
        each for each in additions if isinstance(each, Link) and each.job_id in batch and each.job_id in known
    ]
    _check_dependencies(new, wanted, {*new, *known})
    order = _ordered(new, wanted)
    edges = new_edges(connection, links, known, new)
    states = dict(known)
    rows = _rows(order, new, wanted, states, now)
    if rows:
        insert_jobs(connection, rows)
        transitions.submitted(connection, new.values(), now)
        insert_dependencies(
            connection, [edge for name in new for edge in _edge_rows(name, wanted[name], states)]
        )
    apply_links(connection, edges, known, now)
    apply_moves(connection, [each for each in additions if isinstance(each, Move)])
    return len(rows)


def _merge(additions: Sequence[Addition]) -> tuple[dict[str, NewJob], list[Link]]:
    """Jobs by id (the first of equal ids counts) merged with the batch's links to them, and other links."""
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


def _check_names(job_id: str, *names: str) -> None:
    """Refuse names that no index or text column can hold: a database would refuse the whole batch."""
    for name in names:
        if len(name) > _MAX_NAME_LENGTH or "\0" in name:
            raise GraphError(
                f"job {job_id[:80]!r} has an invalid or too long name",
                remedy=f"use at most {_MAX_NAME_LENGTH} characters, without null characters",
            )


def _check_dependencies(new: Iterable[str], wanted: Edges, known: Collection[str]) -> None:
    for name in new:
        unknown = next((dependency for dependency in wanted[name] if dependency not in known), None)
        if unknown is not None:
            raise GraphError(f"job {name} depends on {unknown}, which is not a job")


def _ordered(new: Collection[str], wanted: Edges) -> list[str]:
    """The new ids, each after its dependencies; in the given order if that order does."""
    before: set[str] = set()
    for name in new:
        if any(dependency in new and dependency not in before for dependency in wanted[name]):
            break
        before.add(name)
    else:
        return list(new)
    graph = {name: [dependency for dependency in wanted[name] if dependency in new] for name in new}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise GraphError(f"jobs depend on each other in a cycle: {' -> '.join(error.args[1])}") from None


def _rows(
    order: Iterable[str],
    new: Mapping[str, NewJob],
    wanted: Edges,
    states: dict[str, DependencyState],
    now: float,
) -> list[dict[str, Any]]:
    """Rows to insert, in `order`; dependants of failed jobs are cancelled, and added to `states`."""
    rows = []
    for name in order:
        job = new[name]
        edges = wanted[name].items()
        unmet = sum(
            [not _is_met(states.get(dependency), optional=optional) for dependency, optional in edges]
        )
        failed = next(
            (
                dependency
                for dependency, optional in edges
                if not optional and dependency in states and states[dependency].has_failed
            ),
            None,
        )
        if failed is None:
            rows.append(_row(job, State.WAITING if unmet else State.READY, unmet, now))
        else:
            cause = states[failed].cause
            states[name] = DependencyState(State.CANCELLED, cause)
            error = encode(dependency_error(failed, cause))
            rows.append(_row(job, State.CANCELLED, unmet, now, error=error, cause=cause))
    return rows


def _is_met(dependency: DependencyState | None, *, optional: bool) -> bool:
    return dependency is not None and (dependency.state is State.DONE or (optional and dependency.has_failed))


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


def _edge_rows(
    name: str, wanted: Mapping[str, bool], states: Mapping[str, DependencyState]
) -> Iterator[dict[str, Any]]:
    for dependency, optional in wanted.items():
        met = _is_met(states.get(dependency), optional=optional)
        yield {"job_id": name, "dependency_id": dependency, "optional": optional, "met": met}
