"""Large files are uploaded in parts, completely or not at all; a failed upload is aborted."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers.ministack import Ministack, any_keys
from tests.servers.scripted import Request, Response, discard_uploads, error, scripted
from tests.unit.store.bucket_servers import PART, open_bucket, write_large_file
from tests.waiting import wait_until

from eddyline.core.errors import Interrupted, TransientError, UsageError
from eddyline.core.stop import Stop
from eddyline.store.open_store import open_store
from eddyline.store.store_settings import StoreSettings


@pytest.fixture
def bucket(ministack: Ministack) -> str:
    return ministack.bucket()


def test_a_large_file_is_uploaded_in_parts_and_leaves_no_open_upload(
    ministack: Ministack, bucket: str, scratch: Path
) -> None:
    store = open_bucket(ministack, bucket)
    path = write_large_file(scratch)
    store.put("a/large.mp4", path)
    assert (store.tag("a/large.mp4") or "").endswith('-3"')  # S3's mark of an object of three parts
    assert store.get("a/large.mp4") == path.read_bytes()
    assert ministack.uploads(bucket) == []


def test_a_stopped_upload_is_aborted(ministack: Ministack, bucket: str, scratch: Path) -> None:
    stop = Stop()
    store = open_bucket(ministack, bucket, stop=stop)
    store.put_bytes("a/large.mp4", b"before")
    stop.request("taken away")
    with pytest.raises(Interrupted, match="taken away"):
        store.put("a/large.mp4", write_large_file(scratch))
    assert store.get("a/large.mp4") == b"before"
    assert ministack.uploads(bucket) == []


def test_an_upload_of_a_file_that_changes_is_aborted(
    ministack: Ministack, bucket: str, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_bucket(ministack, bucket)
    path = write_large_file(scratch)
    fstat = os.fstat

    def fstat_of_a_longer_file(handle: int) -> os.stat_result:
        status = fstat(handle)
        return os.stat_result((*status[:6], status.st_size + 1, *status[7:10]))

    monkeypatch.setattr(os, "fstat", fstat_of_a_longer_file)
    with pytest.raises(TransientError, match="changed during the upload"):
        store.put("a/large.mp4", path)
    assert list(store.list("a")) == []
    assert ministack.uploads(bucket) == []


def test_an_upload_with_a_rejected_part_is_aborted(scratch: Path) -> None:
    def reject_second_part(request: Request) -> Response:
        if request.method == "PUT" and "partNumber=2" in request.path:
            return error(403, "AccessDenied")
        return discard_uploads(request)

    with scripted(reject_second_part) as server:
        settings = StoreSettings(endpoint=server.url, region="us-east-1", credentials=any_keys, part=PART)
        with pytest.raises(UsageError, match="access is denied"):
            open_store("s3://bucket", settings).put("a/large.mp4", write_large_file(scratch))
    requests = [(each.method, each.path.partition("?")[2]) for each in server.requests]
    assert [query for method, query in requests if method == "DELETE"] == ["uploadId=1"]
    assert not [query for method, query in requests if method == "POST" and query == "uploadId=1"], (
        "the upload was completed"
    )


_UPLOADER = """
import sys
from pathlib import Path
from eddyline.store.open_store import open_store
from eddyline.store.store_settings import StoreSettings
from eddyline.store.object_uploads import PART
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


def test_a_killed_uploader_leaves_no_object(ministack: Ministack, bucket: str, scratch: Path) -> None:
    with _uploader(f"s3://{bucket}", ministack.url, _sparse(scratch, 100 * 1024 * 1024)) as child:
        assert next(_lines(child)) == "go\n"
        wait_until(lambda: ministack.uploads(bucket), timeout_s=10)
        child.kill()
    store = open_bucket(ministack, bucket)
    assert ministack.uploads(bucket) == ["a/large.mp4"]  # until the tidy job of its asset aborts it
    assert list(store.list("a")) == ["a/warm"]
    assert store.size("a/large.mp4") is None
    store.put("a/large.mp4", write_large_file(scratch))
    assert store.size("a/large.mp4") == 2 * PART + 5


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_a_file_is_uploaded_in_constant_memory(scratch: Path) -> None:
    size = 200 * 1024 * 1024
    with scripted(discard_uploads) as server:
        with _uploader("s3://bucket", server.url, _sparse(scratch, size)) as child:
            _, growth = _lines(child)
        assert sum(request.length for request in server.requests if request.method == "PUT") > size
    assert int(growth) < 80 * 1024 * 1024


def test_a_copy_too_large_for_the_store_passes_through_this_machine(
    ministack: Ministack, bucket: str, scratch: Path
) -> None:
    store = open_bucket(ministack, bucket, server_copy=PART)
    path = write_large_file(scratch)
    store.put("a/large.mp4", path)
    store.copy("a/large.mp4", "b/large.mp4")
    store.copy("a/large.mp4", "a/large.mp4")
    assert store.get("b/large.mp4") == path.read_bytes() == store.get("a/large.mp4")
    assert ministack.uploads(bucket) == []
