"""An index is read once, also by concurrent readers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eddyline.core.errors import FormatError
from eddyline.pipeline.demo_clip import make_clip
from eddyline.pipeline.runtime.index_cache import IndexCache
from eddyline.pipeline.runtime.source_files import SourceFile
from eddyline.store.ranges import FileRanges


def test_concurrent_readers_read_an_index_once(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=1, width=160, height=90)
    indexes, original = IndexCache(), SourceFile.current(clip)

    def read(_: int) -> int:
        with original.open() as src:
            source = indexes.get(original, src)
            assert len(source.presentation) == 30
            return src.bytes_read

    with ThreadPoolExecutor(8) as pool:
        bytes_read = list(pool.map(read, range(16)))
    assert sum(each > 0 for each in bytes_read) == 1


def test_an_index_that_failed_to_parse_is_read_again(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"nothing")
    indexes = IndexCache()
    for _ in range(2):
        with FileRanges(broken) as src, pytest.raises(FormatError):
            indexes.get("a", src)
