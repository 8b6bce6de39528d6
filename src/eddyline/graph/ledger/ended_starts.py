"""Ends of starts: each adds a row to the start history, in the transaction that records the end.

A start is a claim that counted: of a worker with access to the ledger, or reported by one without. A start
that was never reported has no row. The primary key is the job and its fence, so that a repeated end replaces
the first: of a worker that seemed lost, and reports after all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from operator import attrgetter

from sqlalchemy import Connection

from eddyline.graph.db import fast_sql
from eddyline.graph.db.bulk import array, array_type
from eddyline.graph.db.schema import starts


class StartOutcome(StrEnum):
    """How a start ended.

    `INTERRUPTED`: handed back by its worker, or cancelled. `LOST`: its worker was lost, or the job was
    published again.
    """

    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    LOST = "lost"


@dataclass(kw_only=True, slots=True)
class EndedStart:
    """A start that ended; times are in seconds since 1970.

    `cpu_s` and `fraction` (0 to 1) are what the worker reported about it, or None.
    """

    job_id: str
    fence: int
    pool: str
    kind: str
    worker: str
    started: float
    ended: float
    outcome: str
    cpu_s: float | None = None
    fraction: float | None = None


_NAMES = [field.name for field in fields(EndedStart)]
_VALUES = attrgetter(*_NAMES)
_CHANGES = ", ".join(f"{name} = excluded.{name}" for name in ("instance", *_NAMES[2:]))
_COLUMN_NAMES = ", ".join((*_NAMES, "instance"))
_MARKS = ", ".join("?" for _ in _NAMES)
# The worker's row still exists: it is removed after its jobs have been taken back.
_SQLITE = (
    f"INSERT INTO starts ({_COLUMN_NAMES}) VALUES ({_MARKS}, "  # noqa: S608 - names of columns
    "coalesce((SELECT instance FROM workers WHERE name = ?), '')) "
    f"ON CONFLICT (job_id, fence) DO UPDATE SET {_CHANGES}"
)
_ARRAYS = ", ".join(f"%({name})s::{array_type(starts.c[name])}[]" for name in _NAMES)
_POSTGRESQL = (
    f"INSERT INTO starts ({_COLUMN_NAMES}) "  # noqa: S608 - names of columns
    f"SELECT new.*, coalesce(workers.instance, '') FROM unnest({_ARRAYS}) AS new ({', '.join(_NAMES)}) "
    "LEFT JOIN workers ON workers.name = new.worker "
    f"ON CONFLICT (job_id, fence) DO UPDATE SET {_CHANGES}"
)


def insert(connection: Connection, ended: Sequence[EndedStart]) -> None:
    """Add the rows of starts that end in this transaction."""
    if not ended:
        return
    if connection.dialect.name == "postgresql":
        columns = zip(*map(_VALUES, ended), strict=True)
        arrays = {name: array(starts.c[name], values) for name, values in zip(_NAMES, columns, strict=True)}
        fast_sql.execute(connection, _POSTGRESQL, arrays)
    else:
        fast_sql.execute_many(connection, _SQLITE, [(*_VALUES(each), each.worker) for each in ended])
