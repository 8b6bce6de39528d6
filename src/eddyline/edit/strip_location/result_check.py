"""Checks a finished copy by its own bytes.

What it consists of, that its samples are the source's, and that no location is left in any form in which one
is known to be written.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from eddyline.core.coordinates import Position, contains_coordinates, contains_location
from eddyline.core.errors import ProofError
from eddyline.edit.cancellable_reads import CancellableReads, never_stop
from eddyline.edit.strip_location.copy_writer import Written
from eddyline.edit.strip_location.movie_boxes import TrackBoxes
from eddyline.edit.strip_location.report import Report
from eddyline.edit.strip_location.result_boxes import Chunk, Result, read_result
from eddyline.gpmf.edit.location import find_locations, find_unknown_keys
from eddyline.gpmf.sources import source_from_bytes
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie
from eddyline.store.ranges import FileRanges

_BLOCK: Final = 8 << 20
_OVERLAP: Final = 64
# Sentences, packets and tags that never occur by chance in coded video or audio.
_MARKS: Final = (
    b"Exif\0\0", b"<x:xmpmeta",
    b"http://ns.adobe.com/xap/1.0/", b"GPSLatitude", b"location.ISO6709",
)  # fmt: skip
_MOST_TEXTS: Final = 8
_SMALL: Final = 1 << 20
_LEAST_DIGITS: Final = 6  # characters; five ("8.541") do occur by chance in some gigabytes of video
_EDITS_REMEDY: Final = "encode it first, for example with eddyline run, and strip the rendition"


def check_raw(copy: Path) -> None:
    """Check raw telemetry; raises `ProofError`."""
    data = copy.read_bytes()
    found = source_from_bytes(data)
    blocks = [found.settings] if found.settings else [found.payloads[at] for at in range(len(found.payloads))]
    for number, block in enumerate(blocks):
        _check_payload(block, f"payload {number}")


def check_result(
    copy: Path,
    source: Movie,
    tracks: Sequence[TrackBoxes],
    written: Sequence[Written],
    report: Report,
    *,
    check: Callable[[], None] = never_stop,
) -> None:
    """Check a movie; `check` is called with every read and may raise, to stop. Raises `ProofError`.

    Its boxes are known ones and fill the file, its media is covered by samples exactly once; each track has
    the samples that were written, at the times and with the edits of the source; telemetry has known keys
    alone; and neither known marks of a location nor the source's own coordinates are found in it.
    """
    with FileRanges(copy) as file:
        src = CancellableReads(file, check)
        result = read_result(src)
        _check_outside(result, report.places)
        _check_samples(read_movie(src), source, tracks)
        for track, wrote in zip(tracks, written, strict=True):
            number = track.choice.track.number
            chunks = [chunk for chunk in result.chunks if chunk.track == number]
            _check_bytes(src, number, chunks, wrote)
            if track.choice.track.kind == "telemetry":
                for payload in _samples(src, chunks):
                    _check_payload(payload, f"track {number}")
            if track.choice.track.kind not in {"video", "audio"}:
                for sample in _samples(src, chunks):
                    _search(sample, report.places, f"track {number}")
        _check_media(src, result, report.places)


def _check_outside(result: Result, places: Sequence[Position]) -> None:
    for kind, data in result.outside:
        if kind == "ftyp" and contains_location(data):
            raise ProofError("ftyp of the copy names a place", remedy=_EDITS_REMEDY)
        for mark in _MARKS:
            if mark in data:
                raise ProofError(f"{kind} of the copy holds {mark!a}", remedy=_EDITS_REMEDY)
        _search(data, places, kind)


def _search(data: bytes, places: Sequence[Position], where: str) -> None:
    """The source's own coordinates, as text and as numbers."""
    for place in places:
        texts = (text for text in place.texts() if len(text) >= _LEAST_DIGITS or len(data) <= _SMALL)
        forms = (*texts, *place.encodings())
        if any(form in data for form in forms):
            raise ProofError(
                f"{where} of the copy holds the source's coordinates"
                f" {place.latitude:.3f}, {place.longitude:.3f}",
                remedy=_EDITS_REMEDY,
            )


def _check_payload(payload: bytes, name: str) -> None:
    found = next(find_locations(payload), None) or next(find_unknown_keys(payload), None)
    if found is not None:
        raise ProofError(f"{name}: {found} still says where, or is not known", remedy=_EDITS_REMEDY)


def _check_samples(copy: Movie, source: Movie, tracks: Sequence[TrackBoxes]) -> None:
    """The same samples at the same times, by the index."""
    if len(copy.tracks) != len(tracks):
        raise ProofError(f"the copy has {len(copy.tracks)} tracks, {len(tracks)} were kept")
    for mine, wanted in zip(copy.tracks, tracks, strict=True):
        theirs = wanted.choice.track
        a, b = mine.samples, theirs.samples
        same = [
            np.array_equal(getattr(a, each), getattr(b, each)) for each in ("dts", "pts", "duration", "sync")
        ]
        if wanted.choice.clean is None:
            same.append(np.array_equal(a.size, b.size))
        described = (mine.edits, mine.matrix, mine.timescale, mine.format, mine.enabled, mine.language)
        wished = (
            theirs.edits,
            theirs.matrix,
            theirs.timescale,
            theirs.format,
            theirs.enabled,
            theirs.language,
        )
        if not all(same) or described != wished or len(a) != len(b):
            raise ProofError(f"track {mine.number} of the copy is not timed as in the source")
    if (copy.timescale, copy.creation_time) != (source.timescale, source.creation_time):
        raise ProofError("the copy's clock is not the source's")


def _check_bytes(src: ByteRanges, number: int, chunks: Sequence[Chunk], wrote: Written) -> None:
    """The track's chunks hold the bytes that were written for it, in their order."""
    crc = total = 0
    for chunk in sorted(chunks, key=lambda each: each.start):
        for at in range(chunk.start, chunk.end, _BLOCK):
            data = src.read(at, min(_BLOCK, chunk.end - at))
            crc, total = zlib.crc32(data, crc), total + len(data)
    if (crc, total) != (wrote.crc, wrote.total):
        raise ProofError(f"track {number} of the copy is not what was written")


def _samples(src: ByteRanges, chunks: Sequence[Chunk]) -> Iterator[bytes]:
    for chunk in chunks:
        data = src.read(chunk.start, chunk.end - chunk.start)
        at = 0
        for size in chunk.sizes:
            yield data[at : at + size]
            at += size


def _check_media(src: ByteRanges, result: Result, places: Sequence[Position]) -> None:
    """No mark of a location, and none of the source's coordinates as text, in any byte of the media."""
    texts = dict.fromkeys(text for place in places for text in place.texts())
    distinctive = [text for text in texts if len(text) >= _LEAST_DIGITS]
    forms = (*_MARKS, *distinctive[:_MOST_TEXTS])
    for begin, end in result.media:
        for at in range(begin, end, _BLOCK):
            first = max(begin, at - _OVERLAP)
            data = src.read(first, min(end, at + _BLOCK) - first)
            found = next((form for form in forms if form in data), None)
            if found is not None or contains_coordinates(data):
                what = ascii(found) if found is not None else "coordinates as text"
                raise ProofError(f"the copy's media holds {what}", remedy=_EDITS_REMEDY)
