"""Links: further dependencies of jobs that are stored already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from eddyline.graph.job import GraphError, Link, NewJob
from eddyline.graph.ledger.dependencies.dependants import cancel_dependants, dependency_error
from eddyline.graph.ledger.dependencies.states import DependencyState, all_dependencies, dependency_states
from eddyline.graph.ledger.rows import dependencies_of, encode, insert_dependencies, lock, write
from eddyline.graph.states import Event, State


def new_edges(
    connection: Connection, links: Sequence[Link], known: dict[str, DependencyState], new: dict[str, NewJob]
) -> dict[str, list[str]]:
    """By stored job, the dependencies that its links add; raises `GraphError` if the links are invalid."""
    wanted: dict[str, dict[str, None]] = {}
    for link in links:
        if link.job_id not in known:
            raise GraphError(f"a link names job {link.job_id}, which does not exist")
        for dependency in link.dependencies:
            if dependency not in known and dependency not in new:
                raise GraphError(f"a link from {link.job_id} names {dependency}, which is not a job")
        wanted.setdefault(link.job_id, {}).update(dict.fromkeys(link.dependencies))
    stored = dependencies_of(connection, wanted)
    edges = {}
    for target, ids in wanted.items():
        present = {dependency for dependency, _ in stored.get(target, ())}
        added = [dependency for dependency in ids if dependency not in present]
        if added and known[target].state not in {State.WAITING, State.CANCELLED}:
            raise GraphError(
                f"job {target} is {known[target].state}: it cannot get further dependencies",
                remedy="make it depend on the job that adds the link, so that it waits until then",
            )
        if added:
            edges[target] = added
    _check_cycles(connection, edges, new)
    return edges


def _check_cycles(connection: Connection, edges: dict[str, list[str]], new: dict[str, NewJob]) -> None:
    """Check that no linked job is among the direct or indirect dependencies of its new dependencies."""
    for target, added in edges.items():
        seen: set[str] = set()
        frontier = set(added)
        while frontier:
            if target in frontier:
                raise GraphError(f"a link makes job {target} depend on itself")
            seen |= frontier
            stored = dependencies_of(connection, [name for name in frontier if name not in new])
            above = {dependency for pairs in stored.values() for dependency, _ in pairs}
            above.update(*(all_dependencies(new[name]) for name in frontier if name in new))
            above.update(*(edges.get(name, ()) for name in frontier))
            frontier = above - seen


def apply_links(
    connection: Connection, edges: dict[str, list[str]], known: dict[str, DependencyState], now: float
) -> None:
    """Write checked edges; a job linked to a failed one is cancelled with its dependants."""
    if not edges:
        return
    states = known | dependency_states(connection, {name for ids in edges.values() for name in ids})
    records = lock(connection, edges)
    rows: list[dict[str, Any]] = []
    cancelled: dict[str, str] = {}
    for target, added in edges.items():
        for dependency in added:
            met = states[dependency].state is State.DONE
            rows.append({"job_id": target, "dependency_id": dependency, "optional": False, "met": met})
            records[target].unmet += not met
        failed = next((dependency for dependency in added if states[dependency].has_failed), None)
        if failed is not None and records[target].state == State.WAITING:
            cause = cancelled[target] = states[failed].cause
            error = encode(dependency_error(failed, cause))
            records[target].end(Event.CANCEL, at=now, error=error, cause=cause)
    insert_dependencies(connection, rows)
    write(connection, records.values())
    cancel_dependants(connection, cancelled, now)
