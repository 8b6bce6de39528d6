"""Which complete uploads become assets now: a file alone, or the files of one recording together.

A recording waits until all its files are complete. After some time, or when the client asks for it, it is
submitted without the missing ones. The decision is one transaction that gives every file its key in the media
store, so that it stays the same after a crash, and files that arrive later do not change it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select, update

from eddyline.core.identity import digest
from eddyline.graph.db.library_schema import uploads as table
from eddyline.library.uploads.errors import UploadMissingError
from eddyline.library.uploads.upload import Upload, UploadState
from eddyline.library.uploads.uploads import Uploads
from eddyline.pipeline.planning.output_layout import SOURCES

UPLOADED = f"{SOURCES}/uploads"
"""The prefix of uploaded sources in the media store. Each is alone in a directory, with its own name."""


def take_ready(uploads: Uploads, *, wait_s: float) -> list[tuple[Upload, ...]]:
    """Start to store the recordings that are complete, or wait longer than `wait_s`; return all being stored.

    Each is the files of one recording in order. Only those in the directory of this server.
    """
    now, directory = uploads.ledger.now(), uploads.files.name
    # Most calls find nothing: they cost one read and no write.
    mine = (table.c.directory == directory, table.c.state == UploadState.COMPLETE.value)
    if uploads.ledger.read(lambda c: c.execute(select(table.c.id).where(*mine).limit(1)).scalar()) is None:
        return stored_recordings(uploads)

    def work(connection: Connection) -> None:
        query = select(table).where(*mine).order_by(table.c.created, table.c.id)
        complete = [Upload.of_row(row) for row in connection.execute(query)]
        for files in group(complete):
            waits = len(files) < files[0].parts and max(each.updated for each in files) + wait_s > now
            if not waits:
                _store(connection, files, now)

    uploads.ledger.write(work)
    return stored_recordings(uploads)


def submit_now(uploads: Uploads, upload: str, owner: str | None) -> Upload:
    """Submit the recording of a complete upload without waiting for its missing files.

    Raises `UploadMissingError` if the upload is absent or incomplete.
    """

    def work(connection: Connection) -> None:
        row = connection.execute(select(table).where(table.c.id == upload)).one_or_none()
        if row is None or (owner is not None and row.owner != owner):
            raise UploadMissingError("the upload does not exist")
        found = Upload.of_row(row)
        if found.state is not UploadState.COMPLETE:
            return
        query = select(table).where(
            table.c.owner == found.owner,
            table.c.recording == found.recording,
            table.c.state == UploadState.COMPLETE.value,
        )
        files = [Upload.of_row(each) for each in connection.execute(query)] if found.recording else [found]
        _store(connection, sorted(files, key=lambda each: each.part), uploads.ledger.now())

    uploads.ledger.write(work)
    return uploads.get(upload, owner)


def stored_recordings(uploads: Uploads) -> list[tuple[Upload, ...]]:
    """The recordings that are being stored, also those that an earlier process began."""
    query = (
        select(table)
        .where(table.c.directory == uploads.files.name, table.c.state == UploadState.STORING.value)
        .order_by(table.c.created, table.c.id)
    )
    return group(uploads.ledger.read(lambda c: [Upload.of_row(row) for row in c.execute(query)]))


def group(uploads: Iterable[Upload]) -> list[tuple[Upload, ...]]:
    """Uploads by recording, the files of each in order."""
    groups: dict[tuple[str, str], list[Upload]] = {}
    for each in uploads:
        # Those that were stored together stay together.
        key = (each.owner, (each.recording and f"{each.recording}/{_batch(each)}") or each.id)
        groups.setdefault(key, []).append(each)
    return [tuple(sorted(files, key=lambda each: each.part)) for files in groups.values()]


def source_key(batch: str, upload: Upload) -> str:
    """The key of an uploaded source: it depends on its owner and upload, never on what is in the file."""
    owner = digest("owner", upload.owner)[:16]
    return f"{UPLOADED}/{owner}/{batch}/{upload.id}/{upload.name}"


def source_directory(upload: Upload) -> str:
    """The prefix of an uploaded source, which holds nothing else."""
    return str(upload.key).rpartition("/")[0]


def _batch(upload: Upload) -> str:
    """The part of its key that all files of a recording have which were stored together."""
    return upload.key.split("/")[3] if upload.key else ""


def _store(connection: Connection, files: Sequence[Upload], now: float) -> None:
    batch = files[0].id
    for each in files:
        values = {"state": UploadState.STORING.value, "key": source_key(batch, each), "updated": now}
        statement = update(table).where(table.c.id == each.id, table.c.state == UploadState.COMPLETE.value)
        connection.execute(statement.values(values))
