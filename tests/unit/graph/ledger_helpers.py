"""Helpers for the tests of the ledger."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from eddyline.graph.db import fast_sql
from eddyline.graph.job import Addition, Claim, Done, Failed, Interrupted, Job, NewJob, Outcome, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State


def new(name: str, *dependencies: str, optional: tuple[str, ...] = (), **more: object) -> NewJob:
    """A job of kind `work`; its asset is its name up to the first hyphen."""
    options: dict[str, Any] = {"asset": name.split("-", maxsplit=1)[0], "kind": "work", "spec": {}, **more}
    return NewJob(id=name, dependencies=dependencies, optional=optional, **options)


def claim_jobs(ledger: Ledger, limit: int = 1, worker: str = "ada", lease_s: float = 30.0) -> list[Claim]:
    """Claims jobs of pool cpu."""
    return ledger.claim(worker, pools=("cpu",), limit=limit, lease_s=lease_s)


def settle(ledger: Ledger, claim: Claim, outcome: Outcome) -> bool:
    """Settles one claim; returns whether the result counted."""
    return ledger.settle([Settlement(job_id=claim.job.id, fence=claim.fence, outcome=outcome)])[0]


def done(*spawn: Addition, **result: object) -> Done:
    """A success."""
    return Done(result=result, spawn=spawn)


def failed(*, retry: bool = True) -> Failed:
    """A failure."""
    return Failed(error={"error": "TestError", "message": "on purpose"}, retry=retry)


def interrupted() -> Interrupted:
    """A hand-back."""
    return Interrupted()


def finish(ledger: Ledger, *names: str) -> None:
    """Claims and completes these jobs, which must be all ready jobs."""
    claims = claim_jobs(ledger, limit=1000)
    assert sorted(claim.job.id for claim in claims) == sorted(names)
    assert all(settle(ledger, claim, done()) for claim in claims)


def get(ledger: Ledger, name: str) -> Job:
    """An existing job."""
    job = ledger.job(name)
    assert job is not None
    return job


def states(ledger: Ledger) -> dict[str, State]:
    """The state of every job."""
    return {job.id: job.state for job in ledger.jobs()}


def record_queries(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, fast_sql.Values]]:
    """The list to which every later query by `fast_sql.fetch` is appended, with its values."""
    queries: list[tuple[str, fast_sql.Values]] = []
    fetch = fast_sql.fetch

    def record(connection: Connection, query: str, values: fast_sql.Values = ()) -> list[tuple[Any, ...]]:
        queries.append((query, values))
        return fetch(connection, query, values)

    monkeypatch.setattr(fast_sql, "fetch", record)
    return queries


def query_plan(ledger: Ledger, query: str, values: fast_sql.Values) -> list[str]:
    """The steps of SQLite's plan for a query."""
    explain = f"EXPLAIN QUERY PLAN {query}"
    return [str(row[3]) for row in ledger.read(lambda c: fast_sql.fetch(c, explain, values))]
