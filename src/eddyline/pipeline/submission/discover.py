"""Finds the videos among the sources that a user names: files, directories, camera cards, objects of a store.

A file that is named is taken as a video with any name; inspection refuses it if it is none. A file that
is found in a directory is classified by its extension, then by its first bytes, and skipped with a reason if
neither is that of a video. Nothing outside a named directory is reached through it.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.errors import EddylineError, InputError, MissingError, TransientError
from eddyline.media.source.sniff import sniff as sniff_file
from eddyline.pipeline.planning.output_layout import OUTPUT, STATE
from eddyline.pipeline.submission import file_types
from eddyline.pipeline.submission.file_types import recording_order
from eddyline.pipeline.submission.stored_sources import find_object, find_videos_below
from eddyline.store.addresses import parse

Sniff = Callable[[Path | bytes], object]


def skip_reason(path: Path, *, sniff: Sniff = sniff_file) -> str:
    """Why a file that was found, not named, is skipped; "" if it is a video."""
    return file_types.skip_reason(path.name, lambda: sniff(path))


@dataclass(frozen=True, kw_only=True)
class Discovered:
    """Paths and addresses, spelled as they were named.

    `videos` keeps the order of the named sources; within a directory, recording order by name. `skipped`
    pairs a file with the reason, `failed` a source with its error.
    """

    videos: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    failed: tuple[tuple[str, EddylineError], ...] = ()


def discover(sources: Iterable[str | Path], *, sniff: Sniff = sniff_file) -> Discovered:
    """Find the videos of `sources`: files, directories, s3://bucket/key, or s3://bucket/prefix/ (all below).

    A source that fails does not stop the others. `sniff` reads a file's first bytes and raises an
    `EddylineError` if they are not those of a supported video (default: `media.source.sniff.sniff`).
    """
    search = _Search(sniff)
    for source in sources:
        search.add(source)
    return search.result()


class _Search:
    """One search over all named sources; a file that is reached twice is listed once."""

    def __init__(self, sniff: Sniff) -> None:
        self._sniff = sniff
        self._seen: set[Hashable] = set()
        self._videos: list[str] = []
        self._skipped: list[tuple[str, str]] = []
        self._failed: list[tuple[str, EddylineError]] = []

    def result(self) -> Discovered:
        return Discovered(
            videos=tuple(self._videos), skipped=tuple(self._skipped), failed=tuple(self._failed)
        )

    def add(self, source: str | Path) -> None:
        """Add a source that the user named."""
        try:
            place = parse(str(source))
            if place.local:
                self._add_local(place.folder)
            else:
                self._add_stored(str(source))
        except EddylineError as error:
            self._failed.append((str(source), error))

    def _add_stored(self, address: str) -> None:
        """An object of a store, or with a trailing slash all objects below a prefix."""
        if not address.endswith("/"):
            self._add_video(find_object(address), address)
            return
        found = find_videos_below(address, self._sniff)
        self._skipped.extend(found.skipped)
        for each in found.videos:
            self._add_video(each, each)

    def _add_local(self, source: Path) -> None:
        """A file or directory; links are followed, because the user named this one."""
        try:
            status = source.stat()
        except (OSError, ValueError) as error:
            self._failed.append((str(source), _unreadable(error)))
            return
        if stat.S_ISDIR(status.st_mode):
            self._add_directory(source)
        elif stat.S_ISREG(status.st_mode):
            self._add_video(str(source), (status.st_dev, status.st_ino))
        else:
            refusal = InputError(
                "not a regular file", remedy="name a video file, or a directory that contains some"
            )
            self._failed.append((str(source), refusal))

    def _add_directory(self, root: Path) -> None:
        """Walk one named directory, without recursion, so that depth needs no stack."""
        pending = [root]
        while pending:
            directory = pending.pop()
            try:
                entries = sorted(directory.iterdir(), key=lambda entry: recording_order(entry.name))
            except OSError as error:
                self._failed.append((str(directory), _unreadable(error)))
                continue
            if any(entry.name == STATE for entry in entries):
                if directory != root:
                    self._skipped.append((str(directory), "results of an earlier run"))
                    continue
                entries = [entry for entry in entries if entry.name != OUTPUT]
            subdirectories = list(self._add_entries(entries, root))
            pending.extend(reversed(subdirectories))

    def _add_entries(self, entries: list[Path], root: Path) -> Iterator[Path]:
        """Add the files among `entries`; yield the directories to walk next."""
        for entry in entries:
            if entry.name.startswith("."):
                continue  # .DS_Store, .Trashes, ._GX010042.MP4 and Eddyline's own state
            try:
                status = entry.lstat()
            except OSError as error:
                self._skipped.append((str(entry), f"cannot be read: {error.strerror}"))
                continue
            if stat.S_ISLNK(status.st_mode):
                self._skipped.append((str(entry), _link_reason(entry, root)))
            elif stat.S_ISDIR(status.st_mode):
                yield entry
            elif stat.S_ISREG(status.st_mode):
                self._classify(entry, (status.st_dev, status.st_ino))
            else:
                self._skipped.append((str(entry), "not a regular file"))

    def _classify(self, path: Path, identity: tuple[int, int]) -> None:
        """Add or skip a file that was found, not named."""
        reason = skip_reason(path, sniff=self._sniff)
        if reason:
            self._skipped.append((str(path), reason))
        else:
            self._add_video(str(path), identity)

    def _add_video(self, address: str, identity: Hashable) -> None:
        if identity not in self._seen:
            self._seen.add(identity)
            self._videos.append(address)


def _link_reason(link: Path, root: Path) -> str:
    """Why a link in a directory is not followed: its target is found by itself, or is outside."""
    try:
        target = link.resolve(strict=True)
        inside = target.is_relative_to(root.resolve(strict=True))
    except (OSError, RuntimeError):  # Python 3.11 raises RuntimeError for a loop
        return "a broken link"
    return "a link into the same directory" if inside else "a link out of the directory"


def _unreadable(error: OSError | ValueError) -> EddylineError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return MissingError(
            "no such file or directory", remedy="check the path, and that the card is mounted"
        )
    if isinstance(error, PermissionError):
        remedy = "grant read permission, then run the same command again"
        return TransientError("permission denied", remedy=remedy)
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return InputError(f"it cannot be read: {reason}", remedy="check the path")
