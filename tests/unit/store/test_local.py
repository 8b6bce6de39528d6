"""Requirements on every media store, tested on each: a directory, an object store in memory, an S3 server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eddyline.core.errors import MissingError, TruncatedError, UsageError
from eddyline.store.local import LocalStore
from eddyline.store.store import Store


def _file(scratch: Path, data: bytes) -> Path:
    path = scratch / f"file-{os.urandom(4).hex()}"
    path.write_bytes(data)
    return path


def test_a_stored_object_can_be_read_sized_tagged_and_fetched(store: Store, scratch: Path) -> None:
    store.put("assets/a/video.mp4", _file(scratch, b"data"))
    store.put_bytes("assets/a/manifest.json", b"{}")
    assert store.get("assets/a/video.mp4") == b"data"
    assert store.get("assets/a/manifest.json") == b"{}"
    assert store.size("assets/a/video.mp4") == 4
    assert store.tag("assets/a/video.mp4") is not None
    fetched = store.fetch("assets/a/video.mp4", scratch)
    assert fetched.read_bytes() == b"data"
    assert fetched.name == "video.mp4"


def test_an_empty_object_can_be_stored(store: Store, scratch: Path) -> None:
    store.put("a/none.bin", _file(scratch, b""))
    assert store.size("a/none.bin") == 0
    assert store.get("a/none.bin") == b""
    assert store.fetch("a/none.bin", scratch).read_bytes() == b""
    assert list(store.list("a")) == ["a/none.bin"]


def test_a_second_put_replaces_the_object_and_changes_its_tag(store: Store, scratch: Path) -> None:
    store.put("a/b.bin", _file(scratch, b"first"))
    before = store.tag("a/b.bin")
    store.put("a/b.bin", _file(scratch, b"second!"))
    assert store.get("a/b.bin") == b"second!"
    assert store.tag("a/b.bin") != before
    assert list(store.list("a")) == ["a/b.bin"]


def test_a_missing_object_is_none_or_an_error(store: Store, scratch: Path) -> None:
    store.put_bytes("a/there", b"1")
    assert store.size("a/not") is None
    assert store.tag("a/not") is None
    assert list(store.list("b")) == []
    for call in (
        lambda: store.get("a/not"),
        lambda: store.fetch("a/not", scratch),
        lambda: store.ranges("a/not"),
        lambda: store.copy("a/not", "a/too"),
        lambda: store.put("a/too", scratch / "not"),
    ):
        with pytest.raises(MissingError):
            call()
    assert list(store.list("a")) == ["a/there"]


def test_a_directory_is_not_an_object(store: Store, scratch: Path) -> None:
    store.put_bytes("a/b/c", b"1")
    assert store.size("a/b") is None
    assert store.tag("a/b") is None
    for call in (
        lambda: store.get("a/b"),
        lambda: store.fetch("a/b", scratch),
        lambda: store.get("a/b/c/d"),
        lambda: store.copy("a/b", "a/x"),
    ):
        with pytest.raises(MissingError):
            call()
    assert store.tag("a/b/c/d") is None
    assert store.size("a/b/c/d") is None


def test_a_list_is_sorted_and_contains_only_keys_below_the_prefix(store: Store) -> None:
    keys = ["a/b/2", "a/b/10", "a/b-c/1", "a/b.x", "a/b", "ab/1"]
    for key in sorted(set(keys) - {"a/b"}):
        store.put_bytes(key, b"1")
    assert list(store.list("a")) == ["a/b-c/1", "a/b.x", "a/b/10", "a/b/2"]
    assert list(store.list("a/b")) == ["a/b/10", "a/b/2"]
    assert list(store.list("a/b/")) == ["a/b/10", "a/b/2"]
    assert list(store.list("a/b.x")) == []


def test_an_object_has_an_address_for_users(store: Store) -> None:
    store.put_bytes("a/x.mp4", b"1")
    assert store.where("a/x.mp4").endswith("/a/x.mp4")
    with pytest.raises(UsageError):
        store.where("../x")


def test_a_key_may_contain_any_printable_characters(store: Store, scratch: Path) -> None:
    keys = ["a/with space.mp4", "a/mit ü.mp4", "a/50%20.mp4", "a/x#1", "a/&?=+~*.bin"]
    for key in keys:
        store.put(key, _file(scratch, key.encode()))
    assert list(store.list("a")) == sorted(keys)
    for key in keys:
        assert store.get(key) == key.encode()
        assert store.fetch(key, scratch).read_bytes() == key.encode()
        store.delete(key)
    assert list(store.list("a")) == []


INVALID_KEYS = [
    "",
    ".",
    "./",
    "..",
    "../x",
    "a/../x",
    "a/..",
    "/etc/passwd",
    "a\\b",
    "a\0b",
    "a/\n",
    "a\x7f",
    "\ud800",
]


@pytest.mark.parametrize("key", [*INVALID_KEYS, "a" * 300, "/".join(["a" * 100] * 12)])
def test_an_invalid_key_is_rejected_by_every_method(store: Store, scratch: Path, key: str) -> None:
    store.put_bytes("safe/one", b"1")
    for call in (
        lambda: store.put(key, _file(scratch, b"x")),
        lambda: store.put_bytes(key, b"x"),
        lambda: store.compare_and_set(key, b"x", None),
        lambda: store.get(key),
        lambda: store.tag(key),
        lambda: store.size(key),
        lambda: store.fetch(key, scratch),
        lambda: store.ranges(key),
        lambda: store.copy("safe/one", key),
        lambda: store.copy(key, "safe/two"),
        lambda: store.put_all({key: _file(scratch, b"x")}),
        lambda: store.copy_all([("safe/one", key)]),
        lambda: list(store.list(key)),
        lambda: store.delete(key),
    ):
        with pytest.raises(UsageError):
            call()
    assert list(store.list("safe")) == ["safe/one"]


def test_delete_removes_an_object_and_all_below_it_only(store: Store) -> None:
    for key in ("a/b/1", "a/b/c/2", "a/b2/3", "a/b.json"):
        store.put_bytes(key, b"1")
    store.delete("a/b")
    assert list(store.list("a")) == ["a/b.json", "a/b2/3"]
    store.delete("a/b.json")
    assert list(store.list("a")) == ["a/b2/3"]
    store.delete("a/b")
    store.delete("never/was")


def test_concurrent_deletions_of_one_object_succeed(store: Store) -> None:
    for _ in range(5):
        for number in range(4):
            store.put_bytes(f"a/b/{number}", b"1")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(store.delete, ["a/b"] * 8))
        assert list(store.list("a")) == []


def test_a_list_is_consistent_during_concurrent_writes(store: Store) -> None:
    store.put_bytes("a/stays", b"1")
    finished = threading.Event()

    def write_and_delete() -> None:
        number = 0
        while not finished.is_set():
            store.put_bytes(f"a/b{number}/c/d", b"1")
            store.delete(f"a/b{number}")
            number += 1

    def list_repeatedly() -> None:
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            keys = list(store.list("a"))
            assert "a/stays" in keys
            assert keys == sorted(keys)
            assert all(key == "a/stays" or key.startswith("a/b") for key in keys), keys
            assert store.size("a/b0/c/d") in {None, 1}

    with ThreadPoolExecutor(3) as pool:
        writing = pool.submit(write_and_delete)
        listing = pool.submit(list_repeatedly)
        try:
            listing.result()
        finally:
            finished.set()
        writing.result()


def test_a_copy_remains_after_the_original_is_deleted(store: Store, scratch: Path) -> None:
    store.put("parts/x.mp4", _file(scratch, b"bytes"))
    store.put_bytes("assets/x.mp4", b"older")
    store.copy("parts/x.mp4", "assets/x.mp4")
    store.copy("parts/x.mp4", "assets/y.bin")
    store.delete("parts")
    assert store.get("assets/x.mp4") == b"bytes"
    assert store.get("assets/y.bin") == b"bytes"


def test_many_objects_are_stored_and_copied_by_one_call(store: Store, scratch: Path) -> None:
    paths = {f"parts/{number % 3}/{number}": _file(scratch, b"%d" % number) for number in range(30)}
    store.put_bytes("assets/2/5", b"older")
    store.put_all(paths)
    store.copy_all((key, key.replace("parts", "assets")) for key in paths)
    store.copy_all([])
    store.put_all({})
    store.delete("parts")
    assert set(store.list("assets")) == {f"assets/{number % 3}/{number}" for number in range(30)}
    assert store.get("assets/2/5") == b"5"


def test_a_copy_of_many_objects_stops_where_its_iterator_raises(store: Store) -> None:
    store.put_bytes("a/x", b"1")

    def keys() -> Iterator[tuple[str, str]]:
        yield "a/x", "b/1"
        assert store.size("b/1") == 1
        raise MissingError("stopped")

    with pytest.raises(MissingError, match="stopped"):
        store.copy_all(keys())
    with pytest.raises(MissingError):
        store.copy_all([("a/x", "b/2"), ("a/not", "b/3")])
    assert list(store.list("b")) == ["b/1", "b/2"]


def test_replacing_a_copy_does_not_change_the_original(store: Store, scratch: Path) -> None:
    store.put("a/x", _file(scratch, b"old"))
    store.copy("a/x", "a/y")
    store.put("a/y", _file(scratch, b"new"))
    store.put_bytes("a/x", b"newer")
    assert (store.get("a/x"), store.get("a/y")) == (b"newer", b"new")


def test_compare_and_set_replaces_only_the_expected_version(store: Store) -> None:
    assert store.compare_and_set("a/m", b"1", None)
    assert not store.compare_and_set("a/m", b"2", None)
    tag = store.tag("a/m")
    assert store.compare_and_set("a/m", b"3", tag)
    assert not store.compare_and_set("a/m", b"4", tag)
    assert store.get("a/m") == b"3"
    store.delete("a/m")
    assert not store.compare_and_set("a/m", b"5", tag)
    assert store.size("a/m") is None
    assert store.compare_and_set("a/m", b"6", None)


def test_exactly_one_of_eight_concurrent_writers_succeeds(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        for attempt in range(6):
            start = threading.Barrier(8)

            def write(number: int, start: threading.Barrier = start, attempt: int = attempt) -> bool:
                start.wait()
                return store.compare_and_set(f"race/{attempt}", f"{number}".encode(), None)

            succeeded = list(pool.map(write, range(8)))
            assert succeeded.count(True) == 1
            assert store.get(f"race/{attempt}") == f"{succeeded.index(True)}".encode()


def test_concurrent_increments_by_compare_and_set_are_not_lost(store: Store) -> None:
    store.put_bytes("count", b"0")

    def count(_: int) -> None:
        while True:
            tag = store.tag("count")
            value = int(store.get("count"))
            if store.tag("count") == tag and store.compare_and_set("count", f"{value + 1}".encode(), tag):
                return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(24)))
    assert store.get("count") == b"24"


def test_readers_get_either_the_complete_old_object_or_the_complete_new_one(
    store: Store, scratch: Path
) -> None:
    sizes = {200_000, 300_000}
    store.put_bytes("a/x", b"\1" * 200_000)
    finished = threading.Event()

    def write() -> None:
        while not finished.is_set():
            store.put("a/x", _file(scratch, b"\2" * 300_000))
            store.put_bytes("a/x", b"\1" * 200_000)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            deadline = time.monotonic() + 0.3
            while time.monotonic() < deadline:
                data = store.get("a/x")
                assert len(data) in sizes
                assert len(set(data)) == 1
        finally:
            finished.set()
        writing.result()


def test_ranges_are_read_exactly_and_counted(store: Store, scratch: Path) -> None:
    data = os.urandom(100_000)
    store.put("a/source.mp4", _file(scratch, data))
    source = store.ranges("a/source.mp4")
    assert source.size == 100_000
    assert source.read(0, 8) == data[:8]
    assert source.read(99_990, 10) == data[99_990:]
    assert source.read(500, 0) == b""
    assert source.read(100_000, 0) == b""
    assert source.bytes_read == 18
    for offset, length in ((99_990, 11), (100_001, 0), (-1, 2), (0, -1), (10**12, 1)):
        with pytest.raises(TruncatedError) as caught:
            source.read(offset, length)
        assert caught.value.offset == offset
    source.close()
    source.close()


def test_a_large_file_is_stored_and_fetched_completely(store: Store, scratch: Path) -> None:
    block = os.urandom(1024 * 1024)
    path = scratch / "large.mp4"
    with path.open("wb") as file:
        for number in range(70):
            file.write(number.to_bytes(4, "big") + block[4:])
        file.write(b"end")
    store.put("a/large.mp4", path)
    assert store.size("a/large.mp4") == 70 * len(block) + 3
    source = store.ranges("a/large.mp4")
    assert source.read(33 * len(block), 4) == (33).to_bytes(4, "big")
    assert source.read(source.size - 3, 3) == b"end"
    assert source.bytes_read == 7
    source.close()
    with store.fetch("a/large.mp4", scratch).open("rb") as file:
        for number in range(70):
            assert file.read(len(block)) == number.to_bytes(4, "big") + block[4:]
        assert file.read() == b"end"


_WRITER = """
import sys
from pathlib import Path
from eddyline.store.local import LocalStore
store = LocalStore(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    data = bytes([number % 256]) * 3_000_000
    source = store.root / "source"
    source.write_bytes(data)
    store.put(f"a/put{number % 7}", source)
    store.put_bytes(f"a/bytes{number % 7}", data)
    store.copy(f"a/put{number % 7}", f"a/copy{number % 7}")
    store.compare_and_set(f"a/set{number % 7}", data, store.tag(f"a/set{number % 7}"))
    store.delete(f"a/put{(number + 3) % 7}")
    print(number, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_only_complete_objects(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    store.root.mkdir()
    for attempt in range(6):
        with subprocess.Popen(
            (sys.executable, "-c", _WRITER, str(store.root)), stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"1\n"
            time.sleep(0.011 * attempt)
            child.send_signal(signal.SIGKILL)
        for key in store.list("a"):
            data = store.get(key)
            assert len(data) == 3_000_000, key
            assert len(set(data[::997])) == 1, key
            assert not key.rpartition("/")[2].startswith(".")
        assert store.size("a/set1") == 3_000_000
    assert store.compare_and_set("a/set1", b"after", store.tag("a/set1"))


def test_a_missing_directory_is_created(tmp_path: Path) -> None:
    LocalStore(tmp_path / "not" / "yet").check()
    LocalStore(tmp_path).check()
    assert not (tmp_path / "not").exists()


def test_an_invalid_directory_is_rejected_by_the_check(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    for name in ("file", "file/below", "nowhere"):
        with pytest.raises(UsageError, match="is not a directory"):
            LocalStore(tmp_path / name).check()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_directory_is_rejected(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="nothing may be written"):
        LocalStore(tmp_path / "below").check()
