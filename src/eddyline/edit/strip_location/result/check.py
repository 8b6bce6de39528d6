"""Checks a finished copy by reading it back.

Checks its boxes, that its samples are those of the source, and that it does not contain a location in any
known form.
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
from eddyline.edit.strip_location.boxes.track_boxes import TrackBoxes
from eddyline.edit.strip_location.copy_writer import WrittenTrack
from eddyline.edit.strip_location.report import ENCODE_REMEDY, Report
from eddyline.edit.strip_location.result.boxes import Chunk, Result, read_result
from eddyline.gpmf.edit.location import find_locations, find_unknown_keys
from eddyline.gpmf.sources import source_from_bytes
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie
from eddyline.store.ranges import FileRanges

_BLOCK: Final = 8 << 20
_OVERLAP: Final = 64
# Packet and tag names that do not occur by chance in coded video or audio.
_LOCATION_TAGS: Final = (
    b"Exif\0\0", b"<x:xmpmeta",
    b"http://ns.adobe.com/xap/1.0/", b"GPSLatitude", b"location.ISO6709",
)  # fmt: skip
_TRACK_PROPERTIES: Final = ("edits", "matrix", "timescale", "format", "enabled", "language")
_MOST_TEXTS: Final = 8
_SMALL: Final = 1 << 20
_LEAST_DIGITS: Final = 6  # characters; five ("8.541") occur by chance in some gigabytes of video


def check_raw(copy: Path) -> None:
    """Checks raw telemetry. Raises `ProofError` if it contains a location or an unknown key."""
    data = copy.read_bytes()
    found = source_from_bytes(data)
    blocks = [found.settings] if found.settings else [found.payloads[at] for at in range(len(found.payloads))]
    for number, block in enumerate(blocks):
        _check_payload(block, f"payload {number}")


def check_result(
    copy: Path,
    source: Movie,
    tracks: Sequence[TrackBoxes],
    written: Sequence[WrittenTrack],
    report: Report,
    *,
    check: Callable[[], None] = never_stop,
) -> None:
    """Checks a movie; `check` is called on every read and raises to cancel. Raises `ProofError`.

    Checks that only known boxes fill the file and samples cover its media exactly once; that each track has
    the samples that were written, with the times and edits of the source; that telemetry has known keys only;
    and that neither known location tags nor the coordinates of the source are present.
    """
    with FileRanges(copy) as file:
        src = CancellableReads(file, check)
        result = read_result(src)
        _check_outside(result, report.positions)
        _check_samples(read_movie(src), source, tracks)
        for track, wrote in zip(tracks, written, strict=True):
            number = track.selected.track.number
            chunks = [chunk for chunk in result.chunks if chunk.track == number]
            _check_bytes(src, number, chunks, wrote)
            if track.selected.track.kind == "telemetry":
                for payload in _samples(src, chunks):
                    _check_payload(payload, f"track {number}")
            if track.selected.track.kind not in {"video", "audio"}:
                for sample in _samples(src, chunks):
                    _search(sample, report.positions, f"track {number}")
        _check_media(src, result, report.positions)


def _check_outside(result: Result, positions: Sequence[Position]) -> None:
    for kind, data in result.outside:
        if kind == "ftyp" and contains_location(data):
            raise ProofError("ftyp of the copy contains a location", remedy=ENCODE_REMEDY)
        for tag in _LOCATION_TAGS:
            if tag in data:
                raise ProofError(f"{kind} of the copy contains {tag!a}", remedy=ENCODE_REMEDY)
        _search(data, positions, kind)


def _search(data: bytes, positions: Sequence[Position], where: str) -> None:
    """Raises `ProofError` if the data contains coordinates of the source, as text or as numbers."""
    for position in positions:
        texts = (text for text in position.texts() if len(text) >= _LEAST_DIGITS or len(data) <= _SMALL)
        forms = (*texts, *position.encodings())
        if any(form in data for form in forms):
            raise ProofError(
                f"{where} of the copy contains the source's coordinates"
                f" {position.latitude:.3f}, {position.longitude:.3f}",
                remedy=ENCODE_REMEDY,
            )


def _check_payload(payload: bytes, name: str) -> None:
    found = next(find_locations(payload), None) or next(find_unknown_keys(payload), None)
    if found is not None:
        raise ProofError(f"{name}: {found} contains a location or is unknown", remedy=ENCODE_REMEDY)


def _check_samples(copy: Movie, source: Movie, tracks: Sequence[TrackBoxes]) -> None:
    """Checks that the sample tables of the copy equal those of the source."""
    if len(copy.tracks) != len(tracks):
        raise ProofError(f"the copy has {len(copy.tracks)} tracks, expected {len(tracks)}")
    for mine, kept in zip(copy.tracks, tracks, strict=True):
        theirs = kept.selected.track
        a, b = mine.samples, theirs.samples
        same = [
            np.array_equal(getattr(a, each), getattr(b, each)) for each in ("dts", "pts", "duration", "sync")
        ]
        if kept.selected.clean is None:
            same.append(np.array_equal(a.size, b.size))
        same += [getattr(mine, each) == getattr(theirs, each) for each in _TRACK_PROPERTIES]
        if not all(same) or len(a) != len(b):
            raise ProofError(f"track {mine.number} of the copy does not have the timing of the source")
    if (copy.timescale, copy.creation_time) != (source.timescale, source.creation_time):
        raise ProofError("the timescale or creation time of the copy differs from the source")


def _check_bytes(src: ByteRanges, number: int, chunks: Sequence[Chunk], wrote: WrittenTrack) -> None:
    """Checks that the chunks of the track contain the bytes that were written for it, in order."""
    crc = total = 0
    for chunk in sorted(chunks, key=lambda each: each.start):
        for at in range(chunk.start, chunk.end, _BLOCK):
            data = src.read(at, min(_BLOCK, chunk.end - at))
            crc, total = zlib.crc32(data, crc), total + len(data)
    if (crc, total) != (wrote.crc, wrote.total):
        raise ProofError(f"track {number} of the copy differs from the bytes that were written")


def _samples(src: ByteRanges, chunks: Sequence[Chunk]) -> Iterator[bytes]:
    for chunk in chunks:
        data = src.read(chunk.start, chunk.end - chunk.start)
        at = 0
        for size in chunk.sizes:
            yield data[at : at + size]
            at += size


def _check_media(src: ByteRanges, result: Result, positions: Sequence[Position]) -> None:
    """Checks that the media contains neither location tags nor coordinates of the source as text."""
    texts = dict.fromkeys(text for position in positions for text in position.texts())
    distinctive = [text for text in texts if len(text) >= _LEAST_DIGITS]
    forms = (*_LOCATION_TAGS, *distinctive[:_MOST_TEXTS])
    for start, end in result.media:
        for at in range(start, end, _BLOCK):
            first = max(start, at - _OVERLAP)
            data = src.read(first, min(end, at + _BLOCK) - first)
            found = next((form for form in forms if form in data), None)
            if found is not None or contains_coordinates(data):
                what = ascii(found) if found is not None else "coordinates as text"
                raise ProofError(f"the media of the copy contains {what}", remedy=ENCODE_REMEDY)
