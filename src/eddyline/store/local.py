"""A media store in a local directory."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

from eddyline.core import files
from eddyline.core.errors import MissingError, UsageError
from eddyline.store.ranges import FileRanges
from eddyline.store.store import checked_key


class LocalStore:
    """A folder on a local disk. Object stores have no fsync to forget; here every put is synced."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._turn = threading.Lock()

    def check(self) -> None:
        """See that it may be written in, or made with the first object. Raises `UsageError`."""
        there = next(place for place in (self.root, *self.root.parents) if os.path.lexists(place))
        if not there.is_dir():
            raise UsageError(f"{there} is no folder", remedy="name one for the results")
        if not os.access(there, os.W_OK | os.X_OK):
            raise UsageError(
                f"nothing may be written in {there}",
                remedy="give yourself the right to, or name another folder",
            )

    def path(self, key: str) -> Path:
        """Where the object of `key` lies."""
        return self.root / checked_key(key)

    def where(self, key: str) -> str:
        """The object's path."""
        return str(self.path(key))

    def put(self, key: str, path: Path) -> None:
        """Sync `path` and rename it to its place (the same disk: no bytes move)."""
        target = self.path(key)
        with files.translate_errors(f"writing {key}"):
            target.parent.mkdir(parents=True, exist_ok=True)
            files.sync_file(path)
            try:
                path.replace(target)
            except FileNotFoundError:
                raise
            except OSError:  # scratch space on another disk
                files.link_or_copy(path, target)
            files.sync_directory(target.parent)

    def put_bytes(self, key: str, data: bytes) -> None:
        """Write a small object whole."""
        with files.translate_errors(f"writing {key}"):
            files.write_atomically(self.path(key), data)

    def compare_and_set(self, key: str, data: bytes, expected: str | None) -> bool:
        """Write `data` if the object's tag is `expected`; one writer at a time, in any process."""
        target = self.path(key)
        with files.translate_errors(f"writing {key}"), self._turn:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(target.parent, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                if self.tag(key) != expected:
                    return False
                files.write_atomically(target, data)
                return True
            finally:
                os.close(handle)

    def get(self, key: str) -> bytes:
        """A small object whole. Raises `MissingError`."""
        path = self.path(key)
        with files.translate_errors(f"reading {key}"), _objects_only(key):
            return path.read_bytes()

    def tag(self, key: str) -> str | None:
        """SHA-256 of a small object's bytes; None if there is none."""
        try:
            return hashlib.sha256(self.get(key)).hexdigest()
        except MissingError:
            return None

    def size(self, key: str) -> int | None:
        """Bytes, or None if there is no such object."""
        path = self.path(key)
        try:
            with files.translate_errors(f"looking at {key}"), _objects_only(key):
                found = path.stat()
        except MissingError:
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def fetch(self, key: str, scratch: Path) -> Path:  # noqa: ARG002 - a folder has the file already
        """The object's own file. Raises `MissingError`."""
        path = self.path(key)
        if not path.is_file():
            raise MissingError(f"{key} is not in the media store")
        return path

    def ranges(self, key: str) -> FileRanges:
        """The object's own file, opened. Raises `MissingError`."""
        return FileRanges(self.fetch(key, self.root))

    def copy(self, key: str, to: str) -> None:
        """Give the object a second name (a hard link where the disk has them)."""
        source, target = self.fetch(key, self.root), self.path(to)
        with files.translate_errors(f"writing {to}"):
            files.link_or_copy(source, target)

    def list(self, prefix: str) -> Iterator[str]:
        """The keys below the folder `prefix`, sorted; files that are being written are not shown."""
        top = self.path(prefix)
        keys: list[str] = []
        for folder, below, names in os.walk(top):  # what vanishes on the way is passed over
            below[:] = [name for name in below if not files.is_temp_path(name)]
            within = Path(folder).relative_to(self.root)
            keys.extend((within / name).as_posix() for name in names if not name.startswith("."))
        yield from sorted(keys)

    def delete(self, prefix: str) -> None:
        """Remove an object, or a folder: renamed first, so that a half-removed one is never seen."""
        target = self.path(prefix)
        with files.translate_errors(f"removing {prefix}"):
            if target.is_dir():
                doomed = files.temp_path(target)
                with contextlib.suppress(FileNotFoundError):  # another was faster
                    target.rename(doomed)
                files.remove_tree(doomed)
            else:
                with contextlib.suppress(NotADirectoryError):
                    target.unlink(missing_ok=True)


@contextlib.contextmanager
def _objects_only(key: str) -> Iterator[None]:
    """A folder, and what would lie below a file, are no objects."""
    try:
        yield
    except (IsADirectoryError, NotADirectoryError) as error:
        raise MissingError(f"{key} is not in the media store") from error
