"""The source as the steps see it: found again by its asset, read by ranges, never changed under our hands."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from eddyline.core.errors import InputError, MissingError
from eddyline.core.identity import canonical
from eddyline.core.store import Store
from eddyline.media.probe import main_video
from eddyline.mp4.index import Movie, Track, read_movie
from eddyline.mp4.presentation import Presentation, presentation
from eddyline.mp4.ranges import FileRanges

_INDEXES_KEPT = 4  # a one-hour file's index is about 10 MB


@dataclass(frozen=True, kw_only=True)
class Footage:
    """An open source with its index; `track` is the video track that is processed."""

    src: FileRanges
    movie: Movie
    track: Track
    presentation: Presentation


@dataclass(frozen=True, kw_only=True)
class Original:
    """Where a source lies and what it looked like when it was submitted."""

    path: Path
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> Original:
        """As the file is now. Raises `MissingError`."""
        try:
            stat = path.stat()
        except OSError as error:
            raise MissingError(f"{path} is gone: {error.strerror}") from error
        return cls(path=path, size=stat.st_size, mtime_ns=stat.st_mtime_ns)

    def check(self) -> Path:
        """The path, if the file is still there, unchanged. Raises `MissingError` or `InputError`."""
        if Original.of(self.path) != self:
            raise InputError(
                f"{self.path} has changed since it was submitted",
                remedy="run the command again once nothing writes to it any more",
            )
        return self.path


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """One of several files that are one recording, and its fingerprint (hex)."""

    original: Original
    fingerprint: str


class Sources:
    """Remembers where each asset's source lies; the same footage may move between two runs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def remember(self, asset: str, original: Original, chapters: Sequence[Chapter] = ()) -> None:
        """Note (or correct) where the source lies; of a recording in chapters, all of them, in order."""
        value = _plain(original)
        if chapters:
            value["chapters"] = [
                {**_plain(chapter.original), "fingerprint": chapter.fingerprint} for chapter in chapters
            ]
        self._store.put_bytes(f".eddyline/sources/{asset}.json", canonical(value))

    def find(self, asset: str) -> Original:
        """Where it was last seen; of a recording in chapters, the first. Raises `MissingError`."""
        return _original(self._note(asset))

    def chapters(self, asset: str) -> tuple[Chapter, ...]:
        """The chapters, in order; none where the source is one file. Raises `MissingError`."""
        return tuple(
            Chapter(original=_original(plain), fingerprint=plain["fingerprint"])
            for plain in self._note(asset).get("chapters", ())
        )

    def _note(self, asset: str) -> dict[str, Any]:
        note: dict[str, Any] = json.loads(self._store.get(f".eddyline/sources/{asset}.json"))
        return note


def _plain(original: Original) -> dict[str, Any]:
    return {"path": str(original.path), "size": original.size, "mtime_ns": original.mtime_ns}


def _original(plain: dict[str, Any]) -> Original:
    return Original(path=Path(plain["path"]), size=plain["size"], mtime_ns=plain["mtime_ns"])


class Indexes:
    """The last few indexes read, so that a hundred chunks of one source read its index once."""

    def __init__(self) -> None:
        self._known: OrderedDict[Original, tuple[Movie, Track, Presentation]] = OrderedDict()
        self._turn = Lock()

    @contextmanager
    def open(self, path: Path) -> Iterator[Footage]:
        """Open a local MP4. Raises `Mp4Error`, `MissingError`, or `InputError` if it is no footage."""
        with FileRanges(path) as src, self._turn:
            known = self._index(Original.of(path), src)
        with FileRanges(path) as src:
            yield Footage(src=src, movie=known[0], track=known[1], presentation=known[2])

    def _index(self, original: Original, src: FileRanges) -> tuple[Movie, Track, Presentation]:
        if original in self._known:
            self._known.move_to_end(original)
            return self._known[original]
        movie = read_movie(src)
        track = main_video(movie)
        self._known[original] = (movie, track, presentation(movie, track))
        while len(self._known) > _INDEXES_KEPT:
            self._known.popitem(last=False)
        return self._known[original]
