"""Reads a merged recording back and compares it, sample by sample, with the chapters that it came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np

from eddyline.core.errors import ProofError
from eddyline.edit.merge.subtitle_tracks import is_text, shows_nothing
from eddyline.gpmf.klv import Klv
from eddyline.gpmf.reader import parse
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.slice import iter_samples
from eddyline.store.ranges import FileRanges

RUNNING = frozenset({"TSMP", "STMP"})  # what may differ between a payload and its copy
Source = tuple[ByteRanges, Movie]


def prove(merged: Path, chapters: Sequence[Source], joins: Sequence[Sequence[int]] = ()) -> None:
    """Check that every sample of every track is there, in order, with its bytes; raises `ProofError`.

    `joins` has, for each track, the bytes of silence after each chapter, or, negative, those left out.
    Payloads may differ in the values of TSMP and STMP alone. All frames that the chapters show are shown.
    """
    with FileRanges(merged) as src:
        movie = read_movie(src)
        if len(movie.tracks) != len(chapters[0][1].tracks):
            raise ProofError(f"the merged file has {len(movie.tracks)} tracks")
        first = chapters[0][1]
        if movie.matrix != first.matrix:
            raise ProofError("the merged file has another display matrix than its first chapter")
        for at, track in enumerate(movie.tracks):
            like = first.tracks[at]
            if (track.matrix, track.display_size) != (like.matrix, like.display_size):
                raise ProofError(f"the {track.kind} track is shown in another size or orientation")
            gaps = joins[at] if at < len(joins) else ()
            if track.unit_bytes:
                _same_bytes(src, track, [(source, each.tracks[at]) for source, each in chapters], gaps)
                continue
            telemetry = track.kind == "telemetry"
            if is_text(movie, track):
                _same_texts(src, track, [(source, each.tracks[at]) for source, each in chapters])
                continue
            wanted = (data for source, each in chapters for data in iter_samples(source, each.tracks[at]))
            for number, (found, due) in enumerate(zip_longest(iter_samples(src, track), wanted)):
                if found != due and not (telemetry and _counts_on(found, due)):
                    raise ProofError(f"sample {number} of the {track.kind} track differs from the source's")
            if track.kind == "video":
                _frames(movie, at, chapters)


def _same_texts(src: ByteRanges, track: Track, wanted: Sequence[tuple[ByteRanges, Track]]) -> None:
    """Every text is there, in order, but those that begin after their chapter's end; gaps may be others."""
    found = [data for data in iter_samples(src, track) if not shows_nothing(track, data)]
    at = 0
    for source, each in wanted:
        for data in iter_samples(source, each):
            if not shows_nothing(each, data) and at < len(found) and found[at] == data:
                at += 1
    if at != len(found):
        raise ProofError(f"text {at} of track {track.number} is not that of a chapter")


def _same_bytes(
    src: ByteRanges, track: Track, wanted: Sequence[tuple[ByteRanges, Track]], joins: Sequence[int]
) -> None:
    """Audio in units is read in blocks that end where chunks do, and those differ: all bytes are compared.

    `joins`: bytes of silence after each of the `wanted` tracks, or, negative, bytes of its end left out.
    """
    found = _Bytes(iter_samples(src, track))
    for (source, each), join in zip(wanted, joins or (0,) * len(wanted), strict=True):
        left = int(each.samples.size.sum()) + min(join, 0)
        for data in iter_samples(source, each):
            due = data[: max(left, 0)]
            left -= len(due)
            if found.take(len(due)) != due:
                raise ProofError(f"the {track.kind} track differs from the source's")
        if len(found.take(max(join, 0))) != max(join, 0):
            raise ProofError(f"the {track.kind} track lacks silence between two chapters")
    if found.take(1):
        raise ProofError(f"the {track.kind} track is longer than the source's")


class _Bytes:
    """A stream of bytes out of blocks of any length."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def take(self, count: int) -> bytes:
        """The next `count` bytes, or as many as there are."""
        parts, need = [self._rest[:count]], count - len(self._rest)
        self._rest = self._rest[count:]
        while need > 0 and (block := next(self._blocks, None)) is not None:
            parts.append(block[:need])
            self._rest = block[need:]
            need -= len(block)
        return b"".join(parts)


def _frames(movie: Movie, at: int, chapters: Sequence[Source]) -> None:
    shown = build_presentation(movie, movie.tracks[at])
    due = [build_presentation(each, each.tracks[at]) for _, each in chapters]
    if len(shown) != sum(map(len, due)):
        raise ProofError(f"the merged file shows {len(shown)} frames of {sum(map(len, due))}")
    if np.any(np.diff(shown.pts) <= 0):
        raise ProofError("two frames of the merged file are shown at one time")
    done = 0
    for number, each in enumerate(due, 1):
        mine = shown.pts[done : done + len(each)]
        if not np.array_equal(mine - mine[:1], each.pts - each.pts[:1]):
            raise ProofError(f"the frames of chapter {number} are not shown in the source's time")
        done += len(each)


def _counts_on(found: bytes | None, due: bytes | None) -> bool:
    """Whether two payloads are the same but for what runs on."""
    if found is None or due is None or len(found) != len(due):
        return False
    return _still(found) == _still(due)


def _still(payload: bytes) -> bytes:
    """A payload with the values of TSMP and STMP as zeros."""
    out = bytearray(payload)
    for node in _leaves(parse(payload, lenient=True).nodes):
        if node.key in RUNNING:
            begin = node.offset + 8
            out[begin : begin + len(node.data)] = bytes(len(node.data))
    return bytes(out)


def _leaves(nodes: Sequence[Klv]) -> Iterator[Klv]:
    for node in nodes:
        if node.is_nest:
            yield from _leaves(node.children)
        else:
            yield node
