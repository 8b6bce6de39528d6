"""Uploads of local sources: a crafted file of one owner does not reach the source of another."""

from __future__ import annotations

from pathlib import Path

from obstore.store import MemoryStore

from eddyline.pipeline.submission.upload_source import upload_source
from eddyline.store.local import LocalStore
from eddyline.store.objects import ObjectStore


def bucket() -> ObjectStore:
    return ObjectStore(MemoryStore(), address="memory:")


def clip(folder: Path, middle: bytes) -> Path:
    """A file whose bytes are all zero where they are sampled."""
    folder.mkdir()
    path = folder / "clip.mp4"
    path.write_bytes(bytes(200_000) + middle + bytes(5_000_000))
    return path


def stored(store: ObjectStore, address: str) -> bytes:
    return store.get(address.removeprefix("memory:/"))


def test_owners_with_equal_samples_have_different_sources(tmp_path: Path) -> None:
    store = bucket()
    original, crafted = clip(tmp_path / "a", b"secret"), clip(tmp_path / "b", b"forged")
    first = upload_source(original, store, "anna")
    second = upload_source(crafted, store, "eve")
    assert first != second
    assert stored(store, first) == original.read_bytes()
    assert stored(store, second) == crafted.read_bytes()


def test_two_files_of_an_owner_with_equal_samples_are_different_sources(tmp_path: Path) -> None:
    store = bucket()
    original, crafted = clip(tmp_path / "a", b"secret"), clip(tmp_path / "b", b"forged")
    addresses = [upload_source(each, store, "anna") for each in (original, crafted)]
    assert [stored(store, each) for each in addresses] == [original.read_bytes(), crafted.read_bytes()]


def test_the_same_file_is_uploaded_once(tmp_path: Path) -> None:
    store = bucket()
    path = clip(tmp_path / "a", b"secret")
    for owner in ("", "anna"):
        address = upload_source(path, store, owner)
        tag = store.tag(address.removeprefix("memory:/"))
        assert upload_source(path, store, owner) == address
        assert store.tag(address.removeprefix("memory:/")) == tag


def test_a_shared_directory_reads_the_file_where_it_is(tmp_path: Path) -> None:
    path = clip(tmp_path / "a", b"")
    assert upload_source(path, LocalStore(tmp_path / "store"), "anna") == str(path)
