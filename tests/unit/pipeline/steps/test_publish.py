"""An asset is published atomically, also by several workers at once, and stays visible."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.servers.ministack import Ministack, any_keys
from tests.unit.pipeline.concurrent_processes import run_at_once
from tests.unit.pipeline.durable_names import DurableNames
from tests.unit.pipeline.runtime_helpers import ASSET, PreparedAsset

from eddyline.core.errors import MissingError, ProofError, TransientError
from eddyline.pipeline.planning.output_layout import asset_key, manifest_key
from eddyline.pipeline.publication.catalogue_facts import catalogue_facts
from eddyline.pipeline.publication.manifest import VERSION, without_run
from eddyline.pipeline.publication.published import is_published
from eddyline.store.local import LocalStore
from eddyline.store.open_store import open_store
from eddyline.store.store import Store
from eddyline.store.store_settings import StoreSettings

MANIFEST = manifest_key(ASSET)


@pytest.fixture(params=["directory", "s3"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str | None]]:
    """The address of a store, and its endpoint."""
    if request.param == "directory":
        yield str(tmp_path / "store"), None
    else:
        server: Ministack = request.getfixturevalue("ministack")
        yield f"s3://{server.bucket()}/media", server.url


def _open(address: tuple[str, str | None]) -> Store:
    return open_store(
        address[0], StoreSettings(endpoint=address[1], region="us-east-1", credentials=any_keys)
    )


@pytest.fixture
def store(address: tuple[str, str | None]) -> Store:
    return _open(address)


def test_an_asset_is_published_complete_and_its_parts_are_removed(store: Store, tmp_path: Path) -> None:
    prepared = PreparedAsset(store, tmp_path / "work")
    prepared.run(prepared.job("publish"))
    assert is_published(store, ASSET)
    assert prepared.manifest()["proof"]["frames_in"] == 60
    assert list(store.list(".eddyline/parts"))
    prepared.run(prepared.job("tidy"))
    prepared.run(prepared.job("tidy"))
    assert not list(store.list(".eddyline/parts"))
    assert is_published(store, ASSET)


def test_an_asset_published_twice_keeps_the_first_manifest(store: Store, tmp_path: Path) -> None:
    prepared = PreparedAsset(store, tmp_path / "work")
    prepared.run(prepared.job("publish"))
    first = prepared.manifest()
    store.delete(prepared.plan.part_key("publish"))  # the first attempt was lost before its receipt
    job = prepared.job("publish")
    history = {"redone_jobs": 7, "interruptions": 3, "started": 1e9}
    prepared.run(replace(job, spec={**job.spec, "history": history}))
    assert prepared.manifest() == first
    assert first["run"]["redone_jobs"] == 0


def test_the_cpu_time_is_that_of_all_starts_where_the_history_has_them(tmp_path: Path) -> None:
    prepared = PreparedAsset(LocalStore(tmp_path / "store"), tmp_path / "work")
    job = prepared.job("publish")
    work = {"starts": 3, "slot_seconds": 9.0, "cpu_seconds": 7.5, "redone_slot_seconds": 4.0}
    cost: dict[str, Any] = {"kinds": {"chunk": work}, "list_nanousd": None, "reason": "none", "prices": []}
    history = {"redone_jobs": 2, "interruptions": 2, "started": 1e9, "cost": cost}
    prepared.run(replace(job, spec={**job.spec, "history": history}))
    assert prepared.manifest()["run"]["cpu_seconds"] == pytest.approx(7.5, abs=0.1)


def _publish(
    address: tuple[str, str | None], scratch: Path, wait_for_start: Callable[[], object]
) -> dict[str, object]:
    prepared = PreparedAsset(_open(address), scratch)
    job = prepared.job("publish")
    wait_for_start()
    prepared.run(job)
    return prepared.manifest()


def test_many_threads_publish_one_asset_with_one_manifest(
    address: tuple[str, str | None], tmp_path: Path
) -> None:
    barrier = threading.Barrier(6)
    with ThreadPoolExecutor(6) as pool:
        manifests = list(pool.map(lambda n: _publish(address, tmp_path / f"{n}", barrier.wait), range(6)))
    assert all(each == manifests[0] for each in manifests)
    assert is_published(_open(address), ASSET)


_PUBLISHER = """
import sys
from pathlib import Path
from tests.unit.pipeline.steps.test_publish import _publish
address, endpoint, scratch = sys.argv[1:]


def ready():
    print("ready", flush=True)
    sys.stdin.readline()


