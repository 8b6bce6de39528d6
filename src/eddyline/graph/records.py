"""Rows in and out: the part of a job that changes is read whole, evolved in Python and written back whole.

Reads lock (on SQLite the write transaction itself does), always in the order of ids, so that no two
transactions wait for each other.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Executable,
    Float,
    Insert,
    Integer,
    Row,
    Select,
    Text,
    Update,
    bindparam,
    insert,
    make_url,
    select,
    update,
)

from eddyline.core.identity import canonical
from eddyline.graph import readiness, turns
from eddyline.graph.job import Job
from eddyline.graph.states import Event, State, advance
from eddyline.graph.tables import jobs, needs

_BATCH = 500  # ids in one IN list


@dataclass
class Record:
    """The changing part of a job's row, under the names of its columns but for `job_id`, and its place.

    `turn` is None where a new place in the queue is to be found when this is written.
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
    turn: float | None
    answered: int
    answered_at: float | None
    cls: str
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


_FIXED = ("cls", "priority", "owner", "weight")
_READ = [field.name for field in fields(Record)]
_NAMES = [name for name in _READ if name not in _FIXED]
_RECORD = [jobs.c.id.label("job_id"), *(jobs.c[name] for name in _READ[1:])]
COLUMNS = [*_RECORD, *(jobs.c[name] for name in ("asset", "kind", "spec", "deadline"))]
"""All that a `Job` is read from, but for its needs."""

_LOCK = select(*_RECORD).where(jobs.c.id.in_(bindparam("ids", expanding=True)))
_LOCK = _LOCK.order_by(jobs.c.id).with_for_update()
CLAIMED = ("state", "attempt", "starts", "fence", "lease_owner", "ready_at", "started")
"""What a claim changes."""
RELEASED = ("state", "unmet", "ready_at", "turn")
"""What the end of a need changes, or the coming of one."""
ENDED = (
    *("state", "losses", "lease_owner", "ready_at", "result", "output", "error", "cause", "finished"),
    *("answered", "answered_at"),
)
"""What a good end changes."""
_WRITE = update(jobs).where(jobs.c.id == bindparam("job_id"))
_INSERT_JOBS = insert(jobs)
_JOB_NAMES = [column.name for column in jobs.columns]
_INSERT_NEEDS = insert(needs)
_NEED_NAMES = [column.name for column in needs.columns]
_NEEDS = select(needs.c.job_id, needs.c.need_id, needs.c.optional)
_NEEDS = _NEEDS.where(needs.c.job_id.in_(bindparam("ids", expanding=True)))


