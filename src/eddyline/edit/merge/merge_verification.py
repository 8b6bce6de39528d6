"""Reads a merged recording back and compares it with its chapters, sample by sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np

from eddyline.core.errors import ProofError
from eddyline.edit.merge.subtitle_tracks import is_gap, is_subtitle_track
from eddyline.gpmf.format.klv import Klv
from eddyline.gpmf.format.reader import parse
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.slice import iter_samples
from eddyline.store.ranges import FileRanges

COUNTER_KEYS = frozenset({"TSMP", "STMP"})  # keys whose values may differ between a payload and its copy
Source = tuple[ByteRanges, Movie]


def verify_merge(merged: Path, chapters: Sequence[Source], joins: Sequence[Sequence[int]] = ()) -> None:
    """Check that the output has every sample of every track, in order, and presents every frame.

    `joins` has, per track, the bytes of silence after each chapter, or, negative, the bytes cut. Telemetry
    payloads may differ only in TSMP and STMP. Raises `ProofError`.
    """
    with FileRanges(merged) as src:
        movie = read_movie(src)
        if len(movie.tracks) != len(chapters[0][1].tracks):
            raise ProofError(f"the merged file has {len(movie.tracks)} tracks")
        first = chapters[0][1]
        if movie.matrix != first.matrix:
            raise ProofError("the display matrix of the merged file differs from its first chapter's")
        for at, track in enumerate(movie.tracks):
            like = first.tracks[at]
            if (track.matrix, track.display_size) != (like.matrix, like.display_size):
                raise ProofError(f"the {track.kind} track has another display size or orientation")
            gaps = joins[at] if at < len(joins) else ()
            if track.unit_bytes:
                _compare_bytes(src, track, [(source, each.tracks[at]) for source, each in chapters], gaps)
                continue
            telemetry = track.kind == "telemetry"
            if is_subtitle_track(movie, track):
                _compare_subtitles(src, track, [(source, each.tracks[at]) for source, each in chapters])
                continue
            expected_samples = (
                data for source, each in chapters for data in iter_samples(source, each.tracks[at])
            )
            for number, (found, expected) in enumerate(
                zip_longest(iter_samples(src, track), expected_samples)
            ):
                if found != expected and not (telemetry and _differs_in_counters_only(found, expected)):
                    raise ProofError(f"sample {number} of the {track.kind} track differs from the source's")
            if track.kind == "video":
                _compare_frame_times(movie, at, chapters)


def _compare_subtitles(
    src: ByteRanges, track: Track, expected_samples: Sequence[tuple[ByteRanges, Track]]
) -> None:
    """Compare texts in order; texts after the end of their chapter may be missing, and gaps may differ."""
    found = [data for data in iter_samples(src, track) if not is_gap(track, data)]
    at = 0
    for source, each in expected_samples:
        for data in iter_samples(source, each):
            if not is_gap(each, data) and at < len(found) and found[at] == data:
                at += 1
    if at != len(found):
        raise ProofError(f"text {at} of track {track.number} is not from a chapter")


def _compare_bytes(
    src: ByteRanges, track: Track, expected_samples: Sequence[tuple[ByteRanges, Track]], joins: Sequence[int]
) -> None:
    """Compare all bytes of an audio track in units, whose blocks differ between the files.

    `joins`: bytes of silence after each of the `expected_samples` tracks, or, negative, bytes cut from its
    end.
    """
    found = _ByteStream(iter_samples(src, track))
    for (source, each), join in zip(expected_samples, joins or (0,) * len(expected_samples), strict=True):
        left = int(each.samples.size.sum()) + min(join, 0)
        for data in iter_samples(source, each):
            expected = data[: max(left, 0)]
            left -= len(expected)
            if found.take(len(expected)) != expected:
                raise ProofError(f"the {track.kind} track differs from the source's")
        if len(found.take(max(join, 0))) != max(join, 0):
            raise ProofError(f"the {track.kind} track lacks silence between two chapters")
    if found.take(1):
        raise ProofError(f"the {track.kind} track is longer than the source's")


class _ByteStream:
    """Reads a stream of blocks by byte counts."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes, or fewer at the end."""
        parts, need = [self._rest[:count]], count - len(self._rest)
        self._rest = self._rest[count:]
        while need > 0 and (block := next(self._blocks, None)) is not None:
            parts.append(block[:need])
            self._rest = block[need:]
            need -= len(block)
        return b"".join(parts)


def _compare_frame_times(movie: Movie, at: int, chapters: Sequence[Source]) -> None:
    presentation = build_presentation(movie, movie.tracks[at])
    expected = [build_presentation(each, each.tracks[at]) for _, each in chapters]
    if len(presentation) != sum(map(len, expected)):
        raise ProofError(
            f"the merged file presents {len(presentation)} frames instead of {sum(map(len, expected))}"
        )
    if np.any(np.diff(presentation.pts) <= 0):
        raise ProofError("two frames of the merged file have the same time")
    done = 0
    for number, each in enumerate(expected, 1):
        chapter_times = presentation.pts[done : done + len(each)]
        if not np.array_equal(chapter_times - chapter_times[:1], each.pts - each.pts[:1]):
            raise ProofError(f"the frame times of chapter {number} differ from the source's")
        done += len(each)


def _differs_in_counters_only(found: bytes | None, expected: bytes | None) -> bool:
    """Return whether two payloads are equal except for counters."""
    if found is None or expected is None or len(found) != len(expected):
        return False
    return _clear_counters(found) == _clear_counters(expected)


def _clear_counters(payload: bytes) -> bytes:
    """Return a payload with the values of TSMP and STMP set to zero."""
    out = bytearray(payload)
    for node in _leaves(parse(payload, lenient=True).nodes):
        if node.key in COUNTER_KEYS:
            begin = node.offset + 8
            out[begin : begin + len(node.data)] = bytes(len(node.data))
    return bytes(out)


def _leaves(nodes: Sequence[Klv]) -> Iterator[Klv]:
    for node in nodes:
        if node.is_nest:
            yield from _leaves(node.children)
        else:
            yield node
