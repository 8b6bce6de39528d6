"""Which files of what was named are footage: files, folders, whole camera cards, and objects of a store.

A file that is named is footage, whatever it is called: if it is not, the pipeline says why. A file that is
only found in a folder is judged by its extension, then by its first bytes, and skipped with a reason if
neither says video. Nothing outside a named folder is ever reached through it.
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
    """Why a file that was found, not named, is no footage; "" if it is."""
    return file_types.skip_reason(path.name, lambda: sniff(path))


@dataclass(frozen=True, kw_only=True)
class Discovered:
    """What was found: paths and addresses, as they were named.

    `skipped` pairs one with why it is not footage; `failed` with what is wrong with it.

    `footage` keeps the order of what was named; within a folder, the order in which it was filmed by name.
    """

    videos: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    failed: tuple[tuple[str, EddylineError], ...] = ()


def discover(sources: Iterable[str | Path], *, sniff: Sniff = sniff_file) -> Discovered:
    """Find the footage of `sources`: files, folders, s3://bucket/key, and s3://bucket/folder/ for all below.

    A source that fails does not stop the others.

    `sniff` looks at a file's first bytes and raises an `EddylineError` if they are no video that can be read
    (default: `media.sniff.sniff`).
    """
    search = _Search(sniff)
    for source in sources:
        search.named(source)
    return search.result()


class _Search:
    """One search over all that was named; a file reached twice is taken once."""

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

    def named(self, source: str | Path) -> None:
        """Take what the user named, wherever it is."""
        try:
            place = parse(str(source))
            if place.local:
                self._local(place.folder)
            else:
                self._stored(str(source))
        except EddylineError as error:
            self._failed.append((str(source), error))

    def _stored(self, address: str) -> None:
        """An object of a store, or with a slash at its end a folder of them."""
        if not address.endswith("/"):
            self._take(find_object(address), address)
            return
        found = find_videos_below(address, self._sniff)
        self._skipped.extend(found.skipped)
        for each in found.videos:
            self._take(each, each)

    def _local(self, source: Path) -> None:
        """A file or folder; links are followed, because the user asked for this very one."""
        try:
            status = source.stat()
        except (OSError, ValueError) as error:
            self._failed.append((str(source), _unreachable(error)))
            return
        if stat.S_ISDIR(status.st_mode):
            self._folder(source)
        elif stat.S_ISREG(status.st_mode):
            self._take(str(source), (status.st_dev, status.st_ino))
        else:
            wrong = InputError("not a regular file", remedy="name a video file, or a folder that holds some")
            self._failed.append((str(source), wrong))

    def _folder(self, root: Path) -> None:
        """Walk one named folder, folder by folder, without recursion: depth costs no stack."""
        open_folders = [root]
        while open_folders:
            folder = open_folders.pop()
            try:
                entries = sorted(folder.iterdir(), key=lambda entry: recording_order(entry.name))
            except OSError as error:
                self._failed.append((str(folder), _unreachable(error)))
                continue
            if any(entry.name == STATE for entry in entries):
                if folder != root:
                    self._skipped.append((str(folder), "results of an earlier run"))
                    continue
                entries = [entry for entry in entries if entry.name != OUTPUT]
            inner = list(self._entries(entries, root))
            open_folders.extend(reversed(inner))

    def _entries(self, entries: list[Path], root: Path) -> Iterator[Path]:
        """Judge the files among `entries`; give back the folders to walk next."""
        for entry in entries:
            if entry.name.startswith("."):
                continue  # .DS_Store, .Trashes, ._GX010042.MP4 and our own state
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
                self._judge(entry, (status.st_dev, status.st_ino))
            else:
                self._skipped.append((str(entry), "not a regular file"))

    def _judge(self, path: Path, identity: tuple[int, int]) -> None:
        """Take or skip a file that was found, not named."""
        reason = skip_reason(path, sniff=self._sniff)
        if reason:
            self._skipped.append((str(path), reason))
        else:
            self._take(str(path), identity)

    def _take(self, address: str, identity: Hashable) -> None:
        if identity not in self._seen:
            self._seen.add(identity)
            self._videos.append(address)


def _link_reason(link: Path, root: Path) -> str:
    """Links inside a folder are never followed: what they lead to is found by itself, or is not ours."""
    try:
        target = link.resolve(strict=True)
        inside = target.is_relative_to(root.resolve(strict=True))
    except (OSError, RuntimeError):  # Python 3.11 raises RuntimeError for a loop
        return "a link that leads nowhere"
    return "a link to a place in the same folder" if inside else "a link that leads out of the folder"


def _unreachable(error: OSError | ValueError) -> EddylineError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return MissingError(
            "there is no such file or folder", remedy="check the path and that the card is mounted"
        )
    if isinstance(error, PermissionError):
        remedy = "give yourself the right to read it, then run the same command again"
        return TransientError("it may not be read", remedy=remedy)
    what = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return InputError(f"it cannot be reached: {what}", remedy="check the path")
