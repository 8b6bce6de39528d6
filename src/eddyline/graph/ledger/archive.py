"""Moves old jobs to the archive: whole assets that ended long ago, a few at a time.

An asset is moved when none of its jobs is open, the last one ended before the given time, and no open or
failed job of another asset depends on one of its jobs. Done jobs stay known: submitting one again adds
nothing, and a new job may depend on it. Failed jobs are forgotten: submitted again, they start again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, literal_column, select

from eddyline.core.stop import Stop
from eddyline.graph.db.asset_locks import lock_assets
from eddyline.graph.db.bulk import rows_for
from eddyline.graph.db.schema import archive, dependencies, jobs
from eddyline.graph.ledger.rows import COLUMNS, encode
from eddyline.graph.ledger.transactions import Transactions
from eddyline.graph.states import State

_PAGE_SIZE = 200  # assets examined in one transaction
_PAGE = (
    select(jobs.c.asset, func.max(jobs.c.finished).label("ended"), func.count(jobs.c.finished).label("count"))
    .add_columns(func.count().label("total"))
    .where(jobs.c.asset > bindparam("after"))
    .group_by(jobs.c.asset)
    .order_by(jobs.c.asset)
    .limit(bindparam("most"))
)
# With the time of creation, which orders jobs and which a `Job` does not contain.
_ROWS = select(*COLUMNS, jobs.c.created).where(jobs.c.asset == bindparam("asset")).order_by(jobs.c.id)
_DEPENDENCIES = select(dependencies).where(dependencies.c.job_id.in_(bindparam("ids", expanding=True)))
_OPEN_DEPENDANTS = (
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
    """An archived job. Times are in seconds since 1970; `body` is its row with its dependencies, as JSON.

    The keys of `body` are the columns of the schema at that time: up to revision 0005 `cls`, `turn` and
    `needs` instead of `pool`, `start_tag` and `dependencies`.
    """

    id: str
    asset: str
    state: State
    finished: float
    archived: float
    body: str


def archive_old(
    transactions: Transactions, *, older_than_s: float, assets_at_once: int, pause_s: float, stop: Stop
) -> int:
    """Archive all assets that ended `older_than_s` ago, in short transactions; returns how many jobs."""
    clock = transactions.clock
    before = clock.now() - older_than_s
    moved = 0
    after: str | None = ""
    while after is not None and not stop.requested:
        ended, after = transactions.database.read(partial(_page, after=after, before=before))
        for first in range(0, len(ended), assets_at_once):
            if stop.wait(0.0):
                break
            assets = ended[first : first + assets_at_once]
            moved += transactions.write(partial(_move_all, assets=assets, before=before, now=clock.now()))
            clock.sleep(pause_s)
    return moved


def _page(connection: Connection, after: str, *, before: float) -> tuple[list[str], str | None]:
    """Of the next assets after `after`, those that ended before `before`; and the last asset examined."""
    rows = connection.execute(_PAGE, {"after": after, "most": _PAGE_SIZE}).all()
    ended = [row.asset for row in rows if row.count == row.total and row.ended < before]
    return ended, rows[-1].asset if rows else None


def _move_all(connection: Connection, assets: Sequence[str], *, before: float, now: float) -> int:
    """Archive those of the assets that may be archived; returns how many jobs."""
    lock_assets(connection, assets)
    return sum(_move(connection, asset, before=before, now=now) for asset in assets)


def _move(connection: Connection, asset: str, *, before: float, now: float) -> int:
    rows = connection.execute(_ROWS, {"asset": asset}).all()
    ids = [row.job_id for row in rows]
    # Checked again: the asset may have been redriven since it was chosen.
    if any(row.finished is None or row.finished >= before for row in rows):
        return 0
    if any(row.asset != asset for row in rows_for(connection, _OPEN_DEPENDANTS, ids)):
        return 0
    edges: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for edge in rows_for(connection, _DEPENDENCIES, ids):
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
        # A job may have failed, been archived, and been submitted again.
        for table, column in (
            (archive, archive.c.id),
            (dependencies, dependencies.c.job_id),
            (jobs, jobs.c.id),
        ):
            connection.execute(delete(table).where(column.in_(ids)))
        connection.execute(insert(archive), kept)
    return len(kept)


def known(connection: Connection, ids: Collection[str]) -> set[str]:
    """Those of these jobs that are archived as done."""
    if not ids or connection.execute(select(archive.c.id).limit(1)).first() is None:
        return set()
    return {row.id for row in rows_for(connection, _FOUND, ids)}


def find(connection: Connection, asset: str) -> list[Archived]:
    """An asset's archived jobs, in the order of ids."""
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
