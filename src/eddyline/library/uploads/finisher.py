"""Makes assets of complete uploads: verifies the file, moves it into the media store, and submits it.

Every step can be repeated: the key of a file is fixed before it moves, a file that is not in the upload
directory any more is in the store, and submitting twice adds nothing. A process that is killed at any point
loses nothing, and the next one continues.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import update

from eddyline.core.errors import EddylineError, InputError
from eddyline.core.stop import Stop
from eddyline.graph.db.library_schema import uploads as table
from eddyline.library.uploads.existing_assets import find_duplicate
from eddyline.library.uploads.recordings import source_directory, take_ready
from eddyline.library.uploads.upload import Upload
from eddyline.library.uploads.upload_files import sha256_of
from eddyline.library.uploads.uploads import Uploads, check_type
from eddyline.media.ladder.profile import Profile, load_profile
from eddyline.pipeline.planning.job_options import JobOptions
from eddyline.pipeline.submission.submit import Submitted
from eddyline.store.store import Store

_LOG = logging.getLogger("eddyline.uploads")
_RETRY_S = 10.0

Submitter = Callable[[Sequence[str], Profile, JobOptions], Submitted]
"""(addresses of the files of one recording, in order, profile, options) -> the asset."""
AreOneRecording = Callable[[Sequence[str]], bool]
"""(addresses) -> whether they are chapters of one recording. Raises transient errors."""


@dataclass(kw_only=True)
class UploadFinisher:
    """Finishes the uploads of one server. `wait_s`: how long a recording waits for its missing files."""

    uploads: Uploads
    store: Store
    submit: Submitter
    are_one_recording: AreOneRecording
    wait_s: float
    _retries: dict[str, float] = field(default_factory=dict)

    def run_once(self, stop: Stop | None = None) -> int:
        """Finish all uploads that are ready now; returns how many files became assets."""
        count = 0
        for files in take_ready(self.uploads, wait_s=self.wait_s):
            if stop is not None and stop.requested:
                break
            if not any(self._postponed(each) for each in files):
                count += self._finish(files)
        return count

    def _finish(self, files: Sequence[Upload]) -> int:
        """Finish the files of one recording; one that is invalid stops neither the others nor the loop."""
        stored = [each for each in files if self._attempt([each], partial(self._store, each))]
        if not stored or any(self._postponed(each) for each in files):
            return 0
        recordings: list[tuple[Upload, ...]] = []
        self._attempt(stored, lambda: recordings.extend(self._recordings(stored)))
        done = [each for each in recordings if self._attempt(each, partial(self._submit, each))]
        return sum(len(recording) for recording in done)

    def _attempt(self, files: Sequence[Upload], step: Callable[[], None]) -> bool:
        """Run a step for some files; after an error, retry them later or fail them. True if it was done."""
        try:
            step()
        except EddylineError as error:
            ids = [each.id for each in files]
            if error.retry:
                self._retries[ids[0]] = self.uploads.ledger.now() + _RETRY_S
                _LOG.warning("upload not stored yet", extra={"upload": ids[0], "error": error.message})
                return False
            _LOG.warning("upload failed", extra={"upload": ids[0], "error": error.message})
            for each in files:
                self.store.delete(source_directory(each))
            self.uploads.fail_all(ids, error)
            return False
        self._retries.pop(files[0].id, None)
        return True

    def _postponed(self, upload: Upload) -> bool:
        return self._retries.get(upload.id, 0.0) > self.uploads.ledger.now()

    def _store(self, upload: Upload) -> None:
        """Verify a file and move it to its key, unless an earlier process did.

        Raises `InputError` if it is not what the client declared.
        """
        key, length = upload.key, upload.length
        assert key is not None  # noqa: S101 - an upload that is being stored has a key
        assert length is not None  # noqa: S101 - and a length, because it is complete
        size = self.uploads.files.size(upload.id)
        if size is None:
            if self.store.size(key) == length:
                return
            raise InputError("the file of the upload is missing", remedy="upload the file again")
        if size < length:
            raise InputError(f"the file has {size} of {length} bytes", remedy="upload the file again")
        path = self.uploads.files.path(upload.id)
        if size > length:
            with self.uploads.files.open(upload.id, length):
                pass  # cuts what a killed process wrote behind the end
        check_type(self.uploads.files.read_head(upload.id))
        sha256 = sha256_of(path, length)
        declared = upload.metadata.get("sha256", "").lower()
        if declared and declared != sha256:
            raise InputError(
                f"the file has the SHA-256 {sha256} instead of {declared}",
                remedy="upload the file again; check the disk that it is read from",
            )
        self.uploads.ledger.write(
            lambda c: c.execute(update(table).where(table.c.id == upload.id).values(sha256=sha256))
        )
        self.store.put(key, path)
        self.uploads.files.remove(upload.id)  # an object store copies it

    def _recordings(self, files: Sequence[Upload]) -> list[tuple[Upload, ...]]:
        """The files as recordings: all of them as one if they are chapters of one, else each by itself."""
        if len(files) == 1 or self.are_one_recording([self._address(each) for each in files]):
            return [tuple(files)]
        return [(each,) for each in files]

    def _submit(self, files: Sequence[Upload]) -> None:
        """Submit one recording, unless its owner has the same asset already."""
        first = files[0]
        profile = load_profile(first.profile)
        addresses = [self._address(each) for each in files]
        ids = [each.id for each in files]
        existing = find_duplicate(self.uploads.ledger, addresses, profile, first.owner)
        if existing is None:
            asset = self.submit(addresses, profile, JobOptions(owner=first.owner)).asset
            _LOG.info("upload submitted", extra={"upload": first.id, "asset": asset})
        else:
            asset = existing
            for each in files:
                self.store.delete(source_directory(each))
        self.uploads.submitted(ids, asset)

    def _address(self, upload: Upload) -> str:
        return self.store.where(str(upload.key))
