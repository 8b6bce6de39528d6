"""Reads and writes rows of jobs: the mutable part of a job is read, changed in Python and written back.

Reads lock the rows (on SQLite the write transaction does), always in the order of ids, which avoids
deadlocks.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import Connection, bindparam, insert, literal_column, select, update

from eddyline.core.identity import canonical
from eddyline.graph.db.bulk import many, rows_for
from eddyline.graph.db.schema import dependencies, jobs
from eddyline.graph.job import Job
from eddyline.graph.ledger import ended_starts, fair_queue
from eddyline.graph.ledger.catalogue import transitions
from eddyline.graph.ledger.catalogue.transitions import JobChange
from eddyline.graph.ledger.ended_starts import EndedStart, StartOutcome
from eddyline.graph.ledger.outbox import ready_jobs
from eddyline.graph.states import Event, State, advance


@dataclass
class Record:
    """The mutable part of a job's row, by its columns' names except `job_id`, and its place in the queue.

    If `start_tag` is None, a new place in the queue is assigned when this is written. `ended_start` is added
    to the start history then, and `asset_change` applied to the catalogue.
    """

    job_id: str
    state: str
    unmet: int
    attempt: int
    starts: int
    interruptions: int
    losses: int
    fence: int
    max_attempts: int | None
    lease_owner: str | None
    ready_at: float | None
    result: str | None
    output: str | None
    error: str | None
    cause: str | None
    started: float | None
    finished: float | None
    start_tag: float | None
    answered: int
    answered_at: float | None
    pool: str
    priority: int
    owner: str
    weight: float
    kind: str
    ended_start: EndedStart | None = field(default=None, init=False)
    asset_change: JobChange | None = field(default=None, init=False)

    def step(self, event: Event) -> None:
        """Change the state according to the table of transitions."""
        # A plain string again: a driver would write the name of an enum member.
        self.state = str(advance(self.state, event))

    def start(self, worker: str, *, fence: int, at: float) -> None:
        """Change a ready job to running on a worker."""
        self.step(Event.CLAIM)
        self.attempt += 1
        self.starts += 1
        self.fence = fence
        self.lease_owner = worker
        self.ready_at = None
        self.started = at

    def end_start(self, outcome: StartOutcome, now: float) -> None:
        """Record the end of the current start of a running job, before its state changes."""
        self.ended_start = EndedStart(
            job_id=self.job_id,
            fence=self.fence,
            pool=self.pool,
            kind=self.kind,
            worker=self.lease_owner or "",
            started=now if self.started is None else self.started,
            ended=now,
            outcome=str(outcome),
        )

    def make_ready(self, event: Event, at: float) -> None:
        """Change to ready by `event`; the job may be claimed from `at`."""
        self.step(event)
        self.lease_owner = None
        self.ready_at = at

    def hand_back(self, event: Event, now: float) -> None:
        """Make a running job ready at once: no attempt is spent, the interruption is counted."""
        self.end_start(StartOutcome.LOST if event is Event.LOSE else StartOutcome.INTERRUPTED, now)
        self.make_ready(event, now)
        self.attempt -= 1
        self.interruptions += 1

    def end(self, event: Event, *, at: float, error: str | None, cause: str | None = None) -> None:
        """Change to a final state."""
        self.step(event)
        self.lease_owner = None
        self.ready_at = None
        self.error = error
        self.cause = cause
        self.finished = at
        if transitions.is_relevant(event, self.kind):
            self.asset_change = JobChange(event=event, at=at)


# Literals, not parameters: only then does the planner use the partial indexes.
IS_READY = jobs.c.state == literal_column("'ready'")
IS_RUNNING = jobs.c.state == literal_column("'running'")

_FIXED = ("pool", "priority", "owner", "weight", "kind")
_READ = [each.name for each in fields(Record) if each.init]
_NAMES = [name for name in _READ if name not in _FIXED]
_RECORD = [jobs.c.id.label("job_id"), *(jobs.c[name] for name in _READ[1:])]
COLUMNS = [*_RECORD, *(jobs.c[name] for name in ("asset", "spec", "deadline"))]
"""The columns from which a `Job` is read, except its dependencies."""

_LOCK = select(*_RECORD).where(jobs.c.id.in_(bindparam("ids", expanding=True)))
_LOCK = _LOCK.order_by(jobs.c.id).with_for_update()
CLAIMED = ("state", "attempt", "starts", "fence", "lease_owner", "ready_at", "started")
"""The columns that a claim changes."""
RELEASED = ("state", "unmet", "ready_at", "start_tag")
"""The columns that the end of a dependency changes."""
ENDED = (
    *("state", "losses", "lease_owner", "ready_at", "result", "output", "error", "cause", "finished"),
    *("answered", "answered_at"),
)
"""The columns that a completion changes."""
_WRITE = update(jobs).where(jobs.c.id == bindparam("job_id"))
_INSERT_JOBS = insert(jobs)
_JOB_NAMES = [column.name for column in jobs.columns]
_INSERT_DEPENDENCIES = insert(dependencies)
_DEPENDENCY_NAMES = [column.name for column in dependencies.columns]
_DEPENDENCIES = select(dependencies.c.job_id, dependencies.c.dependency_id, dependencies.c.optional)
_DEPENDENCIES = _DEPENDENCIES.where(dependencies.c.job_id.in_(bindparam("ids", expanding=True)))


def lock(connection: Connection, ids: Collection[str]) -> dict[str, Record]:
    """The records of these jobs, locked until the transaction ends; without unknown ids."""
    return {row.job_id: record_of(row) for row in rows_for(connection, _LOCK, ids)}


def record_of(row: Any) -> Record:  # noqa: ANN401 - a row of `bulk.fetch` or of SQLAlchemy
    """The mutable part of a row that was read with `COLUMNS` or by `lock`."""
    return Record(*row[: len(_READ)])


def write(connection: Connection, records: Iterable[Record], names: Sequence[str] | None = None) -> None:
    """Write records back, in the order of their ids; only the columns `names`, if given."""
    ordered = sorted(records, key=lambda record: record.job_id)
    fair_queue.assign_start_tags(connection, [record for record in ordered if record.state == State.READY])
    changed = _NAMES if names is None else ("job_id", *names)
    many(connection, _WRITE, changed, ordered, get=attrgetter)
    ended_starts.insert(connection, [each.ended_start for each in ordered if each.ended_start is not None])
    ready_jobs.track(connection, ((record.job_id, record.state) for record in ordered))
    changed_assets = [record for record in ordered if record.asset_change is not None]
    if changed_assets:
        transitions.apply(connection, changed_assets)


def encode(value: dict[str, Any]) -> str:
    """JSON as the ledger stores it; raises TypeError or ValueError for values that are not JSON."""
    return canonical(value).decode()


def encode_error(error: dict[str, Any]) -> str:
    """A job's error as JSON; its `repr` as the message if it is not JSON."""
    try:
        return encode(error)
    except (TypeError, ValueError, RecursionError):
        return encode({"error": "Failed", "message": repr(error)})


