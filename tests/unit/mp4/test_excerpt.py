"""Ranges of frames of a file decode on their own to exactly the same frames."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from eddyline.core.errors import UsageError
from eddyline.mp4.excerpt import Excerpt, write_excerpt
from eddyline.mp4.index import read_movie
from eddyline.mp4.presentation import build_presentation
from eddyline.store.ranges import FileRanges


@pytest.fixture(scope="module")
def clip(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 frames with a keyframe every 20 frames, and B-frames that no other frame refers to."""
    path = tmp_path_factory.mktemp("excerpt") / "clip.mp4"
    source = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=30:d=2,noise=alls=9:allf=t")
    x264 = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "20", "-sc_threshold", "0")
    subprocess.run([ffmpeg, "-v", "error", *source, *x264, str(path)], check=True)
    return path


def _excerpt(clip: Path, ranges: list[tuple[int, int]], out: Path) -> Excerpt:
    with FileRanges(clip) as src:
        movie = read_movie(src)
        (track,) = movie.tracks_of_kind("video")
        return write_excerpt(src, track, build_presentation(movie, track), ranges, out)


def _hashes(ffmpeg: str, path: Path, filters: str = "null") -> list[str]:
    argv = (ffmpeg, "-v", "error", "-copyts", "-i", str(path), "-vf", filters, "-fps_mode", "passthrough")
    done = subprocess.run([*argv, "-f", "framemd5", "-"], capture_output=True, text=True, check=True)
    return [line.rsplit(",", 1)[-1].strip() for line in done.stdout.splitlines() if line[0] != "#"]


@pytest.mark.parametrize(
    "ranges",
    [
        [(0, 60)],
        [(0, 3)],
        [(57, 60)],
        [(7, 12), (15, 17), (45, 52)],
        [(19, 21), (21, 22)],
        [(0, 1), (59, 60)],
    ],
)
def test_the_ranges_decode_to_the_same_frames(
    clip: Path, ranges: list[tuple[int, int]], ffmpeg: str, tmp_path: Path
) -> None:
    whole = _hashes(ffmpeg, clip)
    found = _excerpt(clip, ranges, tmp_path / "out.mp4")
    terms = "+".join(f"between(pts\\,{start}\\,{stop - 1})" for start, stop in found.ranges)
    assert _hashes(ffmpeg, found.path, f"select={terms}") == [
        whole[frame] for start, stop in ranges for frame in range(start, stop)
    ]
    assert found.frames == sum(stop - start for start, stop in ranges)


def test_frames_that_no_other_frame_refers_to_are_omitted(clip: Path, tmp_path: Path) -> None:
    found = _excerpt(clip, [(37, 40)], tmp_path / "out.mp4")
    assert 3 < found.samples < 15


@pytest.mark.parametrize("ranges", [[], [(3, 3)], [(5, 4)], [(10, 12), (11, 13)], [(-1, 2)], [(58, 61)]])
def test_other_ranges_are_refused(clip: Path, ranges: list[tuple[int, int]], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="are not ranges of a track of 60 frames"):
        _excerpt(clip, ranges, tmp_path / "out.mp4")
