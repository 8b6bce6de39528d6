"""Chapters inside an MP4, told in the two ways that players know.

A text track that the picture refers to as its chapters (QuickTime File Format, "Chapter Lists"): Apple's
players, browsers, FFmpeg, VLC. And Nero's box `chpl` in moov/udta: what readers of metadata list, and players
that know no other. Both are written as FFmpeg writes them, for that is what all of these are tried with.
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
from eddyline.media.chapters.source_chapters import read_chapter_track, remove_nero_lists
from eddyline.media.pictures.highlights import Chapter
from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import IDENTITY_MATRIX
from eddyline.mp4.presentation import Presentation
from eddyline.mp4.write.memory_samples import MemorySamples
from eddyline.mp4.write.output_track import OutputTrack, Piece
from eddyline.store.ranges import FileRanges

_U32 = (1 << 32) - 1
_PLAIN_TIMESCALE = 1000  # where the picture's ticks are so short that a chapter may outlast 32 bits
_UTF8 = make_box("encd", struct.pack(">I", 0x100))
_NERO_MOST = 255  # its count has one byte
_NERO_TICKS = 10_000_000  # a second

# Sample description: centred, all else zero. Header: gmin with QuickTime's defaults, then the text's matrix.
_ENTRY = make_box("text", bytes(6), struct.pack(">H", 1), struct.pack(">II", 0, 1), bytes(35))
_HEADER = make_box(
    "gmhd",
    make_full_box("gmin", 0, 0, struct.pack(">HHHHHH", 0x40, 0x8000, 0x8000, 0x8000, 0, 0)),
    make_box("text", struct.pack(">9i", *IDENTITY_MATRIX)),
)


def add_chapter_track(
    tracks: Sequence[OutputTrack], chapters: Sequence[Chapter], shown: Presentation
) -> list[OutputTrack]:
    """The tracks, the first of which is the picture that shows `shown`, with a chapter track behind them."""
    picture, *others = tracks
    ticks = _ticks(chapters, shown, picture.timescale)
    timescale = picture.timescale
    if ticks[-1] > _U32:
        timescale = _PLAIN_TIMESCALE
        ticks = _ticks(chapters, shown, picture.timescale, timescale)
    samples = [_sample(each.title) for each in chapters]
    size = np.array([len(each) for each in samples], np.int64)
    track = OutputTrack(
        handler="text",
        name="Chapters",
        timescale=timescale,
        stsd=make_full_box("stsd", 0, 0, struct.pack(">I", 1), _ENTRY),
        media_header=_HEADER,
        language="eng",
        enabled=False,  # else players that know no chapters would show the titles as subtitles
        pieces=(Piece(source=MemorySamples(b"".join(samples)), offset=np.cumsum(size) - size, size=size),),
        duration=np.array([end - start for start, end in pairwise(ticks)], np.int64),
    )
    references = {**picture.references, "chap": (len(tracks) + 1,)}
    return [replace(picture, references=references), *others, track]


def add_nero_list(
    udta: bytes | None, chapters: Sequence[Chapter], shown: Presentation, timescale: int
) -> bytes | None:
    """The payload of moov/udta with a chapter list in front; every byte of `udta` follows.

    In front, for a camera's own boxes may end in padding, behind which readers look no further. The source's
    own list gives way to the new one.
    """
    udta = remove_nero_lists(udta)
    if not 0 < len(chapters) <= _NERO_MOST:
        return udta
    starts = _ticks(chapters, shown, timescale, _NERO_TICKS)
    rows = [_row(start, each.title) for start, each in zip(starts, chapters, strict=False)]
    return make_full_box("chpl", 1, 0, struct.pack(">IB", 0, len(rows)), *rows) + (udta or b"")


def prove_chapters(
    path: Path, chapters: Sequence[Chapter], shown: Presentation, timescale: int, *, udta: bytes | None
) -> None:
    """Check that a written film has exactly these chapters, each from its frame on, and this udta.

    Raises `ProofError`.
    """
    with FileRanges(path) as src:
        movie = read_movie(src)
        found = read_chapter_track(src, movie)
    if [title for _, title in found] != [each.title for each in chapters]:
        raise ProofError(f"{path.name}: the {len(chapters)} chapters written are not what is read back")
    for place, ((start, _), wanted) in enumerate(zip(found, chapters, strict=True)):
        begins = Fraction(max(int(shown.pts[wanted.frame]), 0), timescale) if place else Fraction(0)
        if not 0 <= start - begins <= Fraction(1, _PLAIN_TIMESCALE):
            raise ProofError(f"{path.name}: {wanted.title} does not begin with frame {wanted.frame}")
    if movie.udta != udta:
        raise ProofError(f"{path.name}: the camera's own boxes changed")


def _ticks(
    chapters: Sequence[Chapter], shown: Presentation, timescale: int, wanted: int | None = None
) -> list[int]:
    """When the chapters begin, and the end, in ticks of 1/`wanted` s: the first at 0, none too early."""
    own = [0, *(max(int(shown.pts[each.frame]), 0) for each in chapters[1:]), max(shown.end, 0)]
    return own if wanted is None else [ceil(Fraction(tick * wanted, timescale)) for tick in own]


def _sample(title: str) -> bytes:
    text = title.encode()
    return struct.pack(">H", len(text)) + text + _UTF8


def _row(start: int, title: str) -> bytes:
    text = title.encode()[:255]
    return struct.pack(">QB", start, len(text)) + text
