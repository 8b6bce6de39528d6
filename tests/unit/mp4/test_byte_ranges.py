"""Adjacent samples share a request; distant samples have separate requests."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.mp4.movies import Bytes

from eddyline.core.errors import TruncatedError
from eddyline.mp4.byte_ranges import CountingRanges, Ints, coalesce, read_ranges, read_spans
from eddyline.store.ranges import FileRanges


class RemoteFile(Bytes):
    """A remote file: requests take time, and up to eight run concurrently."""

    at_once = 8
    gap = 1000

    def __init__(self, data: bytes, *, bad: int = -1) -> None:
        super().__init__(data)
        self.bad = bad
        self.running = self.most_concurrent = self.request_count = self.bytes_read = 0
        self._lock = threading.Lock()

    def read(self, offset: int, length: int) -> bytes:
        with self._lock:
            self.running += 1
            self.request_count += 1
            self.bytes_read += length
            self.most_concurrent = max(self.most_concurrent, self.running)
        time.sleep(0.002 if offset % 3 else 0.01)  # responses arrive out of order
        with self._lock:
            self.running -= 1
        if offset == self.bad:
            raise TruncatedError("gone", path="x", offset=offset)
        return super().read(offset, length)


def _ints(*values: int) -> Ints:
    return np.array(values, np.int64)


def test_adjacent_samples_share_a_request_up_to_the_gap() -> None:
    source = CountingRanges(Bytes(bytes(range(200))))
    parts = list(read_ranges(source, _ints(0, 10, 25, 100), _ints(10, 10, 5, 3), gap=5))
    assert [part[0] for part in parts] == [0, 10, 25, 100]
    assert (source.requests, source.bytes_read) == (2, 33)


def test_a_block_is_limited_in_size_unless_one_sample_is_larger() -> None:
    bounds = coalesce(_ints(0, 40, 80, 400), _ints(40, 40, 320, 10), gap=100, block=100)
    assert bounds.tolist() == [0, 2, 3, 4]


def test_samples_out_of_file_order_are_read_in_their_order() -> None:
    source = Bytes(bytes(range(100)))
    parts = list(read_ranges(source, _ints(50, 10, 12, 51), _ints(2, 2, 2, 1)))
    assert parts == [bytes([50, 51]), bytes([10, 11]), bytes([12, 13]), bytes([51])]


def test_a_local_file_uses_separate_requests_where_a_store_reads_the_gap(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(100_100))
    offsets, sizes = _ints(0, 100_000), _ints(100, 100)
    with FileRanges(tmp_path / "a") as local:
        store = CountingRanges(Bytes(bytes(100_100)))
        assert list(read_ranges(local, offsets, sizes)) == list(read_ranges(store, offsets, sizes))
        assert (local.requests, local.bytes_read) == (2, 200)
        assert (store.requests, store.bytes_read) == (1, 100_100)


def test_an_empty_list_of_samples_issues_no_request() -> None:
    source = CountingRanges(Bytes(b""))
    assert list(read_ranges(source, _ints(), _ints())) == []
    assert source.requests == 0


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 55)), max_size=30),
    st.integers(0, 40),
    st.integers(1, 90),
)
def test_every_sample_is_read_for_any_layout(samples: list[tuple[int, int]], gap: int, block: int) -> None:
    data = bytes(range(256))
    offsets, sizes = _ints(*(at for at, _ in samples)), _ints(*(size for _, size in samples))
    parts = list(read_ranges(Bytes(data), offsets, sizes, gap=gap, block=block))
    assert parts == [data[at : at + size] for at, size in samples]


def test_a_remote_file_is_read_in_order_by_concurrent_requests() -> None:
    data = bytes(n % 251 for n in range(100_000))
    source = RemoteFile(data)
    offsets, sizes = np.arange(0, 100_000, 2_000), np.full(50, 7)
    assert list(read_ranges(source, offsets, sizes)) == [data[at : at + 7] for at in offsets.tolist()]
    assert source.request_count == 50
    assert 2 < source.most_concurrent <= RemoteFile.at_once


def test_a_remote_file_reads_no_more_gap_bytes_than_sample_bytes() -> None:
    source = RemoteFile(bytes(100_000))
    # Audio between frames: 100 requested bytes, then 900 other bytes.
    offsets, sizes = np.arange(0, 100_000, 1_000), np.full(100, 100)
    assert len(list(read_ranges(source, offsets, sizes))) == 100
    assert source.bytes_read <= 2 * sizes.sum()
    # Frames with a little audio between them still share a request.
    dense = RemoteFile(bytes(100_000))
    assert len(list(read_ranges(dense, offsets, np.full(100, 900)))) == 100
    assert dense.request_count == 1


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=40), st.integers(0, 500))
def test_blocks_contain_no_more_gap_bytes_than_permitted(samples: list[tuple[int, int]], waste: int) -> None:
    sizes = _ints(*(size for size, _ in samples))
    offsets = np.cumsum(_ints(*(size + gap for size, gap in samples))) - _ints(
        *(sum(each) for each in samples)
    )
    bounds = coalesce(offsets, sizes, gap=40, block=10**6, waste=waste)
    bytes_read = sum(
        int(offsets[stop - 1] + sizes[stop - 1] - offsets[start]) for start, stop in pairwise(bounds.tolist())
    )
    assert bytes_read - sizes.sum() <= waste
    assert bounds[-1] == len(samples)


def test_a_failed_request_raises_in_order_and_cancels_the_rest() -> None:
    source = RemoteFile(bytes(100_000), bad=300)
    found = read_spans(source, [(at, 10) for at in range(0, 100_000, 100)])
    assert [len(next(found)) for _ in range(3)] == [10, 10, 10]
    with pytest.raises(TruncatedError, match="gone"):
        next(found)
    assert source.request_count < 20
    assert source.running == 0


def test_closing_the_iterator_leaves_no_request_running() -> None:
    source = RemoteFile(bytes(100_000))
    found = read_spans(source, [(at, 10) for at in range(0, 100_000, 100)])
    next(found)
    found.close()  # type: ignore[attr-defined]  # a generator
    assert source.running == 0
    assert source.request_count < 20


def test_read_ahead_is_bounded() -> None:
    class Huge(RemoteFile):
        def read(self, offset: int, length: int) -> bytes:
            super().read(min(offset, 0), 0)
            return bytes(length)

    source = Huge(b"")
    found = read_spans(source, [(at, 8 << 20) for at in range(20)])
    next(found)
    time.sleep(0.1)
    assert source.request_count <= 3, "16 MiB, and the block that is being read"
