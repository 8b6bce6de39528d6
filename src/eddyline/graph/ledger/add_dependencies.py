"""Links: further needs for jobs that are in the ledger already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from eddyline.graph.job import GraphError, Link, NewJob
from eddyline.graph.ledger.dependencies import cancel_dependants, dependencies_error
from eddyline.graph.ledger.dependency_states import DependencyState, all_dependencies, dependency_states
from eddyline.graph.ledger.rows import dependencies_of, encode, insert_dependencies, lock, write
from eddyline.graph.states import FAILED, Event, State


def new_edges(
    connection: Connection, links: Sequence[Link], known: dict[str, DependencyState], fresh: dict[str, NewJob]
) -> dict[str, list[str]]:
    """Per known job the needs that its links really add; raises `GraphError` for what is no graph."""
    wanted: dict[str, dict[str, None]] = {}
    for link in links:
        if link.job_id not in known:
            raise GraphError(f"a link names job {link.job_id}, which does not exist")
        for dependency in link.dependencies:
            if dependency not in known and dependency not in fresh:
                raise GraphError(f"a link from {link.job_id} names {dependency}, which is not a job")
        wanted.setdefault(link.job_id, {}).update(dict.fromkeys(link.dependencies))
    present = dependencies_of(connection, wanted)
    edges = {}
    for target, ids in wanted.items():
        there = {dependency for dependency, _ in present.get(target, ())}
        added = [dependency for dependency in ids if dependency not in there]
        if added and known[target].state not in {State.WAITING, State.CANCELLED}:
            raise GraphError(
                f"job {target} is {known[target].state}: it can be given no further needs",
                remedy="let it need the job that adds the link, so that it waits until then",
            )
        if added:
            edges[target] = added
    _check_circles(connection, edges, fresh)
    return edges


def _check_circles(connection: Connection, edges: dict[str, list[str]], fresh: dict[str, NewJob]) -> None:
    """Walk from the new needs to all that they need: the linked job must not be among it."""
    for target, added in edges.items():
        seen: set[str] = set()
        frontier = set(added)
        while frontier:
            if target in frontier:
                raise GraphError(f"a link makes job {target} need itself")
            seen |= frontier
            stored = dependencies_of(connection, [name for name in frontier if name not in fresh])
            above = {dependency for pairs in stored.values() for dependency, _ in pairs}
            above.update(*(all_dependencies(fresh[name]) for name in frontier if name in fresh))
            above.update(*(edges.get(name, ()) for name in frontier))
            frontier = above - seen


def apply_links(
    connection: Connection, edges: dict[str, list[str]], known: dict[str, DependencyState], now: float
) -> None:
    """Write checked edges; a job that is linked to a failed one is cancelled, and what needs it too."""
    if not edges:
        return
    standing = known | dependency_states(
        connection, {dependency for ids in edges.values() for dependency in ids}
    )
    records = lock(connection, edges)
    rows: list[dict[str, Any]] = []
    doomed: dict[str, str] = {}
    for target, added in edges.items():
        for dependency in added:
            met = standing[dependency].state is State.DONE
            rows.append({"job_id": target, "dependency_id": dependency, "optional": False, "met": met})
            records[target].unmet += not met
        failed = [dependency for dependency in added if standing[dependency].state in FAILED]
        if failed and records[target].state == State.WAITING:
            doomed[target] = standing[failed[0]].cause
            error = encode(dependencies_error(failed[0], doomed[target]))
            records[target].end(Event.CANCEL, at=now, error=error, cause=doomed[target])
    insert_dependencies(connection, rows)
    write(connection, records.values())
    cancel_dependants(connection, doomed, now)
