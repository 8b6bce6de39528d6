from __future__ import annotations

import os
from pathlib import Path

import pytest

from eddyline.core.concurrent_sync import sync_all


@pytest.mark.parametrize("count", [0, 1, 40])
def test_each_file_is_synced_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    paths = [tmp_path / str(number) for number in range(count)]
    for path in paths:
        path.write_bytes(b"x")
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    sync_all(paths)
    assert sorted(synced) == sorted(path.stat().st_ino for path in paths)


def test_a_failed_sync_and_a_missing_file_are_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    with pytest.raises(FileNotFoundError):
        sync_all(paths)
    for path in paths:
        path.write_bytes(b"x")

    def fail(_handle: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        sync_all(paths)
