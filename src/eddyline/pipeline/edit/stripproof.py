"""Reads a stripped copy back: nothing in it says where, and nothing else was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from eddyline.core.errors import ProofError
from eddyline.core.ranges import FileRanges
from eddyline.gpmf.edit.location import locations
from eddyline.gpmf.sources import of_block
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie
from eddyline.mp4.slice import sample_bytes
from eddyline.pipeline.edit.places import places
from eddyline.pipeline.edit.traces import positions


def prove_raw(copy: Path) -> None:
    """Check raw telemetry; raises `ProofError`."""
    data = copy.read_bytes()
    told = of_block(data)
    blocks = [told.settings] if told.settings else [told.payloads[at] for at in range(len(told.payloads))]
    for number, block in enumerate(blocks):
        _nowhere(block, f"payload {number}")


def prove_movie(copy: Path, source: Movie, expected: Callable[[], Iterator[bytes]]) -> None:
    """Check a movie; `expected` gives the bytes that were to be written. Raises `ProofError`.

    Every byte is as intended, the length is the source's, every track has its samples at its times, only
    telemetry samples are smaller, and neither boxes nor payloads nor bytes between samples say where.
    """
    with FileRanges(copy) as src:
        if src.size != source.size:
            raise ProofError(f"the copy has {src.size} bytes, the source {source.size}")
        at = 0
        for block in expected():
            if src.read(at, len(block)) != block:
                raise ProofError(f"the copy is not what was written, near byte {at}")
            at += len(block)
        if at != src.size:
            raise ProofError(f"the copy ends at byte {src.size}, not {at}")
        movie = read_movie(src)
        _same_samples(movie, source)
        left = next(places(src), None)
        if left is not None:
            raise ProofError(f"{left.what} still says where")
        for track in movie.tracks:
            if track.kind == "telemetry":
                for number, payload in enumerate(sample_bytes(src, track)):
                    _nowhere(payload, f"payload {number}")


def _same_samples(movie: Movie, source: Movie) -> None:
    for mine, theirs in zip(movie.tracks, source.tracks, strict=True):
        a, b = mine.samples, theirs.samples
        same = [np.array_equal(getattr(a, each), getattr(b, each)) for each in ("offset", "pts", "duration")]
        sizes = a.size <= b.size if mine.kind == "telemetry" else a.size == b.size
        if not all(same) or not np.all(sizes):
            raise ProofError(f"track {mine.number} of the copy is not laid out as in the source")


def _nowhere(payload: bytes, name: str) -> None:
    found = next(locations(payload), None)
    if found is not None:
        raise ProofError(f"{name}: {found} still says where")
    if next(positions(payload), None) is not None:
        raise ProofError(f"{name} still holds positions")