def dependencies_of(connection: Connection, ids: Collection[str]) -> dict[str, list[tuple[str, bool]]]:
    """By job, its dependencies in order, each with whether it is optional."""
    found: defaultdict[str, list[tuple[str, bool]]] = defaultdict(list)
    for row in rows_for(connection, _DEPENDENCIES, ids):
        found[row.job_id].append((row.dependency_id, row.optional))
    for edges in found.values():
        edges.sort()
    return found


def insert_dependencies(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows of dependencies."""
    many(connection, _INSERT_DEPENDENCIES, _DEPENDENCY_NAMES, rows)


@dataclass
class _NewJob:
    """A row to insert, as `fair_queue` reads it."""

    row: dict[str, Any]
    start_tag: float | None = None

    @property
    def pool(self) -> str:
        return str(self.row["pool"])

    @property
    def priority(self) -> int:
        return int(self.row["priority"])

    @property
    def owner(self) -> str:
        return str(self.row["owner"])

    @property
    def weight(self) -> float:
        return float(self.row["weight"])

    @property
    def ready_at(self) -> float:
        return float(self.row["ready_at"])


def insert_jobs(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows of jobs, with all columns; assigns the start tags of those that are ready."""
    ready = [_NewJob(row) for row in sorted(rows, key=itemgetter("id")) if row["state"] == State.READY]
    fair_queue.assign_start_tags(connection, ready)
    for job in ready:
        job.row["start_tag"] = job.start_tag
    many(connection, _INSERT_JOBS, _JOB_NAMES, rows)
    ready_jobs.track(connection, ((row["id"], row["state"]) for row in rows))


def jobs_of(connection: Connection, rows: Sequence[Any], deadlines: Mapping[str, float]) -> list[Job]:
    """Jobs from rows read with `COLUMNS`; `deadlines` are the ends of leases, by worker."""
    edges = dependencies_of(connection, [row.job_id for row in rows])
    return [job_of(row, edges.get(row.job_id, ()), deadlines, record_of(row)) for row in rows]


def job_of(
    row: Any,  # noqa: ANN401 - as in `record_of`
    edges: Sequence[tuple[str, bool]],
    deadlines: Mapping[str, float],
    record: Record,
) -> Job:
    """One job from its row, its dependencies, the ends of leases by worker, and its current record."""
    owner = record.lease_owner
    return Job(
        id=row.job_id,
        asset=row.asset,
        kind=row.kind,
        pool=row.pool,
        priority=row.priority,
        spec=json.loads(row.spec),
        dependencies=tuple(dependency for dependency, optional in edges if not optional),
        optional=tuple(dependency for dependency, optional in edges if optional),
        weight=row.weight,
        owner=row.owner,
        deadline=row.deadline,
        max_attempts=record.max_attempts,
        state=State(record.state),
        unmet=record.unmet,
        attempt=record.attempt,
        starts=record.starts,
        interruptions=record.interruptions,
        losses=record.losses,
        fence=record.fence,
        lease_owner=owner,
        lease_deadline=deadlines.get(owner) if owner else None,
        ready_at=record.ready_at,
        result=json.loads(record.result) if record.result else None,
        output=record.output,
        error=json.loads(record.error) if record.error else None,
        started=record.started,
        finished=record.finished,
    )
