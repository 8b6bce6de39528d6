"""The chapters that a source has of its own: a chapter track, or Nero's list in moov/udta."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from eddyline.media.left_out.report import LeftOut
from eddyline.media.source.source import ChapterFacts
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation
from eddyline.mp4.slice import iter_samples

MAX_CHAPTERS: Final = 1000
"""Chapters that are read; a feature film has about 30."""
_LONGEST_TITLE: Final = 200  # characters
_LARGEST_SAMPLE: Final = 65_536 + 4_096  # bytes: a text of 16-bit length, and what describes it
_FORMATS = frozenset({"text", "tx3g"})
_NERO = b"chpl"
_NERO_TICKS = 10_000_000  # a second
_HEADER = 8

ChapterTimes = list[tuple[Fraction, str]]


def read_source_chapters(
    src: ByteRanges,
    movie: Movie,
    track: Track,
    shown: Presentation,
    listed: Sequence[tuple[Fraction, str]] | None = None,
) -> tuple[tuple[ChapterFacts, ...], tuple[LeftOut, ...]]:
    """The chapters of a movie whose main video `track` shows `shown`, each with its frame; what is left out.

    `listed` are those of a source that was rewrapped, (seconds, title), instead of the movie's own. A chapter
    begins with the frame nearest to its time. Those beyond the video's end, and beyond `MAX_CHAPTERS`, are
    left out, and so is all but the title (images, links).
    """
    found = (
        list(listed) if listed is not None else read_chapter_track(src, movie) or read_nero_list(movie.udta)
    )
    end = Fraction(shown.end, track.timescale)
    inside = [each for each in found if 0 <= each[0] < end][:MAX_CHAPTERS]
    left = []
    if len(inside) < len(found):
        why = f"they begin outside the video, or are more than {MAX_CHAPTERS}"
        left.append(LeftOut(kind="chapters", what=f"{len(found) - len(inside)} chapters", why=why))
    chapters = [
        ChapterFacts(
            time_s=round(float(time), 6),
            frame=nearest_frame(time, shown, track.timescale),
            title=title or f"Chapter {number}",
        )
        for number, (time, title) in enumerate(sorted(inside, key=lambda each: each[0]), 1)
    ]
    return tuple(chapters), tuple(left)


def nearest_frame(time: Fraction, shown: Presentation, timescale: int) -> int:
    """The number of the frame whose time is nearest: chapters are stored in coarser ticks than frames."""
    tick = float(time * timescale)
    after = min(int(np.searchsorted(shown.pts, tick)), len(shown) - 1)
    before = max(after - 1, 0)
    return before if tick - int(shown.pts[before]) < int(shown.pts[after]) - tick else after


def read_chapter_track(src: ByteRanges, movie: Movie) -> ChapterTimes:
    """The chapters (movie seconds, title) of the text track that another refers to by "chap", if any."""
    numbers = [number for each in movie.tracks for number in each.references.get("chap", ())]
    track = next((each for each in movie.tracks if each.number in numbers and each.format in _FORMATS), None)
    if track is None or track.encrypted or not _is_readable(track, src):
        return []
    shift = movie.time_offset(track)
    count = MAX_CHAPTERS + 1
    starts = track.samples.pts[:count].tolist()
    samples = iter_samples(src, track) if len(track.samples) <= count else _first(src, track, count)
    # A sample without text is the end of the chapter before.
    return [
        (Fraction(start, track.timescale) + shift, text_sample_title(data))
        for start, data in zip(starts, samples, strict=False)
        if int.from_bytes(data[:2], "big")
    ]


def read_nero_list(udta: bytes | None) -> ChapterTimes:
    """The chapters (seconds, title) of Nero's list; what is cut short in it is not read."""
    body = next((body for kind, body in boxes(udta or b"") if kind == _NERO), b"")
    version = body[0] if body else 0
    at = 9 if version else 5  # version and flags, in version 1 four bytes more, then the count
    found: ChapterTimes = []
    for _ in range(body[at - 1] if len(body) >= at else 0):
        if at + 9 > len(body):
            break
        ticks, length = struct.unpack_from(">QB", body, at)
        title = body[at + 9 : at + 9 + length].decode("utf-8", "replace")
        found.append((Fraction(ticks, _NERO_TICKS), printable(title)))
        at += 9 + length
    return found


def remove_nero_lists(udta: bytes | None) -> bytes | None:
    """The payload of moov/udta without Nero's lists; every other byte stays."""
    if not udta:
        return udta
    out, at = [], 0
    for kind, body in boxes(udta):
        size = _HEADER + len(body)
        if kind != _NERO:
            out.append(udta[at : at + size])
        at += size
    return b"".join([*out, udta[at:]])


def boxes(udta: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(type, payload) of the boxes in a movie's udta, up to the first of an impossible size."""
    at = 0
    while at + _HEADER <= len(udta):
        size = int.from_bytes(udta[at : at + 4], "big")
        if not _HEADER <= size <= len(udta) - at:
            return
        yield udta[at + 4 : at + 8], udta[at + _HEADER : at + size]
        at += size


def text_sample_title(sample: bytes) -> str:
    """The text of a QuickTime or 3GPP text sample: UTF-16 if it begins with a byte order mark, else UTF-8."""
    raw = sample[2 : 2 + int.from_bytes(sample[:2], "big")]
    utf16 = raw[:2] in {b"\xfe\xff", b"\xff\xfe"}
    return printable(raw.decode("utf-16" if utf16 else "utf-8", "replace"))


def printable(title: str) -> str:
    """A title in one line of printable characters."""
    return "".join(each for each in title if each.isprintable()).strip()[:_LONGEST_TITLE]


def _is_readable(track: Track, src: ByteRanges) -> bool:
    samples = track.samples
    if not len(samples):
        return False
    inside = int((samples.offset + samples.size).max()) <= src.size
    return inside and int(samples.size.max()) <= _LARGEST_SAMPLE


def _first(src: ByteRanges, track: Track, count: int) -> Sequence[bytes]:
    places = zip(track.samples.offset[:count].tolist(), track.samples.size[:count].tolist(), strict=True)
    return [src.read(offset, size) for offset, size in places]
