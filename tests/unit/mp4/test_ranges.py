"""Neighbouring samples come with one request, far ones with their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.mp4.errors import TruncatedError
from eddyline.mp4.ranges import CountingRanges, FileRanges, Ints, blocks, read_many


class Bytes:
    """A file in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)

    def read(self, offset: int, length: int) -> bytes:
        assert 0 <= offset <= offset + length <= self.size
        return self.data[offset : offset + length]


def _ints(*values: int) -> Ints:
    return np.array(values, np.int64)


def test_neighbours_share_a_request_up_to_the_gap() -> None:
    source = CountingRanges(Bytes(bytes(range(200))))
    parts = list(read_many(source, _ints(0, 10, 25, 100), _ints(10, 10, 5, 3), gap=5))
    assert [part[0] for part in parts] == [0, 10, 25, 100]
    assert (source.requests, source.bytes_read) == (2, 33)


def test_a_block_stays_within_its_bytes_unless_one_sample_is_larger() -> None:
    bounds = blocks(_ints(0, 40, 80, 400), _ints(40, 40, 320, 10), gap=100, block=100)
    assert bounds.tolist() == [0, 2, 3, 4]


def test_samples_that_go_back_in_the_file_are_read_in_their_own_order() -> None:
    source = Bytes(bytes(range(100)))
    parts = list(read_many(source, _ints(50, 10, 12, 51), _ints(2, 2, 2, 1)))
    assert parts == [bytes([50, 51]), bytes([10, 11]), bytes([12, 13]), bytes([51])]


def test_a_local_file_is_asked_again_where_a_store_would_read_on(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(100_100))
    offsets, sizes = _ints(0, 100_000), _ints(100, 100)
    with FileRanges(tmp_path / "a") as local:
        store = CountingRanges(Bytes(bytes(100_100)))
        assert list(read_many(local, offsets, sizes)) == list(read_many(store, offsets, sizes))
        assert (local.requests, local.bytes_read) == (2, 200)
        assert (store.requests, store.bytes_read) == (1, 100_100)


def test_no_samples_are_no_request() -> None:
    source = CountingRanges(Bytes(b""))
    assert list(read_many(source, _ints(), _ints())) == []
    assert source.requests == 0


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 55)), max_size=30),
    st.integers(0, 40),
    st.integers(1, 90),
)
def test_every_sample_is_its_own_bytes_however_they_lie(
    places: list[tuple[int, int]], gap: int, block: int
) -> None:
    data = bytes(range(256))
    offsets, sizes = _ints(*(at for at, _ in places)), _ints(*(size for _, size in places))
    parts = list(read_many(Bytes(data), offsets, sizes, gap=gap, block=block))
    assert parts == [data[at : at + size] for at, size in places]


def test_reading_past_the_end_says_where_the_file_ends(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    with FileRanges(tmp_path / "a") as source:
        assert source.read(1, 3) == b"234"
        assert (source.bytes_read, source.requests, source.size) == (3, 1, 5)
        with pytest.raises(TruncatedError, match="the file ends at 5"):
            source.read(3, 3)


def test_a_file_that_shrinks_while_it_is_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    with FileRanges(tmp_path / "a") as source:
        (tmp_path / "a").write_bytes(b"12")
        with pytest.raises(TruncatedError, match="shrank while it was read"):
            source.read(1, 3)
