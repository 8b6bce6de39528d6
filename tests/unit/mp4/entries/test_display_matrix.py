"""Orientations compared with FFmpeg's autorotate."""

from __future__ import annotations

import math
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
from tests.unit.mp4.matrices import EIGHT, fixed, set_matrices
from tests.unit.mp4.movies import Make, Open

from eddyline.media.source.source import VideoFacts
from eddyline.media.video.orientation import rotation_filters, upright_filters
from eddyline.mp4.entries.display_matrix import Orientation, multiply_matrices, orientation

OTHERS = {
    "half the size": (0.5, 0, 0, 0.5),
    "wider": (2, 0, 0, 1),
    "all zero": (0, 0, 0, 0),
    "a line": (1, 0, 0, 0),
    "sheared": (1, 0, 0.4, 1),
    "sheared the other way": (1, 0.4, 0, 1),
    **{f"{degrees} degrees": (
        math.cos(math.radians(degrees)), math.sin(math.radians(degrees)),
        -math.sin(math.radians(degrees)), math.cos(math.radians(degrees)),
    ) for degrees in (1, 2, 33, 89, 181, 327, 359)},
    "mirrored at 33 degrees": (-0.8387, 0.5446, 0.5446, 0.8387),
}  # fmt: skip


def digest(ffmpeg: str, path: Path, *options: str, filters: str = "null") -> str:
    argv = [ffmpeg, "-v", "error", *options, "-i", f"{path}", "-frames:v", "1", "-vf", filters]
    argv += ["-pix_fmt", "rgb24", "-f", "framemd5", "-"]
    output = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=30).stdout
    size, md5 = (line for line in output.splitlines() if line.startswith(("#dimensions", "0,")))
    return f"{size} {md5.rsplit(',', 1)[1]}"


def facts(found: Orientation) -> VideoFacts:
    return VideoFacts(
        codec="h264", width=160, height=90, fps=Fraction(25), frames=1, pixel_format="yuv420p", timescale=25,
        rotation=found.rotation, mirrored=found.mirrored,
    )  # fmt: skip


@pytest.mark.parametrize("name", [*EIGHT, *OTHERS])
def test_a_matrix_rotates_the_frame_as_ffmpeg_does(
    name: str, make_clip: Make, opened: Open, ffmpeg: str, tmp_path: Path
) -> None:
    path = set_matrices(make_clip("closed_gop"), tmp_path / "a.mp4", fixed((EIGHT | OTHERS)[name]))
    video = opened(path).video
    found = Orientation(rotation=video.rotation, mirrored=video.mirrored)
    steps = ",".join([*rotation_filters(facts(found)), *upright_filters(facts(found))]) or "null"
    assert digest(ffmpeg, path, "-noautorotate", filters=steps) == digest(ffmpeg, path)


@pytest.mark.parametrize("movie", EIGHT)
def test_the_matrix_of_the_movie_applies_after_that_of_the_track(
    movie: str, make_clip: Make, opened: Open, ffmpeg: str, tmp_path: Path
) -> None:
    for name, track in EIGHT.items():
        path = set_matrices(make_clip("closed_gop"), tmp_path / "a.mp4", fixed(track), fixed(EIGHT[movie]))
        clip = opened(path)
        found = orientation(multiply_matrices(clip.video.matrix, clip.movie.matrix))
        assert (clip.video.rotation, clip.video.mirrored) == (found.rotation, found.mirrored)
        steps = ",".join(upright_filters(facts(found))) or "null"
        assert digest(ffmpeg, path, "-noautorotate", filters=steps) == digest(ffmpeg, path), name


def test_the_eight_orientations_are_distinct_and_closed_under_multiplication() -> None:
    found = {orientation(fixed(coefficients)) for coefficients in EIGHT.values()}
    assert len(found) == len(EIGHT)
    assert {
        orientation(multiply_matrices(fixed(a), fixed(b))) for a in EIGHT.values() for b in EIGHT.values()
    } == found
