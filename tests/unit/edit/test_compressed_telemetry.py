"""Compressed telemetry (GPMF type '#'): trimmed, merged and combined with another video."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.unit.gpmf.format.huffman_encoder import recompressed

from eddyline import gpmf
from eddyline.edit.combine import external_telemetry
from eddyline.edit.merge.merge import merge
from eddyline.edit.trim.time_values import parse_time
from eddyline.edit.trim.trim import TrimRequest, trim
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.index import read_movie
from eddyline.mp4.slice import iter_samples
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import Piece, link_references, passthrough
from eddyline.store.ranges import FileRanges

KEYS = {"ACCL", "GYRO", "GPS5", "GPS9"}


@pytest.fixture
def compressed(clip: Path, tmp_path: Path) -> Path:
    """The clip with its integer streams compressed."""
    out, raw = tmp_path / "GX010042.MP4", tmp_path / "compressed.gpmf"
    with FileRanges(clip) as src:
        movie = read_movie(src)
        tracks = link_references(movie.tracks, [passthrough(movie, track, src) for track in movie.tracks])
        at = next(n for n, track in enumerate(movie.tracks) if track.kind == "telemetry")
        payloads = [recompressed(each, KEYS) for each in iter_samples(src, movie.tracks[at])]
        raw.write_bytes(b"".join(payloads))
        size = np.array([len(each) for each in payloads], np.int64)
        tracks[at] = replace(
            tracks[at], pieces=(Piece(source=raw, offset=np.cumsum(size) - size, size=size),)
        )
        write_mp4(out, tracks, timescale=movie.timescale, udta=movie.udta)
    assert b"ACCL#" in out.read_bytes()
    return out


def test_compressed_telemetry_reads_like_the_uncompressed_one(clip: Path, compressed: Path) -> None:
    assert gpmf.read(compressed).summary() == gpmf.read(clip).summary()


def test_a_trim_keeps_only_the_samples_in_the_range(
    compressed: Path, tmp_path: Path, tools: Toolchain
) -> None:
    out = tmp_path / "cut.mp4"
    trim(compressed, out, TrimRequest(start=parse_time("0.5"), end=parse_time("1.5")), tools=tools)
    whole, found = gpmf.read(compressed), gpmf.read(out)
    stream = whole.streams["ACCL"]
    inside = (stream.times >= 0.5) & (stream.times < 1.5)
    assert abs(len(found.streams["ACCL"]) - int(inside.sum())) <= 4
    assert b"ACCL#" not in out.read_bytes()


def test_merged_chapters_stay_compressed(compressed: Path, tmp_path: Path) -> None:
    second = tmp_path / "GX020042.MP4"
    second.write_bytes(compressed.read_bytes())
    out = tmp_path / "merged.mp4"
    merge([compressed, second], out)
    one, both = gpmf.read(compressed), gpmf.read(out)
    for label, stream in one.streams.items():
        assert both.streams[label].raw.tolist() == 2 * stream.raw.tolist()
    assert out.read_bytes().count(b"ACCL#") == 2 * len(one.payloads)


def test_external_telemetry_keeps_its_bytes(compressed: Path, tmp_path: Path) -> None:
    payloads = gpmf.read(compressed).source.payloads
    external = external_telemetry.read_external_telemetry(
        compressed, offset=Fraction(0), length=Fraction(2), timescale=90000, work=tmp_path
    )
    assert external.payloads == tuple(payloads[at] for at in range(len(payloads)))
