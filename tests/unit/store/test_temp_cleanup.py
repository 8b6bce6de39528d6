"""Temporary files of interrupted writes are removed, and no other files."""

from __future__ import annotations

from pathlib import Path

from eddyline.core import files
from eddyline.store.temp_cleanup import TempCleanup


def test_temporary_files_are_removed_and_all_others_kept(tmp_path: Path) -> None:
    asset = tmp_path / "assets" / "ab"
    asset.mkdir(parents=True)
    (asset / "video.mp4").write_bytes(b"whole")
    (asset / ".DS_Store").write_bytes(b"theirs")
    files.temp_path(asset / "video.mp4").write_bytes(b"half")
    (files.temp_path(asset) / "below").mkdir(parents=True)
    (files.temp_path(asset.with_name("abc"))).mkdir()
    TempCleanup(root=tmp_path).abort("assets/ab")
    assert sorted(each.name for each in asset.iterdir()) == [".DS_Store", "video.mp4"]
    assert len(list(asset.parent.iterdir())) == 2, "temporary files of another asset are kept"


def test_recently_renamed_files_are_kept_even_if_their_contents_are_old(tmp_path: Path) -> None:
    old = tmp_path / "old.mp4"
    old.write_bytes(b"data")
    temporary = files.temp_path(tmp_path / "sources" / "video.mp4")
    temporary.parent.mkdir()
    temporary.hardlink_to(old)
    TempCleanup(root=tmp_path).abort("sources", older_s=60)
    assert temporary.exists()
    TempCleanup(root=tmp_path).abort("sources")
    assert not temporary.exists()


def test_a_missing_directory_is_ignored(tmp_path: Path) -> None:
    TempCleanup(root=tmp_path / "none").abort("assets/ab")
