"""What object stores have beside the promises of every store (test_store.py)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from obstore.store import MemoryStore, S3Store
from tests.servers.ministack import Ministack, any_keys
from tests.servers.scripted import Answer, Request, error, scripted, swallowing

from eddyline.core.contenttypes import BY_EXTENSION
from eddyline.core.errors import Interrupted, TransientError, UsageError
from eddyline.core.objects import ObjectStore
from eddyline.core.opening import StoreSettings, open_store
from eddyline.core.ranges import FileRanges
from eddyline.core.stop import Stop
from eddyline.mp4.index import read_movie

PART = 5 * 1024 * 1024  # the smallest part that S3 takes


@pytest.fixture
def bucket(ministack: Ministack) -> str:
    return ministack.bucket()


def _open(
    server: Ministack, bucket: str, *, stop: Stop | None = None, server_copy: int = 2**40
) -> ObjectStore:
    raw = S3Store(
        bucket,
        endpoint=server.url,
        region="us-east-1",
        client_options={"allow_http": True},
        credential_provider=any_keys,  # type: ignore[arg-type]  # plain dicts will do
    )
    return ObjectStore(raw, address=f"s3://{bucket}", stop=stop, part=PART, server_copy=server_copy)


def _large(scratch: Path, size: int = 2 * PART + 5) -> Path:
    path = scratch / "large.mp4"
    path.write_bytes(os.urandom(1024) * (size // 1024) + b"x" * (size % 1024))
    return path


def test_what_a_player_fetches_says_what_it_is(ministack: Ministack, bucket: str, scratch: Path) -> None:
    store = _open(ministack, bucket)
    for extension, kind in BY_EXTENSION.items():
        store.put_bytes(f"a/x{extension}", b"1")
        assert ministack.ask("HEAD", f"/{bucket}/a/x{extension}")[1]["content-type"] == kind
    small = scratch / "small"
    small.write_bytes(b"#EXTM3U")
    store.put("a/MASTER.M3U8", small)
    store.put("a/large.mp4", _large(scratch))
    store.compare_and_set("a/manifest.json", b"{}", None)
    store.copy("a/large.mp4", "a/copy.mp4")
    store.copy("a/x.mp4", "a/other.m4s")
    said = {
        name: ministack.ask("HEAD", f"/{bucket}/a/{name}")[1]["content-type"]
        for name in ("MASTER.M3U8", "large.mp4", "manifest.json", "copy.mp4", "other.m4s")
    }
    assert said == {
        "MASTER.M3U8": "application/vnd.apple.mpegurl",
        "large.mp4": "video/mp4",
        "manifest.json": "application/json",
        "copy.mp4": "video/mp4",
        "other.m4s": "video/iso.segment",
    }


def test_a_large_file_goes_in_parts_and_leaves_no_upload_open(
    ministack: Ministack, bucket: str, scratch: Path
) -> None:
    store = _open(ministack, bucket)
    path = _large(scratch)
    store.put("a/large.mp4", path)
    assert (store.tag("a/large.mp4") or "").endswith('-3"')  # S3's mark of an object of three parts
    assert store.get("a/large.mp4") == path.read_bytes()
    assert ministack.uploads(bucket) == []


def test_an_upload_that_is_stopped_is_aborted(ministack: Ministack, bucket: str, scratch: Path) -> None:
    stop = Stop()
    store = _open(ministack, bucket, stop=stop)
    store.put_bytes("a/large.mp4", b"before")
    stop.request("taken away")
    with pytest.raises(Interrupted, match="taken away"):
        store.put("a/large.mp4", _large(scratch))
    assert store.get("a/large.mp4") == b"before"
    assert ministack.uploads(bucket) == []


def test_an_upload_of_a_file_that_changes_is_aborted(
    ministack: Ministack, bucket: str, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = _open(ministack, bucket)
    path = _large(scratch)
    real = os.fstat

    def longer(handle: int) -> os.stat_result:
        found = real(handle)
        return os.stat_result((*found[:6], found.st_size + 1, *found[7:10]))

    monkeypatch.setattr(os, "fstat", longer)
    with pytest.raises(TransientError, match="changed while it was uploaded"):
        store.put("a/large.mp4", path)
    assert list(store.list("a")) == []
    assert ministack.uploads(bucket) == []


def test_an_upload_of_which_the_store_refuses_a_part_is_aborted(scratch: Path) -> None:
    def refusing(request: Request) -> Answer:
        if request.method == "PUT" and "partNumber=2" in request.path:
            return error(403, "AccessDenied")
        return swallowing(request)

    with scripted(refusing) as server:
        settings = StoreSettings(endpoint=server.url, region="us-east-1", credentials=any_keys, part=PART)
        with pytest.raises(UsageError, match="access is denied"):
            open_store("s3://bucket", settings).put("a/large.mp4", _large(scratch))
    asked = [(each.method, each.path.partition("?")[2]) for each in server.asked]
    assert [query for method, query in asked if method == "DELETE"] == ["uploadId=1"]
    assert not [query for method, query in asked if method == "POST" and query == "uploadId=1"], "completed"


_UPLOADER = """
import sys
from pathlib import Path
from eddyline.core.opening import StoreSettings, open_store
from eddyline.core.objectuploads import PART
keys = lambda: {"access_key_id": "k", "secret_access_key": "s", "token": None, "expires_at": None}
store = open_store(sys.argv[1], StoreSettings(endpoint=sys.argv[2], region="us-east-1", credentials=keys))
path = Path(sys.argv[3])
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
store.put_bytes("a/warm", b"1" * PART)
before = peak()
print("go", flush=True)
store.put("a/large.mp4", path)
print(peak() - before, flush=True)
"""


def _sparse(scratch: Path, size: int) -> Path:
    path = scratch / "sparse"
    with path.open("wb") as file:
        file.truncate(size)
    return path


def _uploader(address: str, endpoint: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        (sys.executable, "-c", _UPLOADER, address, endpoint, str(path)), stdout=subprocess.PIPE, text=True
    )


def _lines(child: subprocess.Popen[str]) -> Iterator[str]:
    assert child.stdout is not None
    return iter(child.stdout)


def test_an_uploader_killed_amid_a_file_leaves_nothing_to_be_seen(
    ministack: Ministack, bucket: str, scratch: Path
) -> None:
    with _uploader(f"s3://{bucket}", ministack.url, _sparse(scratch, 100 * 1024 * 1024)) as child:
        assert next(_lines(child)) == "go\n"
        until = time.monotonic() + 10
        while not ministack.uploads(bucket) and time.monotonic() < until:
            time.sleep(0.01)
        child.kill()
    store = _open(ministack, bucket)
    assert ministack.uploads(bucket) == ["a/large.mp4"]  # for the bucket's lifecycle rule to remove
    assert list(store.list("a")) == ["a/warm"]
    assert store.size("a/large.mp4") is None
    store.put("a/large.mp4", _large(scratch))
    assert store.size("a/large.mp4") == 2 * PART + 5


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_a_file_is_uploaded_in_constant_memory(scratch: Path) -> None:
    size = 200 * 1024 * 1024
    with scripted(swallowing) as server:
        with _uploader("s3://bucket", server.url, _sparse(scratch, size)) as child:
            _, grown = _lines(child)
        assert sum(request.length for request in server.asked if request.method == "PUT") > size
    assert int(grown) < 80 * 1024 * 1024


def test_a_source_is_read_by_ranges_and_never_whole(ministack: Ministack, bucket: str, scratch: Path) -> None:
    store = _open(ministack, bucket)
    path = _large(scratch)
    store.put("a/large.mp4", path)
    source = store.ranges("a/large.mp4")
    assert source.read(PART - 2, 4) == path.read_bytes()[PART - 2 : PART + 2]
    assert source.read(0, 16) == path.read_bytes()[:16]
    assert (source.requests, source.bytes_read) == (2, 20)


def test_the_index_of_real_footage_is_read_from_a_bucket_without_its_media(
    ministack: Ministack, bucket: str, samples: Path
) -> None:
    store = _open(ministack, bucket)
    store.put("sources/karma.mp4", samples / "karma.mp4")
    source = store.ranges("sources/karma.mp4")
    tracks = read_movie(source).tracks
    with FileRanges(samples / "karma.mp4") as local:
        assert [track.kind for track in tracks] == [track.kind for track in read_movie(local).tracks]
    assert tracks
    assert source.requests < 20
    assert source.bytes_read < source.size / 20


def test_a_source_that_changes_while_it_is_read_is_not_mixed_up() -> None:
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


def test_a_copy_too_large_for_the_store_goes_through_this_machine(
    ministack: Ministack, bucket: str, scratch: Path
) -> None:
    store = _open(ministack, bucket, server_copy=PART)
    path = _large(scratch)
    store.put("a/large.mp4", path)
    store.copy("a/large.mp4", "b/large.mp4")
    store.copy("a/large.mp4", "a/large.mp4")
    assert store.get("b/large.mp4") == path.read_bytes() == store.get("a/large.mp4")
    assert ministack.uploads(bucket) == []


def test_a_download_that_is_stopped_leaves_nothing_behind(scratch: Path) -> None:
    stop = Stop()
    store = ObjectStore(MemoryStore(), address="memory", stop=stop)
    store.put_bytes("a/x.mp4", b"bytes")
    stop.request("over")
    with pytest.raises(Interrupted):
        store.fetch("a/x.mp4", scratch)
    assert [path for path in scratch.rglob("*") if path.is_file()] == []


def test_objects_of_one_name_are_fetched_apart_and_anew(scratch: Path) -> None:
    store = ObjectStore(MemoryStore(), address="memory", part=3)
    for key in ("a/init.mp4", "b/init.mp4"):
        store.put_bytes(key, key.encode())
    first, second = (store.fetch(key, scratch) for key in ("a/init.mp4", "b/init.mp4"))
    assert (first.read_bytes(), second.read_bytes()) == (b"a/init.mp4", b"b/init.mp4")
    store.put_bytes("a/init.mp4", b"new")
    assert store.fetch("a/init.mp4", scratch).read_bytes() == b"new"
    assert len([path for path in scratch.rglob("*") if path.is_file()]) == 2


def test_more_than_a_thousand_objects_are_listed_and_deleted(ministack: Ministack, bucket: str) -> None:
    store = _open(ministack, bucket)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: store.put_bytes(f"a/{number:04}", b""), range(1005)))
    assert list(store.list("a")) == [f"a/{number:04}" for number in range(1005)]
    store.delete("a")
    assert list(store.list("a")) == []


def test_a_prefix_keeps_stores_of_one_bucket_apart(ministack: Ministack, bucket: str) -> None:
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
def test_a_key_of_others_that_cannot_be_held_is_told_with_what_to_do_and_hinders_no_store(
    ministack: Ministack, bucket: str, key: str
) -> None:
    assert ministack.ask("PUT", f"/{bucket}/{key}")[0] == 200
    store = _open(ministack, bucket)
    store.check()
    with pytest.raises(UsageError, match="invalid path") as caught:
        list(store.everything())
    assert "another key" in caught.value.remedy


_FORKED = """
import os
from obstore.store import MemoryStore
from eddyline.core.errors import UsageError
from eddyline.core.objects import ObjectStore
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


def test_a_store_taken_into_a_forked_process_says_so_instead_of_hanging() -> None:
    assert subprocess.run((sys.executable, "-c", _FORKED), check=False, timeout=20).returncode == 7
