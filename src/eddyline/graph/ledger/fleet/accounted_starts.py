"""Starts of jobs for the accounts: those of a range of time as a stream, or those of one asset."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
)

from eddyline.graph.db.bulk import batches, rows_for
from eddyline.graph.db.library_schema import assets
from eddyline.graph.db.schema import archive, fleet_events, jobs, starts, workers
from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.ledger.fleet.machine_rows import raw_rows
from eddyline.graph.states import State

RUNNING = "running"
"""The outcome of a start that has not ended."""

_ROWS_AT_ONCE = 2000
_SCAN_FROM = 8  # SQLite reads the table faster in its own order if an eighth of the rows is wanted


class StartRow(NamedTuple):
    """One start. Times are in seconds since 1970; `ended` None: it runs, and `outcome` is "running".

    `instance` is empty outside EC2; only then there is a `worker`. `redone` is 1 if it ended without a result
    that counted, and the job was started again or is to be: interrupted, lost, or failed and retried. A
    cancelled start counts as interrupted.
    """

    instance: str
    worker: str
    job_id: str
    pool: str
    kind: str
    started: float
    ended: float | None
    outcome: str
    redone: int


_LATER = starts.alias()
_RETRIED: ColumnElement[bool] = or_(
    exists().where(_LATER.c.job_id == starts.c.job_id, _LATER.c.fence > starts.c.fence),
    exists().where(
        jobs.c.id == starts.c.job_id,
        jobs.c.state.in_([literal_column(f"'{each}'") for each in (State.READY, State.RUNNING, State.DONE)]),
    ),
)
_ONE: ColumnElement[int] = literal_column("1")
_ZERO: ColumnElement[int] = literal_column("0")
_LOST: list[ColumnElement[Any]] = [
    literal_column(f"'{each}'") for each in (StartOutcome.INTERRUPTED, StartOutcome.LOST)
]
_FAILED: ColumnElement[Any] = literal_column(f"'{StartOutcome.FAILED}'")
_SELECTED: Select[Any] = select(
    starts.c.instance,
    # Elsewhere the instance says which machine it is.
    case((starts.c.instance == literal_column("''"), starts.c.worker), else_=literal_column("''")),
    starts.c.job_id,
    starts.c.pool,
    starts.c.kind,
    starts.c.started,
    starts.c.ended,
    starts.c.outcome,
    case(
        (starts.c.outcome.in_(_LOST), _ONE),
        (and_(starts.c.outcome == _FAILED, _RETRIED), _ONE),
        else_=_ZERO,
    ),
).select_from(starts)
_IDS: Any = bindparam("ids", expanding=True)
# The sign keeps SQLite from the index, whose order is not that of the rows ("NOT INDEXED" does not here).
_SCAN = _SELECTED.where(text("+starts.ended >= :start"), starts.c.started < bindparam("stop"))
_BETWEEN = _SELECTED.where(starts.c.ended >= bindparam("start"), starts.c.started < bindparam("stop"))
_OF_JOBS = _SELECTED.where(starts.c.job_id.in_(_IDS))
# The first condition is that of the index.
_ON_INSTANCES = _SELECTED.where(text("starts.instance <> ''"), starts.c.instance.in_(_IDS))
_RUNNING = (
    select(
        func.coalesce(workers.c.instance, literal_column("''")),
        func.coalesce(jobs.c.lease_owner, literal_column("''")),
        jobs.c.id,
        jobs.c.pool,
        jobs.c.kind,
        jobs.c.started,
        literal_column("NULL"),
        literal_column(f"'{RUNNING}'"),
        _ZERO,
    )
    .select_from(jobs.outerjoin(workers, workers.c.name == jobs.c.lease_owner))
    .where(jobs.c.state == literal_column(f"'{State.RUNNING}'"), jobs.c.started.is_not(None))
)


def between(connection: Connection, start: float, stop: float) -> Iterator[Sequence[tuple[Any, ...]]]:
    """The starts that ran between two times, in no order: a stream of lists of plain rows.

    Each row has the fields of a `StartRow`; to make a million of these would take a second.
    """
    query = _BETWEEN
    if connection.dialect.name == "sqlite":
        counted = select(func.count()).select_from(starts)
        every = connection.scalar(counted) or 0
        wanted = connection.scalar(counted.where(starts.c.ended >= start)) or 0
        if wanted * _SCAN_FROM >= every:
            query = _SCAN
    return _stream(connection, query, {"start": start, "stop": stop})


def on_instances(connection: Connection, names: Collection[str]) -> Iterator[StartRow]:
    """All ended starts on these instances, in no order."""
    for batch in batches(set(names)):
        for rows in _stream(connection, _ON_INSTANCES, {"ids": batch}):
            yield from map(StartRow._make, rows)


def of_jobs(connection: Connection, ids: Collection[str]) -> Iterator[StartRow]:
    """All ended starts of these jobs, in no order."""
    for batch in batches(set(ids)):
        for rows in _stream(connection, _OF_JOBS, {"ids": batch}):
            yield from map(StartRow._make, rows)


def cpu_of_jobs(connection: Connection, ids: Collection[str]) -> dict[str, float]:
    """The CPU seconds that workers reported of the ended starts of these jobs, by kind."""
    query = select(starts.c.kind, func.sum(starts.c.cpu_s)).group_by(starts.c.kind)
    query = query.where(starts.c.job_id.in_(_IDS), starts.c.cpu_s.is_not(None))
    found: dict[str, float] = {}
    for batch in batches(set(ids)):
        for kind, seconds in connection.execute(query, {"ids": batch}):
            found[kind] = found.get(kind, 0.0) + float(seconds)
    return found


def running(connection: Connection) -> list[StartRow]:
    """The starts that have not ended; one whose worker is not registered counts as outside EC2."""
    return list(map(StartRow._make, raw_rows(connection, _RUNNING)))


def count_on_instances(connection: Connection, names: Collection[str]) -> int:
    """How many ended starts these instances have."""
    counted = select(func.count()).select_from(starts)
    counted = counted.where(text("starts.instance <> ''"), starts.c.instance.in_(_IDS))
    return sum(int(connection.scalar(counted, {"ids": batch}) or 0) for batch in batches(set(names)))


def _stream(
    connection: Connection, query: Select[Any], values: Mapping[str, Any]
) -> Iterator[Sequence[tuple[Any, ...]]]:
    if connection.dialect.name != "sqlite":
        # With a cursor of the server: the driver would read all rows at once.
        options = {"stream_results": True, "max_row_buffer": _ROWS_AT_ONCE}
        for part in connection.execute(query, values, execution_options=options).partitions(_ROWS_AT_ONCE):
            yield [tuple(row) for row in part]
        return
    # The driver's own rows: SQLAlchemy's take twice the time.
    cursor: Any = connection.execute(query, values).cursor
    try:
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            yield rows
    finally:
        cursor.close()


def specs_of_asset(connection: Connection, asset: str) -> dict[str, dict[str, Any]]:
    """The specs of all jobs of an asset by id, also of archived ones, as JSON values."""
    found = {
        row.id: _parsed(row.spec)
        for row in connection.execute(select(jobs.c.id, jobs.c.spec).where(jobs.c.asset == asset))
    }
    for row in connection.execute(select(archive.c.id, archive.c.body).where(archive.c.asset == asset)):
        # The body has the columns as they were stored: the spec is JSON in JSON.
        found.setdefault(row.id, _parsed(_parsed(row.body).get("spec", "")))
    return found


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:  # written by other programs
        return {}
    return found if isinstance(found, dict) else {}


def registered(connection: Connection, names: Collection[str]) -> dict[str, float]:
    """When the first worker of each instance registered (seconds since 1970), where the record has it."""
    query = select(fleet_events.c.instance, fleet_events.c.at).where(fleet_events.c.id.in_(_IDS))
    found = rows_for(connection, query, {f"worker/{name}" for name in names})
    return {str(row[0]): float(row[1]) for row in found}


def slots(connection: Connection) -> dict[str, int]:
    """The slots of each instance that has workers now, where they reported them."""
    query = (
        select(workers.c.instance, func.sum(workers.c.slots))
        .where(workers.c.instance != literal_column("''"), workers.c.proven, workers.c.slots.is_not(None))
        .group_by(workers.c.instance)
    )
    return {str(name): int(number) for name, number in raw_rows(connection, query)}


def owners(connection: Connection, names: Collection[str]) -> dict[str, str]:
    """The owner of each asset, where it is known: by the catalogue, by its jobs, or by its archived jobs."""
    found: dict[str, str] = {}
    by_catalogue = select(assets.c.asset, assets.c.owner).where(assets.c.asset.in_(_IDS))
    by_jobs = select(jobs.c.asset, func.min(jobs.c.owner)).where(jobs.c.asset.in_(_IDS))
    for query in (by_catalogue, by_jobs.group_by(jobs.c.asset)):
        found.update((row[0], row[1]) for row in rows_for(connection, query, set(names) - found.keys()))
    archived = select(archive.c.asset, func.min(archive.c.body)).where(archive.c.asset.in_(_IDS))
    left = set(names) - found.keys()
    for row in rows_for(connection, archived.group_by(archive.c.asset), left):
        found[row[0]] = str(_parsed(row[1]).get("owner", ""))
    return found
