"""Decodes the first frames of a source, its renditions and its poster with plain FFmpeg, for comparison."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.unit.media.rungs import RUNG_1080

from eddyline.core.processes.runner import Runner
from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.ladder import Rung
from eddyline.media.pictures.keyframes import ImageSource
from eddyline.media.pictures.poster import write_poster
from eddyline.media.source.open_source import main_video, open_source
from eddyline.media.source.probe import probe
from eddyline.media.source.source import SourceFacts
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.encode import encode_chunk
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.slice import write_slice
from eddyline.store.ranges import FileRanges

Pixels = npt.NDArray[np.int64]
SIDE = 32  # pixels: all frames are scaled to this square for comparison


@dataclass(frozen=True)
class EncodedSource:
    """The facts of a source, its first frames as two rungs, and its poster."""

    facts: SourceFacts
    rungs: tuple[tuple[Rung, Path], ...]
    poster: Path


def encode_source(source: Path, tools: Toolchain, work: Path) -> EncodedSource:
    """Encode the first frames of a source as a rung of its display size and a rung of half that size."""
    runner = Runner()
    footage = open_source(source, work=work, runner=runner, tools=tools)
    track = main_video(footage.movie)
    with FileRanges(footage.path) as src:
        facts = probe(src, footage.movie, runner=runner, tools=tools, work=work)
        video = facts.video
        width, height = video.display_width // 2 * 2, video.display_height // 2 * 2
        large = replace(RUNG_1080, name="large", width=width, height=height, crf=1, preset="medium")
        small = replace(large, name="small", width=width // 4 * 2, height=height // 4 * 2)
        rungs = (large, small)
        grid = Grid(gop=2, segment=2, fps=Fraction(10))
        piece = write_slice(src, footage.movie, track, 0, 2, work / "slice.mp4")
        chunks = encode_chunk(piece, video, rungs, grid, tools=tools, runner=runner, out_dir=work / "out")
        image_source = ImageSource(
            src=src,
            track=track,
            facts=video,
            shown=build_presentation(footage.movie, track),
            tools=tools,
            runner=runner,
            work=work,
        )
        poster = write_poster(image_source, out=work / "poster.jpg")
    paths = [chunk.path for chunk in chunks]
    return EncodedSource(facts=facts, rungs=tuple(zip(rungs, paths, strict=True)), poster=poster.path)


def decode_first_frame(ffmpeg: Path | str, path: Path, *, filters: str = "") -> Pixels:
    """Returns the first frame of a plain decode: int64[SIDE, SIDE, 3] red, green and blue."""
    scaled = f"{filters}scale={SIDE}:{SIDE}:flags=area+accurate_rnd+full_chroma_int,format=rgb24"
    argv = [f"{ffmpeg}", "-v", "error", "-i", f"{path}", "-frames:v", "1", "-vf", scaled]
    raw = subprocess.run([*argv, "-f", "rawvideo", "-"], check=True, capture_output=True, timeout=60).stdout
    return np.frombuffer(raw, np.uint8).reshape(SIDE, SIDE, 3).astype(np.int64)


def probe_stream(ffprobe: Path | str, path: Path) -> dict[str, Any]:
    """Returns ffprobe's description of the first video stream."""
    argv = [f"{ffprobe}", "-v", "error", "-select_streams", "v:0", "-show_streams", "-of", "json", f"{path}"]
    output = subprocess.run(argv, check=True, capture_output=True, timeout=60).stdout
    found: dict[str, Any] = json.loads(output)["streams"][0]
    return found


def patches(frame: Pixels) -> Pixels:
    """Returns the centres of the four quarters: int64[4, 3], left to right, top to bottom."""
    at = SIDE // 4
    return frame[at :: SIDE // 2, at :: SIDE // 2].reshape(4, 3)
