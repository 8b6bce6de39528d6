"""A local file read by ranges: plain files only, and the error names the missing range."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eddyline.core.errors import InputError, MissingError, TruncatedError
from eddyline.store.ranges import FileRanges


def test_reading_beyond_the_end_reports_the_file_size(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    with FileRanges(tmp_path / "a") as source:
        assert source.read(1, 3) == b"234"
        assert (source.bytes_read, source.requests, source.size) == (3, 1, 5)
        with pytest.raises(TruncatedError, match="it ends at 5"):
            source.read(3, 3)


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    with FileRanges(tmp_path / "a") as source:
        (tmp_path / "a").write_bytes(b"12")
        with pytest.raises(TruncatedError, match="shrank while it was read"):
            source.read(1, 3)


def test_a_missing_file_is_a_missing_error(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="does not exist"):
        FileRanges(tmp_path / "gone.mp4")


def test_a_directory_or_a_pipe_is_rejected_immediately(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    for path in (tmp_path, tmp_path / "pipe.mp4"):
        with pytest.raises(InputError, match="not a regular file"):
            FileRanges(path)
