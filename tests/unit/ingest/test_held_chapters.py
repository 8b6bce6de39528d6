"""Chapters in a folder wait for each other, including incomplete ones, and for nothing else."""

from __future__ import annotations

from pathlib import Path

from eddyline.ingest.folder_scan import FolderScanner
from eddyline.ingest.held_chapters import HeldChapters

WAIT_S = 60.0


def _held(folder: FolderScanner, now: float) -> HeldChapters:
    holding = HeldChapters(folder=folder)
    for path in folder.scan(now):
        holding.hold(path, WAIT_S)
    return holding


def _put(folder: Path, *numbers: int) -> tuple[Path, ...]:
    paths = tuple(folder / f"GX0{number}0042.MP4" for number in numbers)
    for path in paths:
        path.write_text("x")
    return paths


def test_a_recording_is_released_once_and_complete(tmp_path: Path) -> None:
    folder, whole = FolderScanner(root=tmp_path, settle_s=0), _put(tmp_path, 1, 2, 3)
    holding = _held(folder, 100.0)
    assert holding.release_complete(159.0) == []
    assert holding
    assert holding.release_complete(160.0) == [whole]
    assert not holding
    assert holding.release_complete(161.0) == []


def test_a_chapter_that_is_being_written_delays_the_recording(tmp_path: Path) -> None:
    folder = FolderScanner(root=tmp_path, settle_s=5)
    first = _put(tmp_path, 1)
    folder.scan(0.0)
    holding = _held(folder, 5.0)
    whole = (*first, *_put(tmp_path, 2))
    for second in range(50, 200, 10):
        whole[1].write_text("x" * second)
        assert folder.scan(float(second)) == []
        assert holding.release_complete(float(second)) == []
    folder.scan(250.0)
    assert holding.release_complete(249.9) == []
    assert holding.release_complete(250.0) == [whole]


def test_a_late_chapter_releases_its_neighbours_again(tmp_path: Path) -> None:
    folder = FolderScanner(root=tmp_path, settle_s=0)
    first = _put(tmp_path, 1)
    assert _held(folder, 0.0).release_complete(60.0) == [first]
    whole = (*first, *_put(tmp_path, 2))
    assert _held(folder, 500.0).release_complete(560.0) == [whole]


def test_a_removed_chapter_is_not_waited_for(tmp_path: Path) -> None:
    folder, (only,) = FolderScanner(root=tmp_path, settle_s=0), _put(tmp_path, 1)
    holding = _held(folder, 0.0)
    only.unlink()
    folder.scan(1.0)
    assert holding.release_complete(60.0) == []
    assert not holding


def test_chapters_in_the_next_directory_of_a_card_are_released_together(tmp_path: Path) -> None:
    for name in ("100GOPRO", "101GOPRO"):
        (tmp_path / name).mkdir()
    whole = (*_put(tmp_path / "100GOPRO", 1, 2), *_put(tmp_path / "101GOPRO", 3))
    holding = _held(FolderScanner(root=tmp_path, settle_s=0), 0.0)
    assert holding.release_complete(60.0) == [whole]
    assert not holding
