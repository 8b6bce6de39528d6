from __future__ import annotations

from pathlib import Path

import pytest

from eddyline.core.errors import MissingError, UsageError
from eddyline.core.identity import canonical
from eddyline.pipeline.runtime.parts import PartStore
from eddyline.store.local import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def _file(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "file"
    path.write_bytes(data)
    return path


def test_a_saved_part_is_found_with_its_files_and_result(tmp_path: Path, store: LocalStore) -> None:
    PartStore(store).save("a/b", {"x.mp4": _file(tmp_path, b"12345")}, {"frames": 3}, cpu_s=1.23456)
    part = PartStore(store).get("a/b")
    assert (dict(part.files), part.result, part.cpu_s) == ({"x.mp4": 5}, {"frames": 3}, 1.235)
    assert store.get(part.file("x.mp4")) == b"12345"


def test_files_without_a_receipt_are_not_a_part(tmp_path: Path, store: LocalStore) -> None:
    store.put("a/b/x.mp4", _file(tmp_path, b"12345"))
    assert PartStore(store).find("a/b") is None


def test_a_part_that_lost_a_file_is_incomplete(tmp_path: Path, store: LocalStore) -> None:
    PartStore(store).save("a/b", {"x.mp4": _file(tmp_path, b"12345")}, {}, cpu_s=0)
    store.delete("a/b/x.mp4")
    with pytest.raises(MissingError, match="missing or incomplete"):
        PartStore(store).get("a/b")


def test_a_part_with_a_truncated_file_is_incomplete(tmp_path: Path, store: LocalStore) -> None:
    PartStore(store).save("a/b", {"x.mp4": _file(tmp_path, b"12345")}, {}, cpu_s=0)
    store.path("a/b/x.mp4").write_bytes(b"123")
    assert PartStore(store).find("a/b") is None


def test_the_error_names_a_missing_file_of_a_part(tmp_path: Path, store: LocalStore) -> None:
    part = PartStore(store).save("a/b", {"x.mp4": _file(tmp_path, b"1")}, {}, cpu_s=0)
    with pytest.raises(MissingError, match=r"a/b has no y\.mp4"):
        part.file("y.mp4")


@pytest.mark.parametrize(
    "receipt",
    [
        b"",
        b"[]",
        b"{}",
        b'{"files":[],"result":{},"cpu_s":0}',
        b'{"files":{},"result":[],"cpu_s":0}',
        b'{"files":{},"result":{},"cpu_s":1e999}',
        b'{"files":{},"result":{},"cpu_s":"1"}',
        b'{"files":{"x":-1},"result":{},"cpu_s":0}',
        *(
            canonical({"files": {name: 3}, "result": {}, "cpu_s": 0})
            for name in ("../../../secret", "..", "/etc/passwd", "a/../../b", "", "x\0", "a//b")
        ),
    ],
)
def test_an_invalid_receipt_is_not_a_part(store: LocalStore, receipt: bytes) -> None:
    store.put_bytes("a/b/receipt.json", receipt)
    assert PartStore(store).find("a/b") is None


def test_a_file_of_a_part_must_not_have_a_path_as_its_name(tmp_path: Path, store: LocalStore) -> None:
    with pytest.raises(UsageError, match="not a valid name"):
        PartStore(store).save("a/b", {"../x": _file(tmp_path, b"1")}, {}, cpu_s=0)


@pytest.mark.parametrize("key", ["..", "a/../../b", "/a", "", "a/..", "a\\b", "a\0b"])
def test_no_key_reaches_outside_the_store(tmp_path: Path, store: LocalStore, key: str) -> None:
    (tmp_path / "b").write_bytes(b"precious")
    for call in (store.get, store.delete, store.size, store.tag, lambda k: list(store.list(k))):
        with pytest.raises(UsageError, match="not a key"):
            call(key)
    assert (tmp_path / "b").read_bytes() == b"precious"
