"""Reads the chapters of a source: from a chapter track, or from Nero's list in moov/udta."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from eddyline.core.formatting import printable_line
from eddyline.media.chapters.nero_chapters import MAX_READ_TITLE, ChapterTimes, read_nero_list
from eddyline.media.left_out.report import LeftOut
from eddyline.media.source.source import ChapterFacts
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation
from eddyline.mp4.slice import iter_samples

MAX_CHAPTERS: Final = 1000
"""The most chapters that are read; a feature-length movie has about 30."""
_MAX_SAMPLE: Final = 65_536 + 4_096  # bytes: a text of 16-bit length, and its style boxes
_FORMATS = frozenset({"text", "tx3g"})


def read_source_chapters(
    src: ByteRanges,
    movie: Movie,
    track: Track,
    shown: Presentation,
    listed: Sequence[tuple[Fraction, str]] | None = None,
) -> tuple[tuple[ChapterFacts, ...], tuple[LeftOut, ...]]:
    """Return the chapters of a movie with their frames, and the omitted ones.

    `track` is the main video, `shown` its presentation. `listed` are the chapters of a remuxed source,
    (seconds, title), which replace those of the movie. A chapter starts with the frame nearest to its time.
    Chapters outside the video or beyond `MAX_CHAPTERS`, and images and links of chapters, are omitted.
    """
    found = (
        list(listed) if listed is not None else read_chapter_track(src, movie) or read_nero_list(movie.udta)
    )
    end = Fraction(shown.end, track.timescale)
    inside = [each for each in found if 0 <= each[0] < end][:MAX_CHAPTERS]
    omitted = []
    if len(inside) < len(found):
        why = f"they start outside the video, or exceed the limit of {MAX_CHAPTERS}"
        omitted.append(LeftOut(kind="chapters", what=f"{len(found) - len(inside)} chapters", why=why))
    chapters = [
        ChapterFacts(
            time_s=round(float(time), 6),
            frame=nearest_frame(time, shown, track.timescale),
            title=title or f"Chapter {number}",
        )
        for number, (time, title) in enumerate(sorted(inside, key=lambda each: each[0]), 1)
    ]
    return tuple(chapters), tuple(omitted)


def nearest_frame(time: Fraction, shown: Presentation, timescale: int) -> int:
    """Return the number of the frame nearest to `time`, because chapters have coarser times than frames."""
    tick = float(time * timescale)
    after = min(int(np.searchsorted(shown.pts, tick)), len(shown) - 1)
    before = max(after - 1, 0)
    return before if tick - int(shown.pts[before]) < int(shown.pts[after]) - tick else after


def read_chapter_track(src: ByteRanges, movie: Movie) -> ChapterTimes:
    """Return the chapters (movie seconds, title) of the text track referenced by "chap"; [] without one."""
    numbers = [number for each in movie.tracks for number in each.references.get("chap", ())]
    track = next((each for each in movie.tracks if each.number in numbers and each.format in _FORMATS), None)
    if track is None or track.encrypted or not _is_readable(track, src):
        return []
    shift = movie.time_offset(track)
    count = MAX_CHAPTERS + 1
    starts = track.samples.pts[:count].tolist()
    samples = iter_samples(src, track) if len(track.samples) <= count else _first(src, track, count)
    # A sample without text marks the end of the previous chapter.
    return [
        (Fraction(start, track.timescale) + shift, text_sample_title(data))
        for start, data in zip(starts, samples, strict=False)
        if int.from_bytes(data[:2], "big")
    ]


def text_sample_title(sample: bytes) -> str:
    """Return the text of a QuickTime or 3GPP text sample: UTF-16 with a byte order mark, else UTF-8."""
    raw = sample[2 : 2 + int.from_bytes(sample[:2], "big")]
    utf16 = raw[:2] in {b"\xfe\xff", b"\xff\xfe"}
    return printable_line(raw.decode("utf-16" if utf16 else "utf-8", "replace"), MAX_READ_TITLE)


def _is_readable(track: Track, src: ByteRanges) -> bool:
    samples = track.samples
    if not len(samples):
        return False
    inside = int((samples.offset + samples.size).max()) <= src.size
    return inside and int(samples.size.max()) <= _MAX_SAMPLE


def _first(src: ByteRanges, track: Track, count: int) -> Sequence[bytes]:
    places = zip(track.samples.offset[:count].tolist(), track.samples.size[:count].tolist(), strict=True)
    return [src.read(offset, size) for offset, size in places]
