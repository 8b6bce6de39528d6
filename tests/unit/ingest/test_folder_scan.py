"""A file is reported once it is complete, once for each state, and never while it is being written."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from eddyline.ingest.folder_scan import FolderScanner, is_partial, is_written


def _write(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_file_is_reported_once_after_it_has_settled(tmp_path: Path) -> None:
    clip = _write(tmp_path / "DCIM" / "100GOPRO" / "a.mp4")
    folder = FolderScanner(root=tmp_path)
    assert folder.scan(100.0) == []
    assert folder.pending_count == 1
    assert folder.scan(104.9) == []
    assert folder.scan(105.0) == [clip]
    assert folder.pending_count == 0
    assert folder.scan(200.0) == []


def test_a_growing_file_is_not_reported(tmp_path: Path) -> None:
    folder = FolderScanner(root=tmp_path)
    for second in range(20):
        clip = _write(tmp_path / "a.mp4", "x" * (second + 1))
        assert folder.scan(float(second)) == []
    assert folder.scan(23.9) == []
    assert folder.scan(24.0) == [clip]


def test_a_replaced_file_is_reported_again(tmp_path: Path) -> None:
    clip = _write(tmp_path / "a.mp4", "one")
    folder = FolderScanner(root=tmp_path)
    folder.scan(0.0)
    assert folder.scan(5.0) == [clip]
    other = _write(tmp_path / ".other", "two")
    os.utime(other, ns=(clip.stat().st_atime_ns, clip.stat().st_mtime_ns))
    other.replace(clip)  # of equal size and time: only the inode differs
    assert folder.scan(6.0) == []
    assert folder.scan(11.0) == [clip]


def test_a_file_that_was_removed_and_restored_is_reported_again(tmp_path: Path) -> None:
    clip = _write(tmp_path / "a.mp4")
    folder = FolderScanner(root=tmp_path, settle_s=0)
    assert folder.scan(0.0) == [clip]
    clip.unlink()
    assert folder.scan(1.0) == []
    _write(clip)
    assert folder.scan(2.0) == [clip]


@pytest.mark.parametrize(
    "name", ["a.mp4.part", "a.mp4.crdownload", "a.TMP", ".a.mp4", "~a.mp4", "a.mp4~", ".cache/a.mp4"]
)
def test_hidden_and_incomplete_files_are_skipped(tmp_path: Path, name: str) -> None:
    _write(tmp_path / name)
    assert FolderScanner(root=tmp_path, settle_s=0).scan(0.0) == []


def test_empty_files_and_links_are_skipped(tmp_path: Path) -> None:
    _write(tmp_path / "empty.mp4", "")
    (tmp_path / "link.mp4").symlink_to(_write(tmp_path.parent / f"{tmp_path.name}-else" / "a.mp4"))
    (tmp_path / "round").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.mp4")
    assert FolderScanner(root=tmp_path, settle_s=0).scan(0.0) == []


def test_output_directories_are_not_entered(tmp_path: Path) -> None:
    wanted = _write(tmp_path / "a.mp4")
    _write(tmp_path / "out" / "x.mp4")
    _write(tmp_path / "other" / ".eddyline" / "lock")
    _write(tmp_path / "other" / "assets" / "ab" / "1080p.mp4")
    folder = FolderScanner(root=tmp_path, excluded=(tmp_path / "out",), settle_s=0)
    assert folder.scan(0.0) == [wanted]


def test_a_folder_that_contains_its_output_reports_only_sources(tmp_path: Path) -> None:
    wanted = _write(tmp_path / "a.mp4")
    _write(tmp_path / ".eddyline" / "x.mp4")
    _write(tmp_path / "assets" / "ab" / "1080p.mp4")
    assert FolderScanner(root=tmp_path, settle_s=0).scan(0.0) == [wanted]


def test_a_removed_folder_is_empty(tmp_path: Path) -> None:
    assert FolderScanner(root=tmp_path / "unplugged", settle_s=0).scan(0.0) == []


def test_incomplete_files_are_recognised_by_name() -> None:
    assert is_partial("GX010042.MP4.part")
    assert not is_partial("part.mp4")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports which files are open for writing")
def test_a_file_open_for_writing_is_not_reported(tmp_path: Path) -> None:
    clip = _write(tmp_path / "a.mp4")
    folder = FolderScanner(root=tmp_path)
    with clip.open("a") as writer:
        if not is_written(clip):
            pytest.skip("this file system does not support leases")
        folder.scan(0.0)
        assert folder.scan(100.0) == []
        assert folder.pending_count == 1
        writer.write("")
    assert not is_written(clip)
    with clip.open():  # readers do not count
        assert folder.scan(104.0) == []
        assert folder.scan(105.0) == [clip]


def test_an_unreadable_directory_is_listed_while_it_is_unreadable(tmp_path: Path) -> None:
    root = tmp_path / "card"
    folder = FolderScanner(root=root, settle_s=0)
    assert folder.scan(0.0) == []
    assert folder.unreadable == {root: "No such file or directory"}
    clip = _write(root / "a.mp4")
    assert folder.scan(1.0) == [clip]
    assert folder.unreadable == {}
