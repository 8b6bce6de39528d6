"""Writes chapters to an MP4, in both forms that players read.

- A text track that the video track references as its chapters (QuickTime File Format, "Chapter Lists"), for
  Apple's players, browsers, FFmpeg and VLC.
- Nero's box `chpl` in moov/udta, for metadata readers and other players.

Both have the form that FFmpeg writes, because players are tested with that.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import ceil
from pathlib import Path

import numpy as np

from eddyline.core.errors import ProofError
from eddyline.media.chapters.nero_chapters import (
    MAX_ENTRIES,
    TICKS_PER_SECOND,
    make_nero_list,
    remove_nero_lists,
)
from eddyline.media.chapters.source_chapters import read_chapter_track
from eddyline.media.pictures.highlights import Chapter
from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import IDENTITY_MATRIX
from eddyline.mp4.presentation import Presentation
from eddyline.mp4.write.memory_samples import MemorySamples
from eddyline.mp4.write.output_track import OutputTrack, Piece
from eddyline.store.ranges import FileRanges

_U32 = (1 << 32) - 1
_MS_TIMESCALE = 1000  # used if the duration of a chapter in ticks of the video exceeds 32 bits
_UTF8 = make_box("encd", struct.pack(">I", 0x100))

# Sample description: centered, otherwise zero. Header: gmin with QuickTime's defaults, then the matrix of the
# text.
_ENTRY = make_box("text", bytes(6), struct.pack(">H", 1), struct.pack(">II", 0, 1), bytes(35))
_HEADER = make_box(
    "gmhd",
    make_full_box("gmin", 0, 0, struct.pack(">HHHHHH", 0x40, 0x8000, 0x8000, 0x8000, 0, 0)),
    make_box("text", struct.pack(">9i", *IDENTITY_MATRIX)),
)


def add_chapter_track(
    tracks: Sequence[OutputTrack], chapters: Sequence[Chapter], shown: Presentation
) -> list[OutputTrack]:
    """Return the tracks, the first of which is the video with presentation `shown`, and a chapter track."""
    video, *others = tracks
    ticks = _ticks(chapters, shown, video.timescale)
    timescale = video.timescale
    if ticks[-1] > _U32:
        timescale = _MS_TIMESCALE
        ticks = _ticks(chapters, shown, video.timescale, timescale)
    samples = [_sample(each.title) for each in chapters]
    size = np.array([len(each) for each in samples], np.int64)
    track = OutputTrack(
        handler="text",
        name="Chapters",
        timescale=timescale,
        stsd=make_full_box("stsd", 0, 0, struct.pack(">I", 1), _ENTRY),
        media_header=_HEADER,
        language="eng",
        enabled=False,  # otherwise players without chapter support would show the titles as subtitles
        pieces=(Piece(source=MemorySamples(b"".join(samples)), offset=np.cumsum(size) - size, size=size),),
        duration=np.array([end - start for start, end in pairwise(ticks)], np.int64),
    )
    references = {**video.references, "chap": (len(tracks) + 1,)}
    return [replace(video, references=references), *others, track]


def add_nero_list(
    udta: bytes | None, chapters: Sequence[Chapter], shown: Presentation, timescale: int
) -> bytes | None:
    """Return the payload of moov/udta with a chapter list at the start, followed by the bytes of `udta`.

    The list is at the start because the boxes of a camera may end in padding, after which readers stop. It
    replaces the list of the source.
    """
    udta = remove_nero_lists(udta)
    if not 0 < len(chapters) <= MAX_ENTRIES:
        return udta
    starts = _ticks(chapters, shown, timescale, TICKS_PER_SECOND)
    entries = [(start, each.title) for start, each in zip(starts, chapters, strict=False)]
    return make_nero_list(entries) + (udta or b"")


def verify_chapters(
    path: Path, chapters: Sequence[Chapter], shown: Presentation, timescale: int, *, udta: bytes | None
) -> None:
    """Raise `ProofError` unless a written MP4 has exactly these chapters at their frames, and this udta."""
    with FileRanges(path) as src:
        movie = read_movie(src)
        found = read_chapter_track(src, movie)
    if [title for _, title in found] != [each.title for each in chapters]:
        raise ProofError(f"{path.name}: the chapters differ from the {len(chapters)} chapters written")
    for index, ((start, _), wanted) in enumerate(zip(found, chapters, strict=True)):
        expected = Fraction(max(int(shown.pts[wanted.frame]), 0), timescale) if index else Fraction(0)
        if not 0 <= start - expected <= Fraction(1, _MS_TIMESCALE):
            raise ProofError(f"{path.name}: {wanted.title} does not start with frame {wanted.frame}")
    if movie.udta != udta:
        raise ProofError(f"{path.name}: moov/udta differs from the bytes written")


def _ticks(
    chapters: Sequence[Chapter], shown: Presentation, timescale: int, target: int | None = None
) -> list[int]:
    """Return the starts of the chapters and the end of the last, in ticks of 1/`target` s, rounded up.

    The first chapter starts at 0.
    """
    ticks = [0, *(max(int(shown.pts[each.frame]), 0) for each in chapters[1:]), max(shown.end, 0)]
    return ticks if target is None else [ceil(Fraction(tick * target, timescale)) for tick in ticks]


def _sample(title: str) -> bytes:
    text = title.encode()
    return struct.pack(">H", len(text)) + text + _UTF8
