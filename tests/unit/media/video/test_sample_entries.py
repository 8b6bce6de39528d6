"""Chunks are joined under one sample entry, so it must not depend on their content, length or CRF."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from tests.unit.media.rungs import RUNG_1080

from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.encoder_options import encoder_options
from eddyline.media.ladder.encoders import ENCODERS, Encoder, is_hardware
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges

_GRID = Grid(gop=4, segment=8, fps=Fraction(30))
_CONTENTS = ("testsrc2=s=64x64:r=30", "color=gray:s=64x64:r=30,noise=alls=40:allf=t:all_seed=3")
# (content, frames, CRF, first chunk of the source)
_CHUNKS = ((0, 9, 24, True), (1, 5, 40, False), (0, 1, 30, False))
_SOFTWARE = [each for each in ENCODERS.values() if not is_hardware(each.name)]
# Every preset in 8 bits on one thread; the first, middle and last preset in 10 bits and on two threads.
_CASES = [(each, "yuv420p", 1, each.presets) for each in _SOFTWARE] + [
    (each, pixel_format, threads, (each.presets[0], each.presets[len(each.presets) // 2], each.presets[-1]))
    for each in _SOFTWARE
    for pixel_format in each.pixel_formats
    for threads in (1, 2)
    if (pixel_format, threads) != ("yuv420p", 1)
]


@pytest.mark.slow
@pytest.mark.parametrize(("row", "pixel_format", "threads", "presets"), _CASES)
def test_chunks_have_equal_sample_entries_with_every_preset_and_crf(
    ffmpeg: str, tmp_path: Path, row: Encoder, pixel_format: str, threads: int, presets: tuple[str, ...]
) -> None:
    for preset in presets:
        outs = [tmp_path / f"{preset}-{number}.mp4" for number in range(len(_CHUNKS))]
        inputs = [part for content in _CONTENTS for part in ("-f", "lavfi", "-i", content)]
        outputs: list[str] = []
        for (content, frames, crf, first), out in zip(_CHUNKS, outs, strict=True):
            rung = replace(
                RUNG_1080,
                codec=row.codec,
                encoder=row.name,
                preset=preset,
                crf=crf,
                pixel_format=pixel_format,
                width=64,
                height=64,
                level="3.0" if row.codec == "h264" else None,
            )
            options = encoder_options(rung, _GRID, frames, threads, is_first=first)
            outputs += ["-map", f"{content}:v", "-frames:v", str(frames), *options]
            outputs += ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-write_btrt", "0", str(out)]
        subprocess.run(
            [ffmpeg, "-v", "error", "-y", *inputs, *outputs],
            check=True,
            capture_output=True,
            env={**os.environ, "SVT_LOG": "1"},
        )
        assert len({_sample_entry(out) for out in outs}) == 1, preset


def _sample_entry(path: Path) -> bytes:
    with FileRanges(path) as source:
        track = read_movie(source).first_track("video")
    assert track is not None
    return track.stsd