_publish((address, endpoint or None), Path(scratch), ready)
"""


def test_many_processes_publish_one_asset(address: tuple[str, str | None], tmp_path: Path) -> None:
    folders = [str(tmp_path / f"{number}") for number in range(3)]
    run_at_once(_PUBLISHER, [(address[0], address[1] or "", folder) for folder in folders])
    assert is_published(_open(address), ASSET)


def test_a_published_asset_stays_complete_while_it_is_published_again(store: Store, tmp_path: Path) -> None:
    prepared = PreparedAsset(store, tmp_path / "work")
    prepared.run(prepared.job("publish"))
    job, done, published = prepared.job("publish"), threading.Event(), []

    def check_repeatedly() -> None:
        while not done.is_set():
            published.append(is_published(store, ASSET))

    watcher = threading.Thread(target=check_repeatedly)
    watcher.start()
    for _ in range(3):
        store.delete(prepared.plan.part_key("publish"))
        prepared.run(job)
    done.set()
    watcher.join()
    assert published
    assert all(published)


class _LossyStore:
    """A store that loses the response to a conditional write, so that the write is repeated."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.lost_responses = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def compare_and_set(self, key: str, data: bytes, expected: str | None) -> bool:
        self._store.compare_and_set(key, data, expected)
        self.lost_responses += 1
        return self._store.compare_and_set(key, data, expected)


def test_a_manifest_whose_response_was_lost_is_recognised(store: Store, tmp_path: Path) -> None:
    lossy_store = _LossyStore(store)
    prepared = PreparedAsset(lossy_store, tmp_path / "work")  # type: ignore[arg-type]  # has the methods of a store
    prepared.run(prepared.job("publish"))
    assert lossy_store.lost_responses == 1
    assert is_published(store, ASSET)


def test_an_older_manifest_of_other_programs_is_replaced(store: Store, tmp_path: Path) -> None:
    PreparedAsset(store, tmp_path / "old", content=b"old", identity="old").run(
        PreparedAsset(store, tmp_path / "old", content=b"old", identity="old").job("publish")
    )
    store.put_bytes(asset_key(ASSET, "stream/stale.m3u8"), b"x")
    prepared = PreparedAsset(store, tmp_path / "new", content=b"the new one", identity="new")
    prepared.run(prepared.job("publish"))
    assert prepared.manifest()["toolchain"]["ffmpeg_sha256"] == "new"
    assert is_published(store, ASSET)
    assert store.size(asset_key(ASSET, "stream/stale.m3u8")) is None


@pytest.mark.parametrize("version", [1, 2])
def test_a_manifest_of_an_earlier_version_is_replaced(store: Store, tmp_path: Path, version: int) -> None:
    prepared = PreparedAsset(store, tmp_path / "work")
    prepared.run(prepared.job("publish"))
    older = {**prepared.manifest(), "version": version, "chapters": []}
    del older["owner"], older["run"]["stored_bytes"]
    store.put_bytes(MANIFEST, json.dumps(older).encode())
    assert is_published(store, ASSET)
    store.delete(prepared.plan.part_key("publish"))
    prepared.run(prepared.job("publish"))
    assert prepared.manifest()["version"] == VERSION
    assert is_published(store, ASSET)


def test_the_result_carries_the_facts_of_the_catalogue(store: Store, tmp_path: Path) -> None:
    prepared = PreparedAsset(store, tmp_path / "work")
    done = prepared.run(replace(prepared.job("publish"), owner="anna"))
    manifest = prepared.manifest()
    assert manifest["owner"] == "anna"
    assert manifest["run"]["stored_bytes"] == sum(
        store.size(key) or 0
        for key in store.list(f"assets/{ASSET}")
        if not key.endswith(("index.html", "manifest.json"))
    )
    assert done.result["catalogue"] == catalogue_facts(manifest)


def test_another_result_of_the_same_programs_is_not_published(store: Store, tmp_path: Path) -> None:
    first = PreparedAsset(store, tmp_path / "one", content=b"content")
    first.run(first.job("publish"))
    before = store.get(MANIFEST)
    other = PreparedAsset(store, tmp_path / "two", content=b"another")
    store.delete(other.plan.part_key("publish"))
    with pytest.raises(ProofError, match="already published with other contents"):
        other.run(other.job("publish"))
    assert store.get(MANIFEST) == before
    assert is_published(store, ASSET), "the renditions that the manifest names were replaced"


def test_a_damaged_asset_is_repaired(store: Store, tmp_path: Path) -> None:
    first = PreparedAsset(store, tmp_path / "one", content=b"content")
    first.run(first.job("publish"))
    store.delete(asset_key(ASSET, "renditions"))
    again = PreparedAsset(store, tmp_path / "two", content=b"another")
    store.delete(again.plan.part_key("publish"))
    again.run(again.job("publish"))
    assert is_published(store, ASSET)
    assert without_run(again.manifest()) != without_run(json.loads(b"{}"))
    assert again.manifest()["renditions"][0]["bytes"] == len(b"another")


def test_a_manifest_that_cannot_be_read_is_replaced(store: Store, tmp_path: Path) -> None:
    prepared = PreparedAsset(store, tmp_path / "work")
    store.put_bytes(MANIFEST, b"{half")
    prepared.run(prepared.job("publish"))
    assert is_published(store, ASSET)


