"""Old jobs out of the way: whole assets that ended long ago, a few at a time, beside the daily work.

An asset is moved when none of its jobs is open, the last ended before the given moment, and nothing of
another asset that is not done needs one of its jobs. What was done stays known: submitting it again adds
nothing, and a new job may need it. What failed is forgotten: submitted again, it begins anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, literal_column, select

from eddyline.graph.db.asset_locks import lock_assets
from eddyline.graph.db.bulk import rows_for
from eddyline.graph.db.schema import archive, dependencies, jobs
from eddyline.graph.ledger.rows import COLUMNS, encode
from eddyline.graph.states import State

_PAGE = (
    select(jobs.c.asset, func.max(jobs.c.finished).label("ended"), func.count(jobs.c.finished).label("count"))
    .add_columns(func.count().label("total"))
    .where(jobs.c.asset > bindparam("after"))
    .group_by(jobs.c.asset)
    .order_by(jobs.c.asset)
    .limit(bindparam("most"))
)
# With their creation, which a `Job` does not tell but its order does.
_ROWS = select(*COLUMNS, jobs.c.created).where(jobs.c.asset == bindparam("asset")).order_by(jobs.c.id)
_NEEDS = select(dependencies).where(dependencies.c.job_id.in_(bindparam("ids", expanding=True)))
_NEEDED_BY = (
    select(jobs.c.asset)
    .join(dependencies, dependencies.c.job_id == jobs.c.id)
    .where(
        dependencies.c.dependency_id.in_(bindparam("ids", expanding=True)),
        jobs.c.state != literal_column("'done'"),
    )
)
_FOUND = select(archive.c.id).where(
    archive.c.id.in_(bindparam("ids", expanding=True)), archive.c.state == literal_column("'done'")
)


@dataclass(frozen=True, kw_only=True)
class Archived:
    """A job that was archived: its state, when it ended and was moved (s), and its whole row as JSON."""

    id: str
    asset: str
    state: State
    finished: float
    archived: float
    body: str


def page(connection: Connection, after: str, *, before: float, most: int) -> tuple[list[str], str | None]:
    """Of the next `most` assets after this one: those that ended before a moment; the last one looked at."""
    rows = connection.execute(_PAGE, {"after": after, "most": most}).all()
    ended = [row.asset for row in rows if row.count == row.total and row.ended < before]
    return ended, rows[-1].asset if rows else None


def move(connection: Connection, assets: Sequence[str], *, before: float, now: float) -> int:
    """Archive those of the assets that may be; returns how many jobs that were."""
    lock_assets(connection, assets)
    return sum(_move(connection, asset, before=before, now=now) for asset in assets)


def _move(connection: Connection, asset: str, *, before: float, now: float) -> int:
    rows = connection.execute(_ROWS, {"asset": asset}).all()
    ids = [row.job_id for row in rows]
    # Looked at again: it may have been redriven since it was chosen.
    if any(row.finished is None or row.finished >= before for row in rows):
        return 0
    if any(row.asset != asset for row in rows_for(connection, _NEEDED_BY, ids)):
        return 0
    edges: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for edge in rows_for(connection, _NEEDS, ids):
        edges[edge.job_id].append(
            {"dependency": edge.dependency_id, "optional": bool(edge.optional), "met": bool(edge.met)}
        )
    kept = [
        {
            "id": row.job_id,
            "asset": asset,
            "state": row.state,
            "finished": row.finished,
            "archived": now,
            "body": encode({**row._mapping, "dependencies": edges[row.job_id]}),  # noqa: SLF001 - its public name
        }
        for row in rows
    ]
    if kept:
        # A job may have failed, been archived, and been submitted anew.
        for table, column in (
            (archive, archive.c.id),
            (dependencies, dependencies.c.job_id),
            (jobs, jobs.c.id),
        ):
            connection.execute(delete(table).where(column.in_(ids)))
        connection.execute(insert(archive), kept)
    return len(kept)


def known(connection: Connection, ids: Collection[str]) -> set[str]:
    """Which of these jobs were done and are archived."""
    if not ids or connection.execute(select(archive.c.id).limit(1)).first() is None:
        return set()
    return {row.id for row in rows_for(connection, _FOUND, ids)}


def find(connection: Connection, asset: str) -> list[Archived]:
    """An asset's archived jobs, by id."""
    query = select(archive).where(archive.c.asset == asset).order_by(archive.c.id)
    return [
        Archived(
            id=row.id,
            asset=row.asset,
            state=State(row.state),
            finished=row.finished,
            archived=row.archived,
            body=row.body,
        )
        for row in connection.execute(query)
    ]