def batches(ids: Collection[str]) -> Iterator[list[str]]:
    """The ids in ascending order, in lists short enough for one statement."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), _BATCH):
        yield ordered[start : start + _BATCH]


def rows_for(connection: Connection, query: Select[Any], ids: Collection[str]) -> Iterator[Row[Any]]:
    """The rows of a query that has one parameter `ids`, for any number of them."""
    if connection.dialect.name == "postgresql":
        # One text for any number of ids, so that the server plans it once.
        if ids:
            yield from connection.exec_driver_sql(_with_array(query), {"ids": sorted(ids)})
        return
    for batch in batches(ids):
        yield from connection.execute(query, {"ids": batch}).all()


@cache
def _with_array(query: Select[Any]) -> str:
    return _compiled(query, ("ids",), "postgresql").replace("IN (__[POSTCOMPILE_ids])", "= ANY(%(ids)s)")


def lock(connection: Connection, ids: Collection[str]) -> dict[str, Record]:
    """The records of these jobs, locked until the transaction ends; unknown ids are left out."""
    return {row.job_id: record_of(row) for row in rows_for(connection, _LOCK, ids)}


def record_of(row: Row[Any]) -> Record:
    """The changing part of a row that was read with `COLUMNS` or by `lock`."""
    return Record(*row[: len(_READ)])


def write(connection: Connection, records: Iterable[Record], names: Sequence[str] | None = None) -> None:
    """Write records back, in the order of their ids; `names`: only these columns, others being as read."""
    ordered = sorted(records, key=lambda record: record.job_id)
    turns.assign(connection, [record for record in ordered if record.state == State.READY])
    many(connection, _WRITE, _NAMES if names is None else ("job_id", *names), [vars(r) for r in ordered])
    readiness.note(connection, ((record.job_id, record.state) for record in ordered))


def many(
    connection: Connection,
    statement: Insert | Update,
    names: Sequence[str],
    rows: Sequence[dict[str, Any]],
) -> None:
    """Run a statement once for every row, a dict with at least these names, handed to the driver as it is.

    The ledger's columns are text and numbers that both drivers take unconverted; SQLAlchemy's own
    processing of each row would cost more than the database does. PostgreSQL gets all rows in one statement.
    """
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        # An array has one type; a whole number will do for a float anywhere else.
        floats = {column.name for column in statement.table.columns if isinstance(column.type, Float)}
        columns = {name: [row[name] for row in rows] for name in names}
        for name in floats.intersection(columns):
            columns[name] = [None if value is None else float(value) for value in columns[name]]
        connection.exec_driver_sql(_set_based(statement, tuple(names)), columns)
    else:
        text = _compiled(statement, tuple(names), connection.dialect.name)
        connection.exec_driver_sql(text, list(rows))


@cache
def _compiled(statement: Executable, names: tuple[str, ...], dialect: str) -> str:
    url, paramstyle = _DIALECTS[dialect]
    kind: Any = make_url(url).get_dialect()
    compiled: Any = statement
    return str(compiled.compile(dialect=kind(paramstyle=paramstyle), column_keys=list(names)))


@cache
def _set_based(statement: Insert | Update, names: tuple[str, ...]) -> str:
    """The same for rows that come as one array a column; of an update, `job_id` says which row is meant."""
    table: Any = statement.table
    columns = {name: table.c["id" if name == "job_id" and statement is _WRITE else name] for name in names}
    arrays = ", ".join(f"%({name})s::{_ARRAYS[type(column.type)]}[]" for name, column in columns.items())
    if isinstance(statement, Insert):
        return f"INSERT INTO {table.name} ({', '.join(names)}) SELECT * FROM unnest({arrays})"  # noqa: S608 - columns' names
    changes = ", ".join(f"{name} = new.{name}" for name in names if name != "job_id")
    source = f"unnest({arrays}) AS new ({', '.join(names)})"
    return f"UPDATE {table.name} SET {changes} FROM {source} WHERE {table.name}.id = new.job_id"  # noqa: S608 - columns' names


_ARRAYS: dict[type[Any], str] = {
    Text: "text",
    Integer: "integer",
    BigInteger: "bigint",
    Float: "double precision",
    Boolean: "boolean",
}
# Named parameters on both, so that rows stay dicts.
_DIALECTS = {"sqlite": ("sqlite://", "named"), "postgresql": ("postgresql+psycopg://", "pyformat")}


def encode(value: dict[str, Any]) -> str:
    """JSON as the ledger keeps it; raises TypeError or ValueError for what JSON cannot say."""
    return canonical(value).decode()


def needs_of(connection: Connection, ids: Collection[str]) -> dict[str, list[tuple[str, bool]]]:
    """Per job its needs in order, each with whether it is optional."""
    found: defaultdict[str, list[tuple[str, bool]]] = defaultdict(list)
    for row in rows_for(connection, _NEEDS, ids):
        found[row.job_id].append((row.need_id, row.optional))
    for edges in found.values():
        edges.sort()
    return found


def insert_needs(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Add edges of the graph."""
    many(connection, _INSERT_NEEDS, _NEED_NAMES, rows)


@dataclass
class _NewSeat:
    """A row to insert, as the queue sees it."""

    row: dict[str, Any]
    turn: float | None = None

    @property
    def cls(self) -> str:
        return str(self.row["cls"])

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
    turns.assign(connection, ready)
    for seat in ready:
        seat.row["turn"] = seat.turn
    many(connection, _INSERT_JOBS, _JOB_NAMES, rows)
    readiness.note(connection, ((row["id"], row["state"]) for row in rows))


def jobs_of(connection: Connection, rows: Sequence[Row[Any]], deadlines: Mapping[str, float]) -> list[Job]:
    """Jobs from rows read with `COLUMNS`; `deadlines` are those of their workers."""
    edges = needs_of(connection, [row.job_id for row in rows])
    return [job_of(row, edges.get(row.job_id, ()), deadlines, record_of(row)) for row in rows]


def job_of(
    row: Row[Any], edges: Sequence[tuple[str, bool]], deadlines: Mapping[str, float], record: Record
) -> Job:
    """One job from its row, its needs, the deadlines of workers, and its record as it is now."""
    owner = record.lease_owner
    return Job(
        id=row.job_id,
        asset=row.asset,
        kind=row.kind,
        cls=row.cls,
        priority=row.priority,
        spec=json.loads(row.spec),
        needs=tuple(need for need, optional in edges if not optional),
        optional=tuple(need for need, optional in edges if optional),
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
