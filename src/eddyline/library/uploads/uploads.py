"""The uploads of a server: what clients may do to them. The ledger has their state, a directory their bytes.

The offset in the ledger never exceeds the bytes that are durable in the file: the file is synced first. After
a crash the file may be longer; the next request cuts it to the offset.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from sqlalchemy import Connection, delete, select, update

from eddyline.core.errors import EddylineError
from eddyline.core.identity import canonical
from eddyline.graph.db.library_schema import uploads as table
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.uploads import limits as checks
from eddyline.library.uploads.errors import (
    ElsewhereError,
    FileTypeError,
    OffsetError,
    TakenOverError,
    TooLargeError,
    UploadBusyError,
    UploadEndedError,
    UploadMissingError,
)
from eddyline.library.uploads.limits import UploadLimits
from eddyline.library.uploads.upload import NewUpload, Upload, UploadState
from eddyline.library.uploads.upload_files import UploadFiles
from eddyline.library.uploads.usage import lock_owner, read_usage
from eddyline.media.source.sniff import HEAD_BYTES, detect_container
from eddyline.pipeline.submission.file_types import skip_reason_by_name

_KEPT_S = 24 * 3600.0
"""How long the rows of submitted and failed uploads are kept, for clients that ask what became of them."""

_ORPHAN_S = 3600.0  # a file without an upload is deleted after this time
_LISTED = 2000  # uploads in one answer


class Uploads:
    """The uploads in one ledger and one directory. Safe from any thread and any number of processes."""

    def __init__(self, ledger: Ledger, files: UploadFiles, limits: UploadLimits) -> None:
        self.ledger = ledger
        self.files = files
        self.limits = limits

    def create(self, new: NewUpload) -> Upload:
        """Create an upload. Nothing is kept of one that is refused.

        Raises `FileTypeError`, `TooLargeError`, `QuotaError`, `TooManyUploadsError`, `DiskFullError`.
        """
        if reason := skip_reason_by_name(new.name):
            raise FileTypeError(f"{new.name}: {reason}", remedy="upload video files only")
        if new.length == 0:
            check_type(b"")
        length = new.length or 0
        checks.check_length(length, self.limits)
        checks.check_disk(self.files.root, length, self.limits)
        upload_id = secrets.token_hex(16)
        self.files.create(upload_id)
        now = self.ledger.now()
        values: dict[str, Any] = {
            "id": upload_id,
            "owner": new.owner,
            "name": new.name,
            "length": new.length,
            "offset": 0,
            "fingerprint": new.fingerprint,
            "state": UploadState.OPEN.value,
            "metadata": canonical({**new.metadata, "profile": new.profile}).decode(),
            "recording": new.recording,
            "part": new.part,
            "parts": new.parts,
            "directory": self.files.name,
            "created": now,
            "updated": now,
            "expires": now + self.limits.expires_s,
        }

        def work(connection: Connection) -> Upload:
            lock_owner(connection, new.owner)
            checks.check_owner(read_usage(connection, new.owner), length, self.limits)
            _require_free_part(connection, new)
            connection.execute(table.insert().values(values))
            return _find(connection, upload_id, new.owner)

        try:
            return self.ledger.write(work)
        except BaseException:
            self.files.remove(upload_id)
            raise

    def get(self, upload: str, owner: str | None) -> Upload:
        """An upload of an owner (None: of any). Raises `UploadMissingError`."""
        return self.ledger.read(lambda c: _find(c, upload, owner))

    def listed(self, owner: str | None) -> list[Upload]:
        """The uploads of an owner (None: of all), oldest first, with those that ended within a day."""
        query = select(table).order_by(table.c.created, table.c.id).limit(_LISTED)
        if owner is not None:
            query = query.where(table.c.owner == owner)
        return self.ledger.read(lambda c: [Upload.of_row(row) for row in c.execute(query)])

    def begin(self, upload: str, owner: str | None, offset: int, length: int | None = None) -> Upload:
        """Become the writer of an open upload at `offset`; `length` declares a deferred length.

        The request that wrote before finds out by `record` or `is_writer`. Raises `UploadMissingError`,
        `UploadEndedError`, `OffsetError`, and the errors of limits for the length.
        """
        token = secrets.token_hex(8)

        def work(connection: Connection) -> Upload:
            found = _find(connection, upload, owner)
            require_not_failed(found)
            self._require_here(found)
            if offset != found.offset:
                raise OffsetError(found.offset)
            if found.state is not UploadState.OPEN:
                return found  # all bytes are here: an empty request changes nothing
            values: dict[str, Any] = {"writer": token}
            if length is not None:
                values |= {"length": self._checked_length(connection, found, length)}
            _change(connection, found.id, values)
            return _find(connection, upload, owner)

        return self.ledger.write(work)

    def require_room(self, upload: Upload, offset: int) -> None:
        """Check the limits of an upload whose length is unknown, before it grows to `offset`.

        Raises `TooLargeError`, `QuotaError`, `DiskFullError`.
        """
        if upload.length is not None:
            return
        checks.check_length(offset, self.limits)
        checks.check_disk(self.files.root, 0, self.limits)
        usage = self.ledger.read(lambda c: read_usage(c, upload.owner))
        checks.check_owner(usage, max(offset - upload.offset, 0), self.limits, new=False)

    def record(self, upload: Upload, offset: int) -> Upload:
        """Record that the bytes up to `offset` are durable; the last ones complete the upload.

        Raises `TakenOverError` if another request is the writer now, `UploadMissingError` if the upload was
        cancelled.
        """

        def work(connection: Connection) -> Upload:
            now = self.ledger.now()
            complete = offset == upload.length
            values: dict[str, Any] = {
                "offset": offset,
                "updated": now,
                "expires": now + self.limits.expires_s,
            }
            if complete:
                values |= {"state": UploadState.COMPLETE.value, "writer": None}
            statement = update(table).where(
                table.c.id == upload.id,
                table.c.writer == upload.writer,
                table.c.state == UploadState.OPEN.value,
                table.c.offset <= offset,
            )
            if connection.execute(statement.values(values)).rowcount != 1:
                _find(connection, upload.id, None)
                raise TakenOverError("another request has taken over the upload")
            return _find(connection, upload.id, None)

        return self.ledger.write(work)

    def is_writer(self, upload: Upload) -> bool:
        """Whether the request that `begin` returned `upload` to is still the writer."""
        query = select(table.c.writer).where(table.c.id == upload.id)
        return bool(self.ledger.read(lambda c: c.execute(query).scalar()) == upload.writer)

    def fail(self, upload: str, error: EddylineError) -> None:
        """End an upload by an error that its owner sees in the list; its bytes are deleted."""
        self.fail_all([upload], error)

    def fail_all(self, ids: list[str], error: EddylineError) -> None:
        """End the uploads of one recording by an error; their bytes are deleted."""
        now = self.ledger.now()
        values = {
            "state": UploadState.FAILED.value,
            "failure": json.dumps(error.evidence()),
            "writer": None,
            "updated": now,
            "expires": now + _KEPT_S,
        }
        self.ledger.write(lambda c: c.execute(update(table).where(table.c.id.in_(ids)).values(values)))
        for each in ids:
            self.files.remove(each)

    def submitted(self, ids: list[str], asset: str) -> None:
        """Record that these files became an asset."""
        now = self.ledger.now()
        values = {
            "state": UploadState.SUBMITTED.value,
            "asset": asset,
            "updated": now,
            "expires": now + _KEPT_S,
        }
        self.ledger.write(lambda c: c.execute(update(table).where(table.c.id.in_(ids)).values(values)))

    def terminate(self, upload: str, owner: str | None) -> None:
        """Delete an upload and its bytes; an asset that it became stays.

        Raises `UploadMissingError`; `UploadBusyError` while its file moves into the media store.
        """

        def work(connection: Connection) -> None:
            found = _find(connection, upload, owner)
            if found.state is UploadState.STORING:
                raise UploadBusyError(
                    "all bytes are here, and the file moves into the library",
                    remedy="wait until it is an asset, and delete the asset",
                )
            self._require_here(found)
            connection.execute(delete(table).where(table.c.id == upload))

        self.ledger.write(work)
        self.files.remove(upload)

    def sweep(self) -> int:
        """Delete the uploads that have expired, and files without an upload; returns how many."""
        expiring = (UploadState.OPEN.value, UploadState.SUBMITTED.value, UploadState.FAILED.value)
        query = select(table.c.id).where(
            table.c.expires < self.ledger.now(),
            table.c.state.in_(expiring),
            table.c.directory == self.files.name,
        )

        def work(connection: Connection) -> list[str]:
            expired = list(connection.execute(query).scalars())
            connection.execute(delete(table).where(table.c.id.in_(expired)))
            return expired

        present = self.files.ids(older_s=_ORPHAN_S)  # a new upload creates its file before its row
        expired = self.ledger.write(work)
        known = self.ledger.read(lambda c: set(c.execute(select(table.c.id)).scalars()))
        orphans = [each for each in present if each not in known]
        for each in {*expired, *orphans}:
            self.files.remove(each)
        return len({*expired, *orphans})

    def _require_here(self, upload: Upload) -> None:
        if upload.directory != self.files.name:
            raise ElsewhereError("the bytes of the upload are on another server")

    def _checked_length(self, connection: Connection, upload: Upload, length: int) -> int:
        if upload.length is not None:
            if length != upload.length:
                raise TooLargeError(f"the length is {upload.length} bytes, and cannot be changed")
            return length
        if length < upload.offset:
            raise TooLargeError(f"{upload.offset} bytes are here already, more than the length of {length}")
        checks.check_length(length, self.limits)
        checks.check_disk(self.files.root, length - upload.offset, self.limits)
        lock_owner(connection, upload.owner)
        usage = read_usage(connection, upload.owner)
        checks.check_owner(usage, length - upload.offset, self.limits, new=False)
        return length


def check_type(head: bytes) -> None:
    """Raise `FileTypeError` unless a file with these first bytes is a supported video."""
    try:
        detect_container(head[:HEAD_BYTES])
    except EddylineError as error:
        raise FileTypeError(error.message, remedy=error.remedy, reason=error.reason) from error


def require_not_failed(upload: Upload) -> None:
    """Raise `UploadEndedError`, with the reason, for an upload that failed."""
    if upload.state is UploadState.FAILED:
        failure = upload.failure or {}
        raise UploadEndedError(
            str(failure.get("message", "the upload failed")), remedy=str(failure.get("remedy", ""))
        )


def _find(connection: Connection, upload: str, owner: str | None) -> Upload:
    row = connection.execute(select(table).where(table.c.id == upload)).one_or_none()
    if row is None or (owner is not None and row.owner != owner):
        raise UploadMissingError("the upload does not exist", remedy="start a new upload")
    return Upload.of_row(row)


def _change(connection: Connection, upload: str, values: dict[str, Any]) -> None:
    connection.execute(update(table).where(table.c.id == upload).values(values))


def _require_free_part(connection: Connection, new: NewUpload) -> None:
    """Raise `UploadBusyError` if this file of the recording is being uploaded, or was within a day."""
    if not new.recording:
        return
    query = select(table.c.id).where(
        table.c.owner == new.owner,
        table.c.recording == new.recording,
        table.c.part == new.part,
        table.c.state != UploadState.FAILED.value,
    )
    if (other := connection.execute(query.limit(1)).scalar()) is not None:
        raise UploadBusyError(
            f"file {new.part} of this recording is the upload {other}",
            remedy="continue that upload, or choose another name of the recording",
        )
