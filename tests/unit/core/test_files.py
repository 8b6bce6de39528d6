from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from eddyline.core import files
from eddyline.core.errors import InputError, MissingError, TransientError


def test_a_write_replaces_the_file_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "x.json"
    files.write_atomically(path, b"one")
    files.write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_keeps_the_old_file_and_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.json"
    files.write_atomically(path, b"old")

    def fail_with_full_disk(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail_with_full_disk)
    with pytest.raises(TransientError, match="disk is full"), files.translate_errors("writing x"):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_synced_before_the_rename_and_the_directory_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    synced: list[tuple[bool, bool]] = []
    fsync = os.fsync

    def record(handle: int) -> None:
        synced.append((path.exists(), os.path.samestat(os.fstat(handle), tmp_path.stat())))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", record)
    files.write_atomically(path, b"bytes")
    assert synced == [(False, False), (True, True)]


@pytest.mark.parametrize("links", [True, False])
def test_a_link_has_the_same_contents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", no_links)
    source, target = tmp_path / "a", tmp_path / "b" / "c"
    source.write_bytes(b"bytes")
    target.parent.mkdir()
    for _ in range(2):  # the second time the target is already the same file
        files.link_or_copy(source, target)
    assert target.read_bytes() == b"bytes"
    assert target.samefile(source) == links
    assert list(target.parent.iterdir()) == [target]


def test_a_link_to_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="does not exist"), files.translate_errors("copying"):
        files.link_or_copy(tmp_path / "gone", tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_eddyline_errors_propagate_unchanged() -> None:
    error = InputError("bad footage")
    with pytest.raises(InputError) as caught, files.translate_errors("reading"):
        raise error
    assert caught.value is error


def test_other_operating_system_errors_are_transient() -> None:
    with (
        pytest.raises(TransientError, match="reading x: Input/output error") as caught,
        files.translate_errors("reading x"),
    ):
        raise OSError(errno.EIO, "Input/output error")
    assert not isinstance(caught.value, MissingError)


def test_removing_a_missing_tree_succeeds(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    files.remove_tree(tmp_path / "a")
    files.remove_tree(tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_new_directory_and_its_new_parents_are_entries_of_directories_to_sync(tmp_path: Path) -> None:
    assert files.make_directory(tmp_path / "a" / "b") == {tmp_path, tmp_path / "a"}
    assert files.make_directory(tmp_path / "a" / "b") == set()
    assert files.make_directory(tmp_path / "a" / "c") == {tmp_path / "a"}
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileExistsError):
        files.make_directory(tmp_path / "file")


def test_directories_and_files_can_be_synced(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"1")
    files.sync_file(tmp_path / "x")
    files.sync_directory(tmp_path)
