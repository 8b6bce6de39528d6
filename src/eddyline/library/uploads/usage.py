"""What an owner has in the library: the sums that quotas limit."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, text

from eddyline.graph.db.library_schema import assets, uploads
from eddyline.library.uploads.limits import Usage
from eddyline.library.uploads.upload import UploadState

_NAMESPACE = 0xEDD5
_UNFINISHED = (UploadState.OPEN.value, UploadState.COMPLETE.value, UploadState.STORING.value)


def read_usage(connection: Connection, owner: str) -> Usage:
    """The usage of an owner. An unfinished upload counts with its whole length, or what it has of it."""
    has = select(
        func.coalesce(func.sum(func.coalesce(assets.c.source_bytes, 0)), 0),
        func.coalesce(func.sum(func.coalesce(assets.c.stored_bytes, 0)), 0),
        func.count(),
        func.coalesce(func.sum(assets.c.duration_s), 0.0),
    ).where(assets.c.owner == owner)
    coming = select(
        func.coalesce(func.sum(func.coalesce(uploads.c.length, uploads.c.offset)), 0), func.count()
    ).where(uploads.c.owner == owner, uploads.c.state.in_(_UNFINISHED))
    opened = select(func.count()).where(uploads.c.owner == owner, uploads.c.state == UploadState.OPEN.value)
    sources, stored, count, video_s = connection.execute(has).one()
    coming_bytes, coming_count = connection.execute(coming).one()
    return Usage(
        bytes=int(sources) + int(stored) + int(coming_bytes),
        assets=int(count) + int(coming_count),
        video_s=float(video_s),
        open_uploads=int(connection.execute(opened).scalar_one()),
    )


def lock_owner(connection: Connection, owner: str) -> None:
    """Let only this transaction check and change the usage of an owner; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        statement = text("SELECT pg_advisory_xact_lock(:namespace, hashtext(:owner))")
        connection.execute(statement, {"namespace": _NAMESPACE, "owner": owner})
