"""Subtitle tracks of an MP4: 3GPP timed text (TS 26.245, "tx3g"), which FFmpeg calls mov_text.

A track shows one text at a time, so that overlapping cues are flattened (`flatten_cues`), and gaps are empty
samples. The handler is QuickTime's "sbtl", which Apple's players require.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eddyline.core.errors import ProofError
from eddyline.core.timebase import rescale
from eddyline.media.subtitles.cues import Subtitles, flatten_cues, plain_text, styled_spans
from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.entries.track_labels import FORCED_SUBTITLE_ROLE
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.slice import iter_samples
from eddyline.mp4.write.memory_samples import MemorySamples
from eddyline.mp4.write.output_track import OutputTrack, Piece
from eddyline.store.ranges import FileRanges

_TICKS = 1000  # a second: WebVTT and SubRip count milliseconds
_UNIT = 0x10000
_ALL_FORCED = 0x80000000
_FACES = {"b": 1, "i": 2, "u": 4}
_WHITE = b"\xff\xff\xff\xff"
_FONT = make_box("ftab", struct.pack(">HHB", 1, 1, 5), b"Arial")


def add_subtitle_tracks(
    tracks: Sequence[OutputTrack], subtitles: Sequence[Subtitles], width: int, height: int
) -> list[OutputTrack]:
    """Return the tracks followed by one for each of `subtitles`, placed at the lower edge of the video."""
    return [*tracks, *(_track(each, width, height) for each in subtitles)]


def _track(subtitles: Subtitles, width: int, height: int) -> OutputTrack:
    samples, duration = _samples(subtitles)
    size = np.array([len(each) for each in samples], np.int64)
    lines = max(height * 3 // 20, 1)  # the height of a text box: three lines of a twentieth each
    return OutputTrack(
        handler="sbtl",
        name="SubtitleHandler",
        title=subtitles.title,
        roles=(FORCED_SUBTITLE_ROLE,) if subtitles.forced else (),
        timescale=_TICKS,
        stsd=make_full_box("stsd", 0, 0, struct.pack(">I", 1), _entry(subtitles, width, lines)),
        media_header=make_full_box("nmhd", 0, 0),
        width=width,
        height=lines,
        matrix=(_UNIT, 0, 0, 0, _UNIT, 0, 0, (height - lines) * _UNIT, 0x40000000),
        language=subtitles.language,
        enabled=subtitles.default,
        pieces=(Piece(source=MemorySamples(b"".join(samples)), offset=np.cumsum(size) - size, size=size),),
        duration=np.array(duration, np.int64),
    )


def verify_subtitles(path: Path, subtitles: Sequence[Subtitles]) -> tuple[int, ...]:
    """Check that a written MP4 has exactly these subtitles, and return the number of texts of each.

    Raises `ProofError`.
    """
    with FileRanges(path) as src:
        movie = read_movie(src)
        tracks = [track for track in movie.tracks if track.format == "tx3g"]
        found = [(track.language, read_texts(src, movie, track)) for track in tracks]
    wanted = [
        (each.language, [(a, b, plain_text(text)) for a, b, text in flatten_cues(each.cues)])
        for each in subtitles
    ]
    if found != wanted:
        raise ProofError(f"{path.name}: the subtitles differ from those written")
    return tuple(len(texts) for _, texts in found)


def read_texts(src: ByteRanges, movie: Movie, track: Track) -> list[tuple[int, int, str]]:
    """Return the texts of a tx3g track written by this module: (start, end, text) in movie milliseconds."""
    shift = movie.time_offset(track)
    found = []
    times = zip(track.samples.pts.tolist(), track.samples.duration.tolist(), strict=True)
    for (start, length), data in zip(times, iter_samples(src, track), strict=True):
        text = data[2 : 2 + int.from_bytes(data[:2], "big")].decode("utf-8", "replace")
        if text:
            start_ms = rescale(start, track.timescale, _TICKS) + round(shift * _TICKS)
            found.append((start_ms, start_ms + rescale(length, track.timescale, _TICKS), text))
    return found


def _samples(subtitles: Subtitles) -> tuple[list[bytes], list[int]]:
    """Return the samples and their durations in milliseconds, from 0 without gaps."""
    samples: list[bytes] = []
    duration: list[int] = []
    now = 0
    for start, end, text in flatten_cues(subtitles.cues):
        if start > now:
            samples.append(bytes(2))
            duration.append(start - now)
        samples.append(_sample(text))
        duration.append(end - start)
        now = end
    # An empty sample ends the last text: some players show the last sample until the end of the movie.
    return [*samples, bytes(2)], [*duration, 0]


def _sample(text: str) -> bytes:
    """Return the text and, if it has markup, a box of style records (TS 26.245 section 5.17)."""
    pieces, styles, at = [], [], 0
    for piece, markup in styled_spans(text):
        pieces.append(piece)
        if markup:
            face = sum(_FACES[tag] for tag in markup)
            styles.append(struct.pack(">HHHBB", at, at + len(piece), 1, face, 16) + _WHITE)
        at += len(piece)
    data = "".join(pieces).encode()
    styl = make_box("styl", struct.pack(">H", len(styles)), *styles) if styles else b""
    return struct.pack(">H", len(data)) + data + styl


def _entry(subtitles: Subtitles, width: int, lines: int) -> bytes:
    """Return the sample description: centered, at the bottom of its box, white, no background."""
    flags = _ALL_FORCED if subtitles.forced else 0
    return make_box(
        "tx3g",
        bytes(6),
        struct.pack(">HIbb4x", 1, flags, 1, -1),
        struct.pack(">4h", 0, 0, min(lines, 0x7FFF), min(width, 0x7FFF)),
        struct.pack(">HHHBB", 0, 0, 1, 0, 16) + _WHITE,
        _FONT,
    )
