"""A source is found unchanged, or the error describes the change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers.ministack import Ministack

from eddyline.core.errors import FormatError, InputError, MissingError, UsageError
from eddyline.core.identity import canonical
from eddyline.pipeline.runtime.source_files import ChapterFile, SourceFile, SourceRegistry
from eddyline.store.local import LocalStore
from eddyline.store.open_store import BUCKETS, open_store
from eddyline.store.store import Store
from eddyline.store.store_settings import StoreSettings

ASSET = "0123456789abcdef"


@pytest.fixture(params=["directory", "s3"])
def stored_source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, str]]:
    """A store with one source, and the address of the source."""
    if request.param == "directory":
        store: Store = LocalStore(tmp_path / "card")
    else:
        server: Ministack = request.getfixturevalue("ministack")
        BUCKETS.configure(server.settings)
        store = open_store(f"s3://{server.bucket()}/card", server.settings)
    store.put_bytes("GX010001.MP4", b"some footage")
    yield store, store.where("GX010001.MP4")
    BUCKETS.configure(StoreSettings())


def test_a_source_file_has_an_address_a_size_and_a_stamp(stored_source: tuple[Store, str]) -> None:
    _, address = stored_source
    original = SourceFile.current(address)
    assert (original.address, original.name, original.size) == (address, "GX010001.MP4", 12)
    original.check()
    with original.open() as src:
        assert src.read(5, 7) == b"footage"
        assert src.bytes_read == 7


def test_a_source_that_changed_is_rejected(stored_source: tuple[Store, str]) -> None:
    store, address = stored_source
    original = SourceFile.current(address)
    store.put_bytes("GX010001.MP4", b"Some footage")
    with pytest.raises(InputError, match="has changed"):
        original.check()
    with pytest.raises(InputError, match="has changed"):
        original.open()


def test_a_removed_source_is_missing(stored_source: tuple[Store, str]) -> None:
    store, address = stored_source
    original = SourceFile.current(address)
    store.delete("GX010001.MP4")
    with pytest.raises(MissingError):
        original.check()
    with pytest.raises(MissingError):
        SourceFile.current(address)


def test_sources_are_recorded_with_their_chapters(stored_source: tuple[Store, str], tmp_path: Path) -> None:
    original = SourceFile.current(stored_source[1])
    sources = SourceRegistry(LocalStore(tmp_path))
    sources.save(ASSET, original, (chapter := ChapterFile(original=original, fingerprint="ab"),))
    assert sources.find(ASSET) == original
    assert sources.chapters(ASSET) == (chapter,)


def test_a_record_of_an_older_release_is_read(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    record = {"path": "/card/a.mp4", "size": 3, "mtime_ns": 5}
    store.put_bytes(f".eddyline/sources/{ASSET}.json", canonical(record))
    assert SourceRegistry(store).find(ASSET) == SourceFile(address="/card/a.mp4", size=3, stamp="5")


def test_a_relative_path_is_recorded_as_an_absolute_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    assert SourceFile.current("a.mp4") == SourceFile.current(tmp_path / "a.mp4")


def test_a_path_that_is_not_unicode_is_rejected(tmp_path: Path) -> None:
    clip = tmp_path / "clip\udcff.mp4"  # a byte 0xff, as in old archives
    clip.write_bytes(b"x")
    with pytest.raises(InputError, match="not Unicode"):
        SourceFile.current(clip)


@pytest.mark.parametrize(
    "asset", ["", ".", "..", "../../x", "/etc/passwd", "0123456789ABCDEF", "a" * 16 + "/.."]
)
def test_only_the_id_of_an_asset_names_a_record(tmp_path: Path, asset: str) -> None:
    store = LocalStore(tmp_path)
    with pytest.raises(UsageError, match="not the id of an asset"):
        SourceRegistry(store).find(asset)
    with pytest.raises(UsageError, match="not the id of an asset"):
        SourceRegistry(store).save(asset, SourceFile(address="/a", size=1, stamp="1"))


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"[]",
        b"{}",
        b'{"address":["/etc/passwd"],"size":1,"stamp":"1"}',
        b'{"address":"/a","size":-1,"stamp":"1"}',
        b'{"address":"/a","size":1e99,"stamp":"1"}',
        b'{"address":"/a","size":1,"stamp":"1","chapters":7}',
        b'{"address":"/a","size":1,"stamp":"1","chapters":[[]]}',
        b"[" * 100_000,
    ],
)
def test_an_invalid_record_is_a_format_error(tmp_path: Path, record: bytes) -> None:
    store = LocalStore(tmp_path)
    store.put_bytes(f".eddyline/sources/{ASSET}.json", record)
    for call in (SourceRegistry(store).find, SourceRegistry(store).chapters):
        with pytest.raises(FormatError, match="cannot be read"):
            call(ASSET)
