"""A media store in a local directory."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from eddyline.core import files
from eddyline.core.concurrent_sync import sync_all
from eddyline.core.errors import MissingError, UsageError
from eddyline.store.ranges import FileRanges
from eddyline.store.store import checked_key


class LocalStore:
    """A directory as a `Store`; every put is synced to disk, as durable as in an object store."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()

    def check(self) -> None:
        """Check that the directory is writable or can be created. Raises `UsageError`."""
        existing = next(path for path in (self.root, *self.root.parents) if os.path.lexists(path))
        if not existing.is_dir():
            raise UsageError(f"{existing} is not a directory", remedy="pass a directory for the results")
        if not os.access(existing, os.W_OK | os.X_OK):
            raise UsageError(
                f"the directory {existing} is not writable",
                remedy="change its permissions, or pass another directory",
            )

    def path(self, key: str) -> Path:
        """The path of the object `key`."""
        return self.root / checked_key(key)

    def where(self, key: str) -> str:
        """The path of the object, as text."""
        return str(self.path(key))

    def put(self, key: str, path: Path) -> None:
        """Sync the file `path` and rename it to the object (on another disk: copy it)."""
        self.put_all({key: path})

    def put_all(self, paths: Mapping[str, Path]) -> None:
        """Sync the contents of all files, rename each to its object, then sync each directory once."""
        targets = {self.path(key): (key, path) for key, path in paths.items()}
        with files.translate_errors("writing files"):
            sync_all(list(paths.values()))
        changed: set[Path] = set()
        for target, (key, path) in targets.items():
            with files.translate_errors(f"writing {key}"):
                _make_parent(target, changed)
                try:
                    path.replace(target)
                except FileNotFoundError:
                    raise
                except OSError:  # on another file system
                    files.link_or_copy(path, target)
        with files.translate_errors("writing files"):
            sync_all(changed)

    def put_bytes(self, key: str, data: bytes) -> None:
        """Write a small object."""
        with files.translate_errors(f"writing {key}"):
            files.write_atomically(self.path(key), data)

    def compare_and_set(self, key: str, data: bytes, expected: str | None) -> bool:
        """Write `data` if the tag of the object is `expected`; a lock excludes writers of all processes."""
        target = self.path(key)
        with files.translate_errors(f"writing {key}"), self._lock:
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
        """The contents of a small object. Raises `MissingError`."""
        path = self.path(key)
        with files.translate_errors(f"reading {key}"), _objects_only(key):
            return path.read_bytes()

    def tag(self, key: str) -> str | None:
        """SHA-256 of the contents of a small object; None if it does not exist."""
        try:
            return hashlib.sha256(self.get(key)).hexdigest()
        except MissingError:
            return None

    def size(self, key: str) -> int | None:
        """The size in bytes; None if the object does not exist."""
        path = self.path(key)
        try:
            with files.translate_errors(f"reading the size of {key}"), _objects_only(key):
                found = path.stat()
        except MissingError:
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def fetch(self, key: str, scratch: Path) -> Path:  # noqa: ARG002 - the file is local
        """The path of the object. Raises `MissingError`."""
        path = self.path(key)
        if not path.is_file():
            raise MissingError(f"{key} is not in the media store")
        return path

    def ranges(self, key: str) -> FileRanges:
        """Open the object for reading by ranges. Raises `MissingError`."""
        return FileRanges(self.fetch(key, self.root))

    def copy(self, key: str, to: str) -> None:
        """Copy the object, by a hard link where the file system supports it."""
        self.copy_all([(key, to)])

    def copy_all(self, keys: Iterable[tuple[str, str]]) -> None:
        """Copy objects by hard links where the file system supports them; then sync each directory once.

        The contents were synced when the objects were stored.
        """
        changed: set[Path] = set()
        for key, to in keys:
            source, target = self.fetch(key, self.root), self.path(to)
            with files.translate_errors(f"writing {to}"):
                _make_parent(target, changed)
                files.link_or_copy(source, target)
        with files.translate_errors("writing files"):
            sync_all(changed)

    def list(self, prefix: str) -> Iterator[str]:
        """The keys below `prefix`/, sorted, without files that are being written.

        The names of one directory of each level are in memory at a time.
        """
        top = self.path(prefix)
        yield from _keys_below(top, top.relative_to(self.root).as_posix())

    def delete(self, prefix: str) -> None:
        """Delete an object, or a directory: renamed first, so that no partly deleted one is visible."""
        target = self.path(prefix)
        with files.translate_errors(f"deleting {prefix}"):
            if target.is_dir():
                renamed = files.temp_path(target)
                with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                    target.rename(renamed)
                files.remove_tree(renamed)
            else:
                with contextlib.suppress(NotADirectoryError):
                    target.unlink(missing_ok=True)


def _make_parent(target: Path, changed: set[Path]) -> None:
    """Create the directory of `target`; adds the directories that get new entries to `changed`."""
    parent = target.parent
    if parent not in changed:
        changed.update(files.make_directory(parent), {parent})


def _keys_below(folder: Path, prefix: str) -> Iterator[str]:
    """The keys of the files below a directory, sorted as whole keys; none if it was removed meanwhile."""
    for name in _sorted_names(folder):
        if name.endswith("/"):
            yield from _keys_below(folder / name, f"{prefix}/{name[:-1]}")
        else:
            yield f"{prefix}/{name}"


def _sorted_names(folder: Path) -> list[str]:
    """The names in a directory in the order of the keys; those of directories end with a slash."""
    try:
        with os.scandir(folder) as found:
            return sorted(
                f"{each.name}/" if each.is_dir() else each.name for each in found if _is_listed(each)
            )
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_listed(entry: os.DirEntry[str]) -> bool:
    if entry.is_dir():
        return not files.is_temp_path(entry.name) and not entry.is_symlink()
    return not entry.name.startswith(".")


@contextlib.contextmanager
def _objects_only(key: str) -> Iterator[None]:
    """Translate errors: a directory, or a path below a file, is a missing object."""
    try:
        yield
    except (IsADirectoryError, NotADirectoryError) as error:
        raise MissingError(f"{key} is not in the media store") from error
