"""A source is read by ranges, or downloaded as a stream that can be stopped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers.ministack import Ministack
from tests.unit.pipeline.runtime_helpers import toolchain

from eddyline.core.errors import InputError, Interrupted
from eddyline.core.processes.runner import Runner
from eddyline.core.stop import Stop
from eddyline.pipeline.demo_clip import make_clip
from eddyline.pipeline.runtime.read_counter import ReadCounter
from eddyline.pipeline.runtime.source_files import SourceFile
from eddyline.pipeline.runtime.source_reader import download, local_copy, open_as_mp4
from eddyline.store.open_store import BUCKETS, open_store
from eddyline.store.store import Store
from eddyline.store.store_settings import StoreSettings


@pytest.fixture
def bucket(ministack: Ministack) -> Iterator[Store]:
    BUCKETS.configure(ministack.settings)
    yield open_store(f"s3://{ministack.bucket()}", ministack.settings)
    BUCKETS.configure(StoreSettings())


def _continue() -> None:
    """Never stops."""


def test_an_mp4_in_a_store_is_read_by_ranges(bucket: Store, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=1, width=160, height=90)
    free = 5 << 20
    bucket.put_bytes("a.mp4", clip.read_bytes() + free.to_bytes(4, "big") + b"free" + bytes(free - 8))
    work, read_counter = tmp_path / "work", ReadCounter()
    work.mkdir()
    original = SourceFile.current(bucket.where("a.mp4"))
    with open_as_mp4(
        original, work=work, runner=Runner(), tools=toolchain(), read_counter=read_counter
    ) as found:
        assert (found.container, found.remuxed) == ("mp4", None)
        assert found.movie.tracks_of_kind("video")
    assert 0 < read_counter.bytes < original.size / 10
    assert list(work.iterdir()) == []


def test_an_object_that_is_not_a_video_is_rejected_by_its_first_bytes(bucket: Store, tmp_path: Path) -> None:
    bucket.put_bytes("a.mp4", b"%PDF-1.7" + bytes(100_000))
    read_counter = ReadCounter()
    opening = open_as_mp4(
        SourceFile.current(bucket.where("a.mp4")),
        work=tmp_path,
        runner=Runner(),
        tools=toolchain(),
        read_counter=read_counter,
    )
    with pytest.raises(InputError, match="PDF"), opening:
        pass
    assert read_counter.bytes < 10_000


def test_a_source_is_downloaded_to_the_given_file_name(bucket: Store, tmp_path: Path) -> None:
    data = os.urandom(9 << 20)
    bucket.put_bytes("card/GX010042.MP4", data)
    read_counter = ReadCounter()
    path = local_copy(
        SourceFile.current(bucket.where("card/GX010042.MP4")),
        tmp_path / "0",
        check=_continue,
        read_counter=read_counter,
    )
    assert (path.name, path.read_bytes() == data, read_counter.bytes) == ("0", True, len(data))


def test_a_stop_ends_a_download(bucket: Store, tmp_path: Path) -> None:
    bucket.put_bytes("a.mkv", bytes(20 << 20))
    stop = Stop()
    stop.request("cancelled")
    with SourceFile.current(bucket.where("a.mkv")).open() as src:
        with pytest.raises(Interrupted):
            download(src, tmp_path / "a", check=stop.check)
        assert src.bytes_read < src.size
