"""Requirements on object stores only; test_local.py has those on every store."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import MemoryStore
from tests.servers.ministack import Ministack
from tests.unit.store.bucket_servers import PART, open_bucket, write_large_file

from eddyline.core.errors import Interrupted, TransientError, UsageError
from eddyline.core.stop import Stop
from eddyline.mp4.index import read_movie
from eddyline.store.content_types import BY_EXTENSION
from eddyline.store.objects import ObjectStore
from eddyline.store.open_store import open_store
from eddyline.store.ranges import FileRanges
from eddyline.store.retry import StoreUnavailableError


@pytest.fixture
def bucket(ministack: Ministack) -> str:
    return ministack.bucket()


def test_published_files_have_their_content_type(ministack: Ministack, bucket: str, scratch: Path) -> None:
    store = open_bucket(ministack, bucket)
    for extension, content_type in BY_EXTENSION.items():
        store.put_bytes(f"a/x{extension}", b"1")
        assert ministack.request("HEAD", f"/{bucket}/a/x{extension}")[1]["content-type"] == content_type
    small = scratch / "small"
    small.write_bytes(b"#EXTM3U")
    store.put("a/MASTER.M3U8", small)
    store.put("a/large.mp4", write_large_file(scratch))
    store.compare_and_set("a/manifest.json", b"{}", None)
    store.copy("a/large.mp4", "a/copy.mp4")
    store.copy("a/x.mp4", "a/other.m4s")
    content_types = {
        name: ministack.request("HEAD", f"/{bucket}/a/{name}")[1]["content-type"]
        for name in ("MASTER.M3U8", "large.mp4", "manifest.json", "copy.mp4", "other.m4s")
    }
    assert content_types == {
        "MASTER.M3U8": "application/vnd.apple.mpegurl",
        "large.mp4": "video/mp4",
        "manifest.json": "application/json",
        "copy.mp4": "video/mp4",
        "other.m4s": "video/iso.segment",
    }


def test_a_source_is_read_by_ranges_and_never_completely(
    ministack: Ministack, bucket: str, scratch: Path
) -> None:
    store = open_bucket(ministack, bucket)
    path = write_large_file(scratch)
    store.put("a/large.mp4", path)
    source = store.ranges("a/large.mp4")
    assert source.read(PART - 2, 4) == path.read_bytes()[PART - 2 : PART + 2]
    assert source.read(0, 16) == path.read_bytes()[:16]
    assert (source.requests, source.bytes_read) == (2, 20)


def test_the_index_of_a_real_file_is_read_from_a_bucket_without_its_media(
    ministack: Ministack, bucket: str, samples: Path
) -> None:
    store = open_bucket(ministack, bucket)
    store.put("sources/karma.mp4", samples / "karma.mp4")
    source = store.ranges("sources/karma.mp4")
    tracks = read_movie(source).tracks
    with FileRanges(samples / "karma.mp4") as local:
        assert [track.kind for track in tracks] == [track.kind for track in read_movie(local).tracks]
    assert tracks
    assert source.requests < 20
    assert source.bytes_read < source.size / 20


def test_versions_of_a_changing_source_are_not_mixed() -> None:
    store = ObjectStore(MemoryStore(), address="memory")
    store.put_bytes("a/x.mp4", b"first")
    source = store.ranges("a/x.mp4")
    assert source.read(0, 2) == b"fi"
    store.put_bytes("a/x.mp4", b"other")
    with pytest.raises(TransientError, match="changed meanwhile"):
        source.read(2, 2)
    store.delete("a/x.mp4")
    with pytest.raises(TransientError):
        source.read(2, 2)
    assert source.bytes_read == 2


def test_a_stopped_download_leaves_no_file(scratch: Path) -> None:
    stop = Stop()
    store = ObjectStore(MemoryStore(), address="memory", stop=stop)
    store.put_bytes("a/x.mp4", b"bytes")
    stop.request("over")
    with pytest.raises(Interrupted):
        store.fetch("a/x.mp4", scratch)
    assert [path for path in scratch.rglob("*") if path.is_file()] == []


def test_objects_of_one_name_are_fetched_to_separate_files_each_time(scratch: Path) -> None:
    store = ObjectStore(MemoryStore(), address="memory", part=3)
    for key in ("a/init.mp4", "b/init.mp4"):
        store.put_bytes(key, key.encode())
    first, second = (store.fetch(key, scratch) for key in ("a/init.mp4", "b/init.mp4"))
    assert (first.read_bytes(), second.read_bytes()) == (b"a/init.mp4", b"b/init.mp4")
    store.put_bytes("a/init.mp4", b"new")
    assert store.fetch("a/init.mp4", scratch).read_bytes() == b"new"
    assert len([path for path in scratch.rglob("*") if path.is_file()]) == 2


def test_a_list_continues_after_an_outage_without_gaps_or_repetitions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = ObjectStore(MemoryStore(), address="memory", outage_retry_s=60.0)
    keys = [f"a/{number:04}" for number in range(2500)]
    for key in keys:
        store.put_bytes(key, b"")
    real, requests = obstore.list, 0

    def fail_on_the_second_page(*args: Any, **options: Any) -> Iterator[Any]:
        nonlocal requests
        requests += 1
        pages = iter(real(*args, **options))
        yield next(pages)
        if requests == 1:
            raise StoreUnavailableError("the connection was broken")
        yield from pages

    monkeypatch.setattr(obstore, "list", fail_on_the_second_page)
    assert list(store.list("a")) == keys
    assert requests == 2


def test_a_list_reads_one_page_before_its_first_key(monkeypatch: pytest.MonkeyPatch) -> None:
    store = ObjectStore(MemoryStore(), address="memory")
    for number in range(2500):
        store.put_bytes(f"a/{number:04}", b"")
    real, read = obstore.list, 0

    def count_pages(*args: Any, **options: Any) -> Iterator[Any]:
        nonlocal read
        for page in real(*args, **options):
            read += 1
            yield page

    monkeypatch.setattr(obstore, "list", count_pages)
    assert next(store.list("a")) == "a/0000"
    assert read == 1


def test_more_than_a_thousand_objects_are_listed_and_deleted(ministack: Ministack, bucket: str) -> None:
    store = open_bucket(ministack, bucket)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: store.put_bytes(f"a/{number:04}", b""), range(1005)))
    assert list(store.list("a")) == [f"a/{number:04}" for number in range(1005)]
    store.delete("a")
    assert list(store.list("a")) == []


def test_stores_with_different_prefixes_of_one_bucket_are_separate(ministack: Ministack, bucket: str) -> None:
    one, two, root = (
        open_store(f"s3://{bucket}{prefix}", ministack.settings) for prefix in ("/one", "/one two/x", "")
    )
    one.put_bytes("a/x", b"1")
    two.put_bytes("a/x", b"2")
    assert (one.get("a/x"), two.get("a/x")) == (b"1", b"2")
    assert root.get("one/a/x") == b"1"
    assert list(root.list("one two")) == ["one two/x/a/x"]
    one.delete("a")
    assert two.size("a/x") == 1


@pytest.mark.parametrize("key", ["a//b", "a/./b", "a/../b", "a%0Ab"])
def test_an_unsupported_foreign_key_has_a_remedy_and_does_not_block_the_store(
    ministack: Ministack, bucket: str, key: str
) -> None:
    assert ministack.request("PUT", f"/{bucket}/{key}")[0] == 200
    store = open_bucket(ministack, bucket)
    store.check()
    with pytest.raises(UsageError, match="invalid path") as caught:
        list(store.list_all())
    assert "rename that object" in caught.value.remedy


_FORKED = """
import os
from obstore.store import MemoryStore
from eddyline.core.errors import UsageError
from eddyline.store.objects import ObjectStore
store = ObjectStore(MemoryStore(), address="memory")
store.put_bytes("a/x", b"1")
if os.fork() == 0:
    try:
        store.get("a/x")
    except UsageError as error:
        os._exit(7 if "spawn" in error.remedy else 1)
    os._exit(2)
raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_a_store_in_a_forked_process_raises_instead_of_blocking() -> None:
    assert subprocess.run((sys.executable, "-c", _FORKED), check=False, timeout=20).returncode == 7