def test_an_attempt_after_tidy_changes_nothing(store: Store, tmp_path: Path) -> None:
    prepared = PreparedAsset(store, tmp_path / "work")
    prepared.run(prepared.job("publish"))
    prepared.run(prepared.job("tidy"))
    before = store.get(MANIFEST)
    new_runtime = type(prepared.runtime)(
        store=store, tools=prepared.runtime.tools, scratch=tmp_path / "late", history=prepared.runtime.history
    )
    prepared.runtime = new_runtime
    with pytest.raises(MissingError):
        prepared.run(prepared.job("publish"))
    assert store.get(MANIFEST) == before
    assert is_published(store, ASSET)


class _ContestedStore:
    """A store in which another worker writes a manifest before each write of the test."""

    def __init__(self, store: Store) -> None:
        self._store, self._count = store, 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def compare_and_set(self, key: str, data: bytes, expected: str | None) -> bool:
        self._count += 1
        other = {**json.loads(data), "toolchain": {"ffmpeg": str(self._count)}}
        self._store.put_bytes(key, json.dumps(other).encode())
        return self._store.compare_and_set(key, data, expected)


def test_endless_concurrent_changes_fail_the_attempt(tmp_path: Path) -> None:
    contested_store = _ContestedStore(LocalStore(tmp_path / "store"))
    prepared = PreparedAsset(contested_store, tmp_path / "work")  # type: ignore[arg-type]  # has the methods of a store
    with pytest.raises(TransientError, match="other workers keep publishing"):
        prepared.run(prepared.job("publish"))


@pytest.mark.parametrize(
    "change",
    [
        {"pictures": {"poster": "../../x", "thumbnails": [], "storyboard": "../../../victim"}},
        {"pictures": {"poster": "p.jpg", "thumbnails": [], "storyboard": "/etc/passwd"}},
        {"pictures": []},
        {"renditions": [{"path": "../../../../etc/passwd", "bytes": 1}]},
        {"renditions": "x"},
        {"stream": {"hls": "/etc/passwd"}},
        {"stream": ["x"]},
    ],
)
def test_a_hostile_manifest_does_not_reach_other_paths(tmp_path: Path, change: object) -> None:
    assert isinstance(change, dict)
    (tmp_path / "victim").write_bytes(b"precious")
    store = LocalStore(tmp_path / "store")
    prepared = PreparedAsset(store, tmp_path / "work")
    prepared.run(prepared.job("publish"))
    hostile = {**prepared.manifest(), **change, "version": 0}
    store.put_bytes(MANIFEST, json.dumps(hostile).encode())
    assert not is_published(store, ASSET)
    store.delete(prepared.plan.part_key("publish"))
    prepared.run(prepared.job("publish"))
    assert is_published(store, ASSET)
    assert (tmp_path / "victim").read_bytes() == b"precious"


@pytest.mark.parametrize("data", [b"[]", b"7", b"[" * 100_000, b"null", b"\xff"])
def test_an_invalid_manifest_is_replaced(tmp_path: Path, data: bytes) -> None:
    store = LocalStore(tmp_path / "store")
    store.put_bytes(MANIFEST, data)
    assert not is_published(store, ASSET)
    prepared = PreparedAsset(store, tmp_path / "work")
    prepared.run(prepared.job("publish"))
    assert is_published(store, ASSET)


def test_everything_that_the_manifest_names_is_durable_before_it_appears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = _stream(tmp_path / "packaged", segments=40)
    (tmp_path / "store").mkdir()
    durable = DurableNames(tmp_path / "store" / "assets", "manifest.json", monkeypatch)
    prepared = PreparedAsset(LocalStore(tmp_path / "store"), tmp_path / "work", stream=stream)
    inodes = [prepared.store.fetch(key, tmp_path).stat().st_ino for key in prepared.store.list(".eddyline")]
    published = Counter(durable.directories)
    prepared.run(prepared.job("publish"))
    asset = tmp_path / "store" / "assets" / ASSET
    assert len(list(asset.glob("stream/*/*.m4s"))) == 80
    assert durable.renames == 1
    assert durable.lost == []
    # The contents once, when they were stored; each directory once, plus once for each file written alone.
    assert {durable.files[inode] for inode in inodes} == {1}
    assert sum((durable.directories - published).values()) < 16


def test_a_stream_is_stored_with_one_sync_for_each_file_and_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = PreparedAsset(LocalStore(tmp_path / "store"), tmp_path / "work", stream={})
    part = prepared.plan.part_key("package")
    prepared.store.delete(part)
    durable = DurableNames(tmp_path / "store" / part, "receipt.json", monkeypatch)
    prepared.save_stream(_stream(tmp_path / "packaged", segments=40))
    assert durable.lost == []
    assert set(durable.files.values()) == {1}
    assert sum(durable.files.values()) == 84  # with the receipt
    assert sum(durable.directories.values()) <= 6


def _stream(folder: Path, *, segments: int) -> dict[str, Path]:
    """Files of a stream by name: `segments` of video and of audio, and three playlists."""
    names = [f"stream/{kind}/{number:05}.m4s" for kind in ("360p", "audio") for number in range(segments)]
    names += ["stream/master.m3u8", "stream/manifest.mpd", "stream/360p/main.m3u8"]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return {name: folder / name for name in names}
