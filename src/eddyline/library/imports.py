"""Imports files from URLs: the server downloads them as a client would upload them.

An import is an upload whose bytes this server requests itself, from public addresses only, by ranges. It has
the limits, the list, the crash safety and the end of any upload: the finisher submits it.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from eddyline.core.errors import EddylineError, InputError, UnsupportedError
from eddyline.core.stop import Stop
from eddyline.library.uploads.upload import Upload, UploadState, parse_new_upload
from eddyline.library.uploads.upload_files import HEAD_BYTES, OpenUploadFile
from eddyline.library.uploads.uploads import Uploads, check_type
from eddyline.store.http_ranges import PART, Connect, HttpRanges

_LOG = logging.getLogger("eddyline.imports")
_AT_ONCE = 3
_FIRST_RETRY_S = 5.0
_MAX_RETRY_S = 300.0
_MAX_ATTEMPTS = 12  # about half an hour
_URL, _TAG = "url", "etag"  # the metadata of an import


@dataclass(kw_only=True)
class _Attempts:
    """The failed attempts of one import, and when the next one begins."""

    count: int = 0
    due: float = 0.0


@dataclass(kw_only=True)
class Importer:
    """Imports for one server. `connect` opens the connections: `PublicConnections.open`."""

    uploads: Uploads
    connect: Connect
    _attempts: dict[str, _Attempts] = field(default_factory=dict)

    def start(self, url: str, *, owner: str, profile: str = "default", name: str = "") -> Upload:
        """Start an import: checks the URL, the server's answer and the limits; `run_once` downloads the file.

        Raises the errors of `HttpRanges` and `Uploads.create`, `ForbiddenAddressError`, and `InputError` if
        the first bytes are not those of a video.
        """
        with HttpRanges(url, connect=self.connect) as src:
            check_type(src.read(0, min(src.size, HEAD_BYTES)))
            metadata = {"filename": name or _name_of(url), "profile": profile, _URL: url}
            if src.tag is not None:
                metadata[_TAG] = src.tag
            return self.uploads.create(parse_new_upload(metadata, owner=owner, length=src.size))

    def run_once(self, stop: Stop) -> int:
        """Attempt all imports that are due; returns how many were completed."""
        now = self.uploads.ledger.now()
        due = [
            each
            for each in self._open_imports()
            if self._attempts.setdefault(each.id, _Attempts()).due <= now
        ]
        if not due:
            return 0
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="import") as pool:
            return sum(pool.map(lambda upload: self._attempt(upload, stop), due))

    def _open_imports(self) -> list[Upload]:
        return [
            each
            for each in self.uploads.listed(None)
            if each.state is UploadState.OPEN
            and _URL in each.metadata
            and each.directory == self.uploads.files.name
        ]

    def _attempt(self, upload: Upload, stop: Stop) -> bool:
        """Download the rest of a file; a transient error is retried later, another one ends the import."""
        if stop.requested:
            return False
        try:
            complete = self._download(upload, stop)
        except EddylineError as error:
            attempts = self._attempts[upload.id]
            attempts.count += 1
            if error.retry and attempts.count < _MAX_ATTEMPTS:
                wait_s = min(_FIRST_RETRY_S * 2 ** (attempts.count - 1), _MAX_RETRY_S)
                attempts.due = self.uploads.ledger.now() + wait_s
                _LOG.warning("import interrupted", extra={"upload": upload.id, "error": error.message})
                return False
            self._attempts.pop(upload.id)
            _LOG.warning("import failed", extra={"upload": upload.id, "error": error.message})
            self.uploads.fail(upload.id, error)
            return False
        if complete:
            self._attempts.pop(upload.id)
        return complete

    def _download(self, upload: Upload, stop: Stop) -> bool:
        """Download what is missing; False if it was stopped or cancelled."""
        with HttpRanges(upload.metadata[_URL], connect=self.connect) as src:
            _require_same(upload, src)
            writing = self.uploads.begin(upload.id, None, upload.offset)
            with self.uploads.files.open(upload.id, upload.offset) as file:
                return self._copy(src, writing, file, stop)

    def _copy(self, src: HttpRanges, writing: Upload, file: OpenUploadFile, stop: Stop) -> bool:
        offset = writing.offset
        while offset < src.size:
            if stop.requested or not self.uploads.is_writer(writing):
                return False
            data = src.read(offset, min(PART, src.size - offset))
            file.write(offset, data)
            file.sync()
            offset += len(data)
            self.uploads.record(writing, offset)
        return True


def _require_same(upload: Upload, src: HttpRanges) -> None:
    """Raise `InputError` unless the file is the one that the import began with."""
    if src.size != upload.length or (_TAG in upload.metadata and src.tag != upload.metadata[_TAG]):
        raise InputError("the file changed while it was imported", remedy="import the URL again")
    if upload.offset and _TAG not in upload.metadata:
        raise UnsupportedError(
            "the import was interrupted, and the server gives no entity tag that proves the file is the same",
            remedy="import the URL again",
        )


def _name_of(url: str) -> str:
    """The file name in a URL."""
    return unquote(PurePosixPath(urlsplit(url).path).name) or "import"
