"""A sparse copy has the original's size and index, the requested bytes, and zeros elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eddyline.mp4.boxes import make_box
from eddyline.mp4.errors import LimitError
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Limits
from eddyline.mp4.sparse import write_sparse_copy
from eddyline.store.ranges import FileRanges

MEDIA = bytes(range(1, 251)) * 400
FILE = (
    make_box("ftyp", b"isom\0\0\0\0isom")
    + make_box("free", b"x" * 1000)
    + make_box("mdat", MEDIA)
    + make_box("moov", b"m" * 99)
)
AT = FILE.index(MEDIA)


@pytest.fixture
def original(tmp_path: Path) -> Path:
    path = tmp_path / "original.mp4"
    path.write_bytes(FILE)
    return path


def test_the_index_and_the_requested_ranges_are_copied_and_the_rest_is_zero(
    original: Path, tmp_path: Path
) -> None:
    out = tmp_path / "copy.mp4"
    with FileRanges(original) as src:
        src.gap = 0
        read = write_sparse_copy(src, np.array([AT + 5000, AT + 100]), np.array([700, 50]), out)
    copy = out.read_bytes()
    assert len(copy) == len(FILE)
    equal = np.frombuffer(copy, np.uint8) == np.frombuffer(FILE, np.uint8)
    media = equal[AT : AT + len(MEDIA)]
    assert media[100:150].all()
    assert media[5000:5700].all()
    assert int(media.sum()) == 750
    assert copy.endswith(make_box("moov", b"m" * 99))
    assert copy[:20] == FILE[:20]
    assert read < 1000


def test_the_index_of_a_camera_file_is_copied_unchanged(tmp_path: Path, samples: Path) -> None:
    out = tmp_path / "copy.mp4"
    with FileRanges(samples / "karma.mp4") as src:
        write_sparse_copy(src, np.zeros(0, np.int64), np.zeros(0, np.int64), out)
        original = read_movie(src)
    with FileRanges(out) as src:
        assert [len(each.samples) for each in read_movie(src).tracks] == [
            len(t.samples) for t in original.tracks
        ]
    assert out.stat().st_blocks * 512 < out.stat().st_size / 2


def test_an_oversized_index_is_rejected(original: Path, tmp_path: Path) -> None:
    with FileRanges(original) as src, pytest.raises(LimitError):
        write_sparse_copy(src, np.array([AT]), np.array([1]), tmp_path / "copy.mp4", limits=Limits(index=50))
