"""The files of uploads in one directory of this machine: bytes are written at positions, and synced.

The name of a file is the id of its upload. A process that writes to a file locks it, which the operating
system undoes when the process ends: two processes never write to one file at the same time.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import time
from pathlib import Path

from eddyline.core import files
from eddyline.core.closeable import Closeable
from eddyline.core.errors import MissingError
from eddyline.library.uploads.errors import UploadBusyError

HEAD_BYTES = 64 * 1024
"""When so many first bytes are there, the type of the file is checked."""

_NAME_FILE = "directory"
_BLOCK = 1024 * 1024


class UploadFiles:
    """The directory `root` of the files of uploads. `name` identifies it among those of other servers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        with files.translate_errors(f"preparing {root}"):
            root.mkdir(parents=True, exist_ok=True)
            self.name = _read_name(root / _NAME_FILE)

    def path(self, upload: str) -> Path:
        """The path of the file of an upload; its id has letters and digits only."""
        if not upload.isalnum():
            raise MissingError("the upload does not exist")
        return self.root / upload

    def create(self, upload: str) -> None:
        """Create an empty file."""
        with files.translate_errors("creating the file of an upload"):
            self.path(upload).touch(exist_ok=False)
            files.sync_directory(self.root)

    def open(self, upload: str, offset: int) -> OpenUploadFile:
        """Open and lock a file, cut to `offset` bytes: what follows was never confirmed to the client.

        Raises `UploadBusyError` if another process writes to it, `MissingError` if it is shorter or absent.
        """
        with files.translate_errors("opening the file of an upload"):
            handle = os.open(self.path(upload), os.O_RDWR | os.O_CLOEXEC)
        try:
            _lock(handle)
            _require_length(handle, offset)
            os.ftruncate(handle, offset)
        except BaseException:
            os.close(handle)
            raise
        return OpenUploadFile(handle)

    def size(self, upload: str) -> int | None:
        """The length of the file in bytes; None if it does not exist."""
        try:
            return self.path(upload).stat().st_size
        except FileNotFoundError:
            return None

    def read_head(self, upload: str) -> bytes:
        """The first `HEAD_BYTES` of the file, or all of a shorter one."""
        with files.translate_errors("reading an upload"), self.path(upload).open("rb") as file:
            return file.read(HEAD_BYTES)

    def remove(self, upload: str) -> None:
        """Delete the file, if it exists."""
        with files.translate_errors("deleting the file of an upload"):
            self.path(upload).unlink(missing_ok=True)

    def ids(self, *, older_s: float = 0.0) -> list[str]:
        """The uploads that have a file here which was not changed for `older_s` seconds."""
        before = time.time() - older_s
        found = []
        for each in self.root.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if each.name != _NAME_FILE and each.name.isalnum() and each.stat().st_ctime <= before:
                    found.append(each.name)
        return sorted(found)


class OpenUploadFile(Closeable):
    """A locked file of an upload. Not safe for use by several threads at the same time."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def write(self, offset: int, data: bytes) -> None:
        """Write all of `data` at `offset`. Raises `TransientError` if the disk is full or fails."""
        view = memoryview(data)
        with files.translate_errors("writing an upload"):
            while view:
                written = os.pwrite(self._handle, view, offset)
                offset, view = offset + written, view[written:]

    def sync(self) -> None:
        """Make all written bytes durable."""
        with files.translate_errors("writing an upload"):
            os.fdatasync(self._handle)

    def truncate(self, length: int) -> None:
        """Cut the file to `length` bytes."""
        with files.translate_errors("writing an upload"):
            os.ftruncate(self._handle, length)

    def read_head(self) -> bytes:
        """The first `HEAD_BYTES` of the file, or all of a shorter one."""
        with files.translate_errors("reading an upload"):
            return os.pread(self._handle, HEAD_BYTES, 0)

    def close(self) -> None:
        """Unlock and close the file; safe to call twice."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


def sha256_of(path: Path, length: int) -> str:
    """The SHA-256 (hex) of the first `length` bytes of a file, read in blocks."""
    digest, left = hashlib.sha256(), length
    with files.translate_errors("reading an upload"), path.open("rb") as file:
        while left and (block := file.read(min(_BLOCK, left))):
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()


def _lock(handle: int) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UploadBusyError("another process writes to the upload") from None


def _require_length(handle: int, length: int) -> None:
    if os.fstat(handle).st_size < length:
        raise MissingError(
            f"the file of the upload is shorter than the {length} bytes that were confirmed",
            remedy="start a new upload; check the disk of the server",
        )


def _read_name(path: Path) -> str:
    """The random name of the directory: the first process that opens it chooses one."""
    try:
        return path.read_text("ascii")
    except FileNotFoundError:
        pass
    unfinished = files.temp_path(path)
    try:
        unfinished.write_text(secrets.token_hex(8), "ascii")
        files.sync_file(unfinished)
        os.link(unfinished, path)  # fails if another process was first
    except FileExistsError:
        pass
    finally:
        unfinished.unlink(missing_ok=True)
    return path.read_text("ascii")
