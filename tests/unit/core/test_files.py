from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from eddyline.core import files
from eddyline.core.errors import InputError, MissingError, TransientError


def test_what_is_written_replaces_what_was_there_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "x.json"
    files.write_atomically(path, b"one")
    files.write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_keeps_the_old_bytes_and_leaves_nothing_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.json"
    files.write_atomically(path, b"old")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TransientError, match="disk is full"), files.translate_errors("writing x"):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_bytes_are_synced_before_they_get_their_name_and_the_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    seen: list[tuple[bool, bool]] = []
    real = os.fsync

    def watch(handle: int) -> None:
        seen.append((path.exists(), os.path.samestat(os.fstat(handle), tmp_path.stat())))
        real(handle)

    monkeypatch.setattr(os, "fsync", watch)
    files.write_atomically(path, b"bytes")
    assert seen == [(False, False), (True, True)]


@pytest.mark.parametrize("links", [True, False])
def test_a_second_name_holds_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", no_links)
    source, target = tmp_path / "a", tmp_path / "b" / "c"
    source.write_bytes(b"bytes")
    for _ in range(2):  # the second time over a name of the very same file
        files.link_or_copy(source, target)
    assert target.read_bytes() == b"bytes"
    assert target.samefile(source) == links
    assert list(target.parent.iterdir()) == [target]


def test_a_second_name_of_what_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="is gone"), files.translate_errors("copying"):
        files.link_or_copy(tmp_path / "gone", tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_errors_of_our_own_pass_untouched() -> None:
    ours = InputError("bad footage")
    with pytest.raises(InputError) as caught, files.translate_errors("reading"):
        raise ours
    assert caught.value is ours


def test_other_errors_of_the_system_may_be_tried_again() -> None:
    with (
        pytest.raises(TransientError, match="reading x: Input/output error") as caught,
        files.translate_errors("reading x"),
    ):
        raise OSError(errno.EIO, "Input/output error")
    assert not isinstance(caught.value, MissingError)


def test_a_tree_that_is_gone_already_is_fine(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    files.remove_tree(tmp_path / "a")
    files.remove_tree(tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_syncing_takes_folders_and_files(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"1")
    files.sync_file(tmp_path / "x")
    files.sync_directory(tmp_path)
