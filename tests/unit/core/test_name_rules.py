"""External names have one valid form each, and nothing outside the given directory is removed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.core.errors import UsageError
from eddyline.core.name_rules import is_asset, is_identifier, is_plain_path, is_worker_name, remove_child

INVALID_NAMES = [
    "",
    ".",
    "..",
    "../a",
    "a/../b",
    "/a",
    "a/",
    "a//b",
    "a\\b",
    "a\0",
    "a\n",
    "~",
    "-a",
    ".a",
    "a..b",
]


@pytest.mark.parametrize("text", [*INVALID_NAMES, "a b", "\ud800", "a/b", "x" * 301, None, 1, [], b"a"])
def test_invalid_identifiers_are_rejected(text: object) -> None:
    assert not is_identifier(text)


@pytest.mark.parametrize("text", ["a-1", "0123456789abcdef.12345678.chunk-0001-again2", "720p", "a.b_c"])
def test_valid_identifiers_are_accepted(text: str) -> None:
    assert is_identifier(text)
    assert is_plain_path(text)


@pytest.mark.parametrize("text", [*INVALID_NAMES, "a b", "x" * 301, None, 1])
def test_invalid_worker_names_and_paths_are_rejected(text: object) -> None:
    assert not is_worker_name(text)
    assert not is_plain_path(text)


def test_worker_names_and_paths_of_eddyline_are_valid() -> None:
    assert is_worker_name("cpu@ip-10-0-0-7.eu-central-1.compute.internal:4242-a1b2c3")
    assert is_plain_path("stream/1080p/seg-0001.m4s")
    assert not is_plain_path("/".join("abcdefghi"))


@pytest.mark.parametrize("text", [*INVALID_NAMES, "0123456789abcde", "0123456789ABCDEF", "g" * 16, None])
def test_invalid_asset_ids_are_rejected(text: object) -> None:
    assert not is_asset(text)


@given(st.text(max_size=30))
def test_a_valid_name_stays_below_its_directory(text: str) -> None:
    for is_valid in (is_identifier, is_plain_path):
        if is_valid(text):
            root = Path("/root/folder")
            assert (root / text).resolve().is_relative_to(root)
            assert (root / text) != root


@pytest.mark.parametrize("child", ["..", ".", "", "a/b", "a/../../outside", "../outside", "/"])
def test_only_a_direct_child_is_removed(tmp_path: Path, child: str) -> None:
    folder, outside = tmp_path / "scratch", tmp_path / "outside"
    for each in (folder / "a" / "b", outside):
        each.mkdir(parents=True)
    with pytest.raises(UsageError, match="not removed"):
        remove_child(folder, folder / child)
    assert (folder / "a" / "b").is_dir()
    assert outside.is_dir()
    remove_child(folder, folder / "a")
    remove_child(folder, folder / "a")
    assert list(folder.iterdir()) == []
