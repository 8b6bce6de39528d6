"""The rows of an asset in the ledger: marked as being deleted first, removed last."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, insert, literal_column, select, update

from eddyline.core.identity import canonical
from eddyline.graph.db.asset_locks import lock_assets
from eddyline.graph.db.library_schema import assets, deleted_assets, job_progress, shares, uploads
from eddyline.graph.db.schema import archive, commands, dependencies, jobs, outbox
from eddyline.graph.ledger.catalogue import events
from eddyline.graph.ledger.catalogue.asset import AssetState
from eddyline.graph.states import OPEN, State

_FIRST_KIND = "inspect"
_DELETING = AssetState.DELETING.value
_OPEN = [state.value for state in sorted(OPEN)]
# What remains of the first job of a deleted asset: its id, so that a late result of it never counts for a job
# of the same id when the asset is submitted again (`pipeline.submission.submit` uses another id then).
_REMAINDER = canonical({"deleted": True}).decode()


def mark(connection: Connection, asset: str, now: float) -> bool:
    """Put an asset into the state "deleting"; False if the catalogue does not contain it."""
    lock_assets(connection, [asset])
    connection.execute(delete(deleted_assets).where(deleted_assets.c.asset == asset))
    statement = update(assets).where(assets.c.asset == asset).values(state=_DELETING, updated=now)
    return bool(connection.execute(statement).rowcount)


def being_deleted(connection: Connection, limit: int) -> list[tuple[str, str]]:
    """Assets in the state "deleting", the longest first, each with the recorded address of its source."""
    query = select(assets.c.asset, assets.c.source).where(assets.c.state == literal_column(f"'{_DELETING}'"))
    return [
        (row.asset, row.source) for row in connection.execute(query.order_by(assets.c.updated).limit(limit))
    ]


def users_of(connection: Connection, asset: str, addresses: Collection[str]) -> list[tuple[str, str]]:
    """Other assets, not being deleted, whose first source is one of these addresses; each with it."""
    query = select(assets.c.asset, assets.c.source).where(
        assets.c.source.in_(sorted(addresses)), assets.c.asset != asset, assets.c.state != _DELETING
    )
    return [(row.asset, row.source) for row in connection.execute(query)]


def uploaded_keys(connection: Connection, asset: str) -> list[str]:
    """The keys of the uploads that became an asset, as long as their rows are kept."""
    query = select(uploads.c.key).where(uploads.c.asset == asset, uploads.c.key.is_not(None))
    return list(connection.execute(query).scalars())


def remove(connection: Connection, asset: str, *, now: float, check_after_s: float) -> bool:
    """Remove all rows of an asset in the state "deleting" and append its event; False if it has open jobs.

    True also if another process has done it. The store is checked again after `check_after_s`.
    """
    lock_assets(connection, [asset])
    row = connection.execute(
        select(assets.c.owner, assets.c.name, assets.c.state).where(assets.c.asset == asset)
    ).first()
    if row is None or row.state != _DELETING:
        return True
    is_open = select(jobs.c.id).where(jobs.c.asset == asset, jobs.c.state.in_(_OPEN)).limit(1)
    if connection.execute(is_open).first() is not None:
        return False
    _remove_jobs(connection, asset, now)
    connection.execute(delete(shares).where(shares.c.asset == asset))
    connection.execute(delete(uploads).where(uploads.c.asset == asset))
    connection.execute(delete(assets).where(assets.c.asset == asset))
    again = connection.execute(delete(deleted_assets).where(deleted_assets.c.asset == asset)).rowcount
    connection.execute(
        insert(deleted_assets),
        {"asset": asset, "owner": row.owner, "at": now, "due": now + check_after_s, "checks": 0},
    )
    if not again:  # else only late output was deleted
        body = {"name": row.name, "state": "deleted"}
        events.append(connection, kind="asset.deleted", owner=row.owner, asset=asset, body=body, now=now)
    return True


def _remove_jobs(connection: Connection, asset: str, now: float) -> None:
    ids = select(jobs.c.id).where(jobs.c.asset == asset)
    first = {
        *connection.execute(ids.where(jobs.c.kind == _FIRST_KIND)).scalars(),
        *_archived_first(connection, asset),
    }
    for column in (job_progress.c.job_id, outbox.c.job_id, commands.c.job_id, dependencies.c.job_id):
        connection.execute(delete(column.table).where(column.in_(ids)))
    connection.execute(delete(jobs).where(jobs.c.asset == asset))
    connection.execute(delete(archive).where(archive.c.asset == asset))
    if first:
        remainder = {"asset": asset, "state": State.DONE.value, "finished": now, "archived": now}
        connection.execute(
            insert(archive), [{**remainder, "id": name, "body": _REMAINDER} for name in sorted(first)]
        )


def _archived_first(connection: Connection, asset: str) -> list[str]:
    query = select(archive.c.id).where(archive.c.asset == asset)
    return [row.id for row in connection.execute(query) if row.id.endswith(f".{_FIRST_KIND}")]
