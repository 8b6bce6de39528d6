"""Trims and merges keep the display properties of the video: matrices, display size, spherical metadata."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest
from tests.unit.mp4.matrices import EIGHT, fixed, set_matrices, with_entry_boxes, with_track_boxes

from eddyline.edit.merge.merge import join_chapters
from eddyline.edit.trim.time_values import parse_time
from eddyline.edit.trim.trim import TrimRequest, trim
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.entries.spherical import v1_box, v2_boxes
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie
from eddyline.store.ranges import FileRanges


def box(kind: bytes, *parts: bytes) -> bytes:
    return struct.pack(">I4s", 8 + sum(map(len, parts)), kind) + b"".join(parts)


XML = b"<rdf:SphericalVideo><GSpherical:Spherical>true</GSpherical:Spherical></rdf:SphericalVideo>"
ST3D = box(b"st3d", bytes(5))
PROJ = box(b"proj", box(b"prhd", bytes(16)), box(b"equi", bytes(20)))
SV3D = box(b"sv3d", box(b"svhd", bytes(4), b"tool\0"), PROJ)


@pytest.fixture(scope="module")
def plain(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("plain") / "plain.mp4"
    argv = [ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=1", "-c:v", "libx264"]
    argv += ["-preset", "ultrafast", "-g", "10", "-bf", "2", "-threads", "1", f"{out}"]
    subprocess.run(argv, check=True, timeout=60)
    return out


def trim_request(mode: str) -> TrimRequest:
    keyframes = mode == "keyframes"
    return TrimRequest(
        start=parse_time("0" if keyframes else "0.12"), end=parse_time("0.8"), keyframes=keyframes
    )


def index(path: Path) -> Movie:
    with FileRanges(path) as source:
        return read_movie(source)


def display_properties(movie: Movie) -> tuple[object, ...]:
    (track,) = movie.tracks_of_kind("video")
    return movie.matrix, track.matrix, track.display_size, track.spherical, v2_boxes(track.stsd)


def first_frame(ffmpeg: str, path: Path) -> bytes:
    argv = [ffmpeg, "-v", "error", "-i", f"{path}", "-frames:v", "1", "-vf", "scale=8:8:flags=area"]
    argv += ["-pix_fmt", "gray", "-f", "rawvideo", "-"]
    return subprocess.run(argv, check=True, capture_output=True, timeout=30).stdout


@pytest.mark.parametrize("mode", ["keyframes", "exact"])
@pytest.mark.parametrize(("track", "movie"), [("mirrored", "rotated by 90"), ("anti-transposed", "flipped")])
def test_a_trim_keeps_the_display_properties_of_its_source(
    track: str, movie: str, mode: str, plain: Path, ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    source = set_matrices(plain, tmp_path / "a.mp4", fixed(EIGHT[track]), fixed(EIGHT[movie]), size=(213, 90))
    out = tmp_path / "cut.mp4"
    trim(source, out, trim_request(mode), tools=tools)
    assert display_properties(index(out)) == display_properties(index(source))
    if mode == "keyframes":
        assert first_frame(ffmpeg, out) == first_frame(ffmpeg, source)


def test_a_merge_keeps_the_display_properties_of_its_chapters(
    plain: Path, ffmpeg: str, tmp_path: Path
) -> None:
    source = set_matrices(
        plain, tmp_path / "a.mp4", fixed(EIGHT["mirrored"]), fixed(EIGHT["rotated by 90"]), size=(213, 90)
    )
    out = tmp_path / "merged.mp4"
    join_chapters([source, source], out)
    assert display_properties(index(out)) == display_properties(index(source))
    assert first_frame(ffmpeg, out) == first_frame(ffmpeg, source)


def decoded(ffmpeg: str, path: Path, *options: str) -> list[bytes]:
    argv = [ffmpeg, "-v", "error", "-i", f"{path}", *options, "-vf", "scale=32:18:flags=area,format=gray"]
    raw = subprocess.run([*argv, "-f", "rawvideo", "-"], check=True, capture_output=True, timeout=30).stdout
    return [raw[at : at + 32 * 18] for at in range(0, len(raw), 32 * 18)]


def test_an_exact_trim_keeps_the_clean_aperture_of_copied_and_encoded_frames(
    plain: Path, ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    source, out = tmp_path / "a.mp4", tmp_path / "cut.mp4"
    clap = box(b"clap", struct.pack(">8i", 120, 1, 70, 1, 0, 1, 0, 1))
    with_entry_boxes(plain, source, clap)
    trimmed = trim(source, out, TrimRequest(start=parse_time("0.12"), end=parse_time("0.96")), tools=tools)
    assert trimmed.copied
    assert trimmed.encoded
    expected = decoded(ffmpeg, source)[trimmed.first : trimmed.last]
    found = decoded(ffmpeg, out)
    assert len(found) == len(expected)
    for actual_frame, expected_frame in zip(found, expected, strict=True):
        errors = [abs(a - b) for a, b in zip(actual_frame, expected_frame, strict=True)]
        assert sum(errors) / len(errors) < 4


@pytest.mark.parametrize("mode", ["keyframes", "exact"])
def test_spherical_metadata_is_kept(plain: Path, mode: str, tools: Toolchain, tmp_path: Path) -> None:
    entry = with_entry_boxes(plain, tmp_path / "entry.mp4", ST3D, SV3D)
    source = with_track_boxes(entry, tmp_path / "a.mp4", v1_box(XML))
    track = index(source).tracks[0]
    assert (track.spherical, v2_boxes(track.stsd)) == ((v1_box(XML),), (ST3D, SV3D))
    trim(source, tmp_path / "cut.mp4", trim_request(mode), tools=tools)
    join_chapters([source, source], tmp_path / "merged.mp4")
    for name in ("cut.mp4", "merged.mp4"):
        assert display_properties(index(tmp_path / name)) == display_properties(index(source))


def test_the_encoded_ends_of_an_rgb_trim_keep_its_colors(
    ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    source, out = tmp_path / "a.mp4", tmp_path / "cut.mp4"
    argv = [
        ffmpeg,
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "color=0xC00000:s=64x48:r=10:d=2",
        "-pix_fmt",
        "rgb24",
    ]
    subprocess.run([*argv, "-c:v", "libx264rgb", "-g", "5", f"{source}"], check=True, timeout=30)
    trimmed = trim(source, out, TrimRequest(start=parse_time("0.3"), end=parse_time("1.8")), tools=tools)
    assert trimmed.encoded
    argv = [
        ffmpeg,
        "-v",
        "error",
        "-i",
        f"{out}",
        "-vf",
        "scale=1:1",
        "-pix_fmt",
        "rgb24",
        "-f",
        "rawvideo",
        "-",
    ]
    raw = subprocess.run(argv, check=True, capture_output=True, timeout=30).stdout
    frames = [raw[at : at + 3] for at in range(0, len(raw), 3)]
    assert len(frames) == trimmed.last - trimmed.first
    assert all(abs(a - b) <= 3 for frame in frames for a, b in zip(frame, (192, 0, 0), strict=True))
