"""Rows in and out: the part of a job that changes is read whole, evolved in Python and written back whole.

Reads lock (on SQLite the write transaction itself does), always in the order of ids, so that no two
transactions wait for each other.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from eddyline.core.identity import canonical
from eddyline.graph.db.bulk import many, rows_for
from eddyline.graph.db.schema import dependencies, jobs
from eddyline.graph.job import Job
from eddyline.graph.ledger import fair_queue, ready_jobs
from eddyline.graph.states import Event, State, advance


@dataclass
class Record:
    """The changing part of a job's row, under the names of its columns but for `job_id`, and its place.

    `start_tag` is None where a new place in the queue is to be found when this is written.
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

    def step(self, event: Event) -> None:
        """Move the state by the table of transitions."""
        # A plain string again: a driver would write an enum's member under its name.
        self.state = str(advance(self.state, event))

    def make_ready(self, event: Event, at: float) -> None:
        """Move to ready by `event`, to be claimed from `at` on."""
        self.step(event)
        self.lease_owner = None
        self.ready_at = at

    def end(self, event: Event, *, at: float, error: str | None, cause: str | None = None) -> None:
        """Move to a state in which nothing is to be done any more."""
        self.step(event)
        self.lease_owner = None
        self.ready_at = None
        self.error = error
        self.cause = cause
        self.finished = at


_FIXED = ("pool", "priority", "owner", "weight")
_READ = [field.name for field in fields(Record)]
_NAMES = [name for name in _READ if name not in _FIXED]
_RECORD = [jobs.c.id.label("job_id"), *(jobs.c[name] for name in _READ[1:])]
COLUMNS = [*_RECORD, *(jobs.c[name] for name in ("asset", "kind", "spec", "deadline"))]
"""All that a `Job` is read from, but for its needs."""

_LOCK = select(*_RECORD).where(jobs.c.id.in_(bindparam("ids", expanding=True)))
_LOCK = _LOCK.order_by(jobs.c.id).with_for_update()
CLAIMED = ("state", "attempt", "starts", "fence", "lease_owner", "ready_at", "started")
"""What a claim changes."""
RELEASED = ("state", "unmet", "ready_at", "start_tag")
"""What the end of a need changes, or the coming of one."""
ENDED = (
    *("state", "losses", "lease_owner", "ready_at", "result", "output", "error", "cause", "finished"),
    *("answered", "answered_at"),
)
"""What a good end changes."""
_WRITE = update(jobs).where(jobs.c.id == bindparam("job_id"))
_INSERT_JOBS = insert(jobs)
_JOB_NAMES = [column.name for column in jobs.columns]
_INSERT_NEEDS = insert(dependencies)
_NEED_NAMES = [column.name for column in dependencies.columns]
_NEEDS = select(dependencies.c.job_id, dependencies.c.dependency_id, dependencies.c.optional)
_NEEDS = _NEEDS.where(dependencies.c.job_id.in_(bindparam("ids", expanding=True)))


def lock(connection: Connection, ids: Collection[str]) -> dict[str, Record]:
    """The records of these jobs, locked until the transaction ends; unknown ids are left out."""
    return {row.job_id: record_of(row) for row in rows_for(connection, _LOCK, ids)}


def record_of(row: Any) -> Record:  # noqa: ANN401 - of `bulk.fetch`, or SQLAlchemy's own
    """The changing part of a row that was read with `COLUMNS` or by `lock`."""
    return Record(*row[: len(_READ)])


def write(connection: Connection, records: Iterable[Record], names: Sequence[str] | None = None) -> None:
    """Write records back, in the order of their ids; `names`: only these columns, others being as read."""
    ordered = sorted(records, key=lambda record: record.job_id)
    fair_queue.assign(connection, [record for record in ordered if record.state == State.READY])
    changed = _NAMES if names is None else ("job_id", *names)
    many(connection, _WRITE, changed, ordered, get=attrgetter)
    ready_jobs.note(connection, ((record.job_id, record.state) for record in ordered))


def encode(value: dict[str, Any]) -> str:
    """JSON as the ledger keeps it; raises TypeError or ValueError for what JSON cannot say."""
    return canonical(value).decode()


def dependencies_of(connection: Connection, ids: Collection[str]) -> dict[str, list[tuple[str, bool]]]:
    """Per job its needs in order, each with whether it is optional."""
    found: defaultdict[str, list[tuple[str, bool]]] = defaultdict(list)
    for row in rows_for(connection, _NEEDS, ids):
        found[row.job_id].append((row.dependency_id, row.optional))
    for edges in found.values():
        edges.sort()
    return found


def insert_dependencies(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Add edges of the graph."""
    many(connection, _INSERT_NEEDS, _NEED_NAMES, rows)


@dataclass
class _NewSeat:
    """A row to insert, as the queue sees it."""

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
    """Add rows of jobs, with all columns; those that are ready get their turns here."""
    ready = [_NewSeat(row) for row in sorted(rows, key=itemgetter("id")) if row["state"] == State.READY]
    fair_queue.assign(connection, ready)
    for seat in ready:
        seat.row["start_tag"] = seat.start_tag
    many(connection, _INSERT_JOBS, _JOB_NAMES, rows)
    ready_jobs.note(connection, ((row["id"], row["state"]) for row in rows))


def jobs_of(connection: Connection, rows: Sequence[Any], deadlines: Mapping[str, float]) -> list[Job]:
    """Jobs from rows read with `COLUMNS`; `deadlines` are those of their workers."""
    edges = dependencies_of(connection, [row.job_id for row in rows])
    return [job_of(row, edges.get(row.job_id, ()), deadlines, record_of(row)) for row in rows]


def job_of(
    row: Any,  # noqa: ANN401 - as in `record_of`
    edges: Sequence[tuple[str, bool]],
    deadlines: Mapping[str, float],
    record: Record,
) -> Job:
    """One job from its row, its needs, the deadlines of workers, and its record as it is now."""
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
