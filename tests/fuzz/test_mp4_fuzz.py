"""Randomly damaged files are read or rejected with an `EddylineError`, in bounded time and memory."""

from __future__ import annotations

import contextlib
import subprocess
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.mp4.movies import Bytes

from eddyline.core.errors import EddylineError
from eddyline.mp4.index import read_movie
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.slice import copy_tracks, iter_samples, write_slice

_INPUTS = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-f", "lavfi", "-i", "sine=997")
_CODECS = ("-t", "0.6", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "6", "-c:a", "aac")
_SHAPES = {
    "plain.mp4": ("-movflags", "+faststart"),
    "moov_last.mov": (),
    "fragmented.mp4": ("-movflags", "frag_keyframe+empty_moov+default_base_moof"),
    "negative.mp4": ("-movflags", "negative_cts_offsets", "-use_editlist", "0"),
}
_SECONDS = 5.0
_MEMORY = 64 << 20  # bytes, for files of some 20 kB
_INTERESTING = (0, 1, 0x7F, 0x80, 0xFF)


@pytest.fixture(scope="module")
def files(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """A small intact file of each shape."""
    folder = tmp_path_factory.mktemp("fuzz")
    for name, options in _SHAPES.items():
        command = (ffmpeg, "-nostdin", "-v", "error", *_INPUTS, *_CODECS, *options, str(folder / name))
        subprocess.run(command, check=True)
    return [(folder / name).read_bytes() for name in _SHAPES]


def _index_ranges(data: bytes) -> list[tuple[int, int]]:
    """The byte ranges of moov and of each moof."""
    found, at = [], 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        if data[at + 4 : at + 8] in {b"moov", b"moof"}:
            found.append((at, at + size))
        at += max(size, 8)
    return found


def _use(data: bytes, folder: Path) -> None:
    """Index, slice and copy a file, as the rest of the program does."""
    source = Bytes(data)
    movie = read_movie(source)
    for track in movie.tracks:
        assert len(list(iter_samples(source, track))) == len(track.samples)
    for track in movie.tracks_of_kind("video"):
        shown = build_presentation(movie, track)
        if len(shown):
            middle = len(shown) // 2
            write_slice(
                source, movie, track, middle, min(middle + 3, len(shown)), folder / "cut.mp4", shown=shown
            )
    copy_tracks(source, movie, movie.tracks, folder / "copy.mp4")


def _check_limits(data: bytes, folder: Path) -> None:
    began = time.perf_counter()
    tracemalloc.start()
    with contextlib.suppress(EddylineError):
        _use(data, folder)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < _MEMORY
    assert time.perf_counter() - began < _SECONDS


_fuzz = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_complete_files_are_accepted(files: list[bytes], tmp_path: Path) -> None:
    for data in files:
        _use(data, tmp_path)


@_fuzz
@given(choice=st.data())
def test_a_damaged_index_is_read_or_rejected(
    choice: st.DataObject, files: list[bytes], tmp_path: Path
) -> None:
    data = bytearray(files[choice.draw(st.integers(0, len(files) - 1))])
    ranges = _index_ranges(bytes(data))
    for _ in range(choice.draw(st.integers(1, 6))):
        start, end = ranges[choice.draw(st.integers(0, len(ranges) - 1))]
        at = choice.draw(st.integers(start, end - 1))
        width = choice.draw(st.sampled_from((1, 2, 4, 8)))
        value = choice.draw(st.sampled_from(_INTERESTING) | st.integers(0, 255))
        data[at : at + width] = bytes([value]) * min(width, len(data) - at)
    _check_limits(bytes(data), tmp_path)


@_fuzz
@given(choice=st.data())
def test_a_file_with_removed_repeated_or_moved_parts_is_read_or_rejected(
    choice: st.DataObject, files: list[bytes], tmp_path: Path
) -> None:
    data = files[choice.draw(st.integers(0, len(files) - 1))]
    for _ in range(choice.draw(st.integers(1, 3))):
        first, second = sorted(
            (choice.draw(st.integers(0, len(data))), choice.draw(st.integers(0, len(data))))
        )
        match choice.draw(st.sampled_from(("cut", "double", "move", "end"))):
            case "cut":
                data = data[:first] + data[second:]
            case "double":
                data = data[:second] + data[first:]
            case "move":
                data = data[second:] + data[first:second] + data[:first]
            case _:
                data = data[:second]
        data = data[: 1 << 20]
    _check_limits(data, tmp_path)


@_fuzz
@given(data=st.binary(max_size=400))
def test_random_bytes_after_a_plausible_start_are_read_or_rejected(data: bytes, tmp_path: Path) -> None:
    for start in (b"", b"\0\0\0\x10ftypisom\0\0\0\0", b"\0\0\0\0moov", b"\0\0\0\0moof"):
        _check_limits(start + data, tmp_path)
