"""A directory is locked by its process, and deleted only when it is not locked."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from eddyline.core.locked_directory import lock_directory, remove_unlocked


def test_a_locked_directory_exists_only_within_its_context(tmp_path: Path) -> None:
    with lock_directory(lambda: tmp_path / "mine") as folder:
        (folder / "below").mkdir()
        (folder / "below" / "half.mp4").write_bytes(b"x")
        remove_unlocked([folder])
        assert (folder / "below" / "half.mp4").exists()
    assert list(tmp_path.iterdir()) == []


def test_unlocked_directories_are_removed_in_every_state(tmp_path: Path) -> None:
    unlocked, locked, partial = (tmp_path / name for name in ("unlocked", "locked", "half"))
    for folder in (unlocked, locked, partial):
        folder.mkdir()
    (locked / ".lock").touch()
    (partial / ".lock").touch()
    (partial / "video.mp4").write_bytes(b"x")
    remove_unlocked(list(tmp_path.iterdir()))
    assert list(tmp_path.iterdir()) == []


def test_directories_that_were_never_locked_are_kept(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".lock").touch()
    (tmp_path / "link").symlink_to(elsewhere)
    remove_unlocked([tmp_path / "notes", tmp_path / "file", tmp_path / "link", tmp_path / "gone"])
    assert sorted(each.name for each in tmp_path.iterdir()) == ["elsewhere", "file", "link", "notes"]


@pytest.mark.parametrize("when", ["before its lock file is created", "before it is locked"])
def test_a_directory_removed_during_its_creation_is_created_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    names = iter(["first", "second"])

    def next_path() -> Path:
        return tmp_path / next(names)

    os_open = os.open

    def open_and_remove(path: Path, flags: int, mode: int = 0o777) -> int:
        if path.parent.name != "first" or not flags & os.O_CREAT:
            return os_open(path, flags, mode)
        if when == "before its lock file is created":
            remove_unlocked([path.parent])
        handle = os_open(path, flags, mode)
        remove_unlocked([path.parent])
        return handle

    monkeypatch.setattr(os, "open", open_and_remove)
    with lock_directory(next_path) as folder:
        assert folder.name == "second"
        assert list(tmp_path.iterdir()) == [folder]


def test_without_file_locks_a_directory_works_and_is_never_removed_by_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_without_locks(_handle: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail_without_locks)
    with lock_directory(lambda: tmp_path / "mine") as folder:
        remove_unlocked([folder])
        assert folder.is_dir()
    assert list(tmp_path.iterdir()) == []
