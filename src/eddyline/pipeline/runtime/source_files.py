"""The source as the steps see it: found again by its asset, read by ranges, never changed under our hands."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any

from eddyline.core.errors import FormatError, InputError, MissingError, UsageError
from eddyline.core.formatting import short_repr
from eddyline.core.identity import canonical
from eddyline.core.name_rules import is_asset
from eddyline.media.source.open_source import main_video
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation, build_presentation
from eddyline.store.addresses import parse
from eddyline.store.open_source import open_object
from eddyline.store.ranges import FileRanges, Ranges
from eddyline.store.store import Store

_INDEXES_KEPT = 4  # a one-hour file's index is about 10 MB


@dataclass(frozen=True, kw_only=True)
class IndexedSource:
    """An open source with its index; `track` is the video track that is processed."""

    src: ByteRanges
    movie: Movie
    track: Track
    presentation: Presentation


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """Where a source lies and what it looked like when it was submitted.

    `address` is an absolute path of this machine, or s3://, gs:// or az://bucket/key. `stamp` changes when
    the source does: the time of writing of a file in ns, the store's tag of an object.
    """

    address: str
    size: int
    stamp: str

    @classmethod
    def of(cls, address: str | Path) -> SourceFile:
        """As the source is now. Raises `MissingError`; `UsageError` for a bucket that cannot be reached."""
        place = parse(str(address))
        if place.local:
            return _of_file(place.folder.absolute())
        with open_object(str(address)) as src:
            return cls(address=str(place), size=src.size, stamp=src.stamp or "")

    @property
    def name(self) -> str:
        """The source's file name."""
        return PurePosixPath(self.address).name

    @property
    def path(self) -> Path | None:
        """The local file; None for an object of a store."""
        place = parse(self.address)
        return place.folder if place.local else None

    def check(self) -> None:
        """See that it is still there, unchanged. Raises `MissingError` or `InputError`."""
        self.open().close()

    def open(self) -> Ranges:
        """The source, to be read by ranges. Raises as `check` does; close it after use."""
        path = self.path
        if path is not None:
            self._require(_of_file(path))
            return FileRanges(path)
        src = open_object(self.address)
        self._require(SourceFile(address=self.address, size=src.size, stamp=src.stamp or ""))
        return src

    def _require(self, now: SourceFile) -> None:
        if now != self:
            raise InputError(
                f"{self.address} has changed since it was submitted",
                remedy="run the command again once nothing writes to it any more",
                reason="changed",
            )


def _of_file(path: Path) -> SourceFile:
    try:
        stat = path.stat()
    except OSError as error:
        raise MissingError(f"{path} is gone: {error.strerror}") from error
    if not _is_unicode(str(path)):
        raise InputError(
            "its path is not Unicode, so it can be written into no ledger and no manifest",
            remedy="rename it, or the folder that is called so; then it is taken",
            reason="path",
        )
    return SourceFile(address=str(path), size=stat.st_size, stamp=str(stat.st_mtime_ns))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True, kw_only=True)
class ChapterFile:
    """One of several files that are one recording, and its fingerprint (hex)."""

    original: SourceFile
    fingerprint: str


class SourceRegistry:
    """Remembers where each asset's source lies; the same footage may move between two runs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def remember(self, asset: str, original: SourceFile, chapters: Sequence[ChapterFile] = ()) -> None:
        """Note (or correct) where the source lies; of a recording in chapters, all of them, in order."""
        value = _plain(original)
        if chapters:
            value["chapters"] = [
                {**_plain(chapter.original), "fingerprint": chapter.fingerprint} for chapter in chapters
            ]
        self._store.put_bytes(_note_key(asset), canonical(value))

    def find(self, asset: str) -> SourceFile:
        """Where it was last seen; of a recording in chapters, the first. Raises `MissingError`."""
        return _original(self._note(asset))

    def chapters(self, asset: str) -> tuple[ChapterFile, ...]:
        """The chapters, in order; none where the source is one file. Raises `MissingError`."""
        return tuple(
            ChapterFile(original=_original(plain), fingerprint=plain["fingerprint"])
            for plain in self._note(asset).get("chapters", ())
        )

    def _note(self, asset: str) -> dict[str, Any]:
        data = self._store.get(_note_key(asset))
        try:
            note = json.loads(data)
            for each in (note, *note.get("chapters", ())):
                _original(each)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise FormatError(
                f"the note of where asset {asset} comes from cannot be read",
                remedy="submit the footage again; see who else writes to the media store",
            ) from error
        return dict(note)


def _note_key(asset: str) -> str:
    if not is_asset(asset):
        raise UsageError(
            f"{short_repr(asset)} is not the id of an asset", remedy="name one of 16 hexadecimal digits"
        )
    return f".eddyline/sources/{asset}.json"


def _plain(original: SourceFile) -> dict[str, Any]:
    return {"address": original.address, "size": original.size, "stamp": original.stamp}


def _original(plain: dict[str, Any]) -> SourceFile:
    """The original of a note; raises `TypeError` or `LookupError` for what is not one."""
    if "path" in plain:  # noted before sources could lie in a store
        plain = {"address": plain["path"], "size": plain["size"], "stamp": str(plain["mtime_ns"])}
    address, size, stamp = plain["address"], plain["size"], plain["stamp"]
    if not isinstance(address, str) or not isinstance(stamp, str) or type(size) is not int or size < 0:
        raise TypeError("an address, a size or a stamp that is none")
    return SourceFile(address=address, size=size, stamp=stamp)


class IndexCache:
    """The last few indexes read, so that a hundred chunks of one source read its index once."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, _Slot] = OrderedDict()
        self._turn = Lock()

    def of(self, source: Hashable, src: ByteRanges) -> IndexedSource:
        """The index of an open MP4, which is known as `source`: the same value, the same bytes.

        Raises `Mp4Error`, or `InputError` if it is no footage.
        """
        with self._turn:
            slot = self._known.setdefault(source, _Slot())
            self._known.move_to_end(source)
            while len(self._known) > _INDEXES_KEPT:
                self._known.popitem(last=False)
        with slot.turn:  # one reads, the others of the same source wait for it, those of others do not
            if slot.found is None:
                movie = read_movie(src)
                track = main_video(movie)
                slot.found = (movie, track, build_presentation(movie, track))
            movie, track, shown = slot.found
        return IndexedSource(src=src, movie=movie, track=track, presentation=shown)


class _Slot:
    """The place of one index, read or not."""

    def __init__(self) -> None:
        self.turn = Lock()
        self.found: tuple[Movie, Track, Presentation] | None = None
