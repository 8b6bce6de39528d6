"""From object store to object store: sources are read by ranges, and assets are published atomically."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.clips import noisy
from tests.acceptance.conftest import manifest_of
from tests.servers.ministack import Ministack
from tests.servers.network import proxy
from tests.waiting import wait_until

from eddyline import app
from eddyline.core.stop import Stop
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.demo_clip import make_clip
from eddyline.pipeline.publication.manifest import without_run
from eddyline.pipeline.runs.events import RunReport
from eddyline.pipeline.runtime.read_counter import BYTES_READ
from eddyline.store.content_types import content_type
from eddyline.store.objects import ObjectStore
from eddyline.store.open_store import BUCKETS, open_store
from eddyline.store.store_settings import StoreSettings

KILLS, FEWEST_KILLS = 6, 4


@pytest.fixture
def store(ministack: Ministack, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """A bucket whose endpoint and credentials are in the environment, as for a user."""
    for name, value in _environment(ministack).items():
        monkeypatch.setenv(name, value)
    opened = open_store(f"s3://{ministack.bucket()}", ministack.settings)
    assert isinstance(opened, ObjectStore)
    yield opened
    BUCKETS.configure(StoreSettings())


def _environment(server: Ministack) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory, ffmpeg: str) -> Path:
    """A recording of more than 20 MB in four chunks, with interleaved audio and telemetry."""
    folder = tmp_path_factory.mktemp("footage")
    rate = ("-crf", "6", "-maxrate", "7M", "-bufsize", "7M")
    video = noisy(ffmpeg, folder / "video.mp4", seconds=32, options=rate)
    demo = make_clip(folder / "demo.mp4", seconds=32, width=160, height=90)
    out = folder / "GX010042.MP4"
    app.combine(video, out, telemetry=demo)
    assert out.stat().st_size > 20_000_000
    return out


def _run(sources: tuple[str | Path, ...], out: Path, profile: Path, *, store: str = "") -> RunReport:
    request = app.RunRequest(sources=sources, out=out, profile=str(profile), store=store)
    return app.run(request, stop=Stop(), on_event=lambda _: None)


def _bytes_read(out: Path) -> dict[str, list[int]]:
    """The numbers of bytes of the source that the jobs of each kind read."""
    read: dict[str, list[int]] = defaultdict(list)
    with Ledger.open(out / ".eddyline" / "ledger.sqlite") as ledger:
        for job in ledger.jobs():
            read[job.kind].append((job.result or {}).get(BYTES_READ, 0))
    return read


def _manifest(store: ObjectStore, asset: str) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(store.get(f"results/assets/{asset}/manifest.json"))
    return manifest


@pytest.mark.timeout(300)
def test_no_job_reads_the_whole_source_from_s3(
    store: ObjectStore, ministack: Ministack, footage: Path, small_profile: Path, tmp_path: Path
) -> None:
    size = footage.stat().st_size
    upload = tmp_path / footage.name
    upload.write_bytes(footage.read_bytes())
    store.put(f"card/{footage.name}", upload)
    results = f"{store.address}/results"
    report = _run((f"{store.address}/card/",), tmp_path / "out", small_profile, store=results)
    assert not report.failed
    (done,) = report.finished
    assert done.manifest == f"{results}/assets/{done.asset}/manifest.json"
    assert done.page == f"{results}/assets/{done.asset}/index.html"

    read = _bytes_read(tmp_path / "out")
    assert len(read["chunk"]) == 5  # four, and the first segment of the preview
    share = size / 4 + 61 / 960 * size  # a quarter, and the GOP before it
    assert all(0 < each < share * 1.1 for each in read["chunk"]), read
    assert sum(read["chunk"]) < 1.5 * size
    limits = {
        "inspect": 0.15,
        "poster": 0.05,
        "pictures": 0.5,
        "samples": 0.5,
        "audio": 0.05,
        "telemetry": 0.05,
        "assemble": 0.05,
    }
    for kind, most in limits.items():
        assert all(0 < each <= most * size for each in read[kind]), (kind, read[kind])

    here = _run((footage,), tmp_path / "here", small_profile)
    assert not here.failed
    assert without_run(_manifest(store, done.asset)) == without_run(manifest_of(tmp_path / "here"))

    keys = list(store.list("results"))
    assert not [key for key in keys if "/parts/" in key], "intermediate files are left"
    local = {str(path.relative_to(tmp_path / "here")) for path in (tmp_path / "here" / "assets").rglob("*.*")}
    assert {key.removeprefix("results/") for key in keys if "/assets/" in key} == local
    for key in keys:
        _, headers, _ = ministack.request("HEAD", f"/{store.address.removeprefix('s3://')}/{key}")
        assert headers["content-type"] == content_type(key)
    assert ministack.uploads(store.address.removeprefix("s3://")) == []

    again = _run((f"{store.address}/card/GX010042.MP4",), tmp_path / "other", small_profile, store=results)
    assert [each.reused for each in again.finished] == [True]


@pytest.mark.timeout(300)
def test_a_source_that_is_not_an_mp4_is_read_once_for_remuxing_and_once_for_verification(
    store: ObjectStore, ffmpeg: str, small_profile: Path, tmp_path: Path
) -> None:
    clip = noisy(ffmpeg, tmp_path / "clip.mkv", seconds=3)
    store.put("card/clip.mkv", clip)
    results = f"{store.address}/results"
    report = _run((f"{store.address}/card/clip.mkv",), tmp_path / "out", small_profile, store=results)
    assert not report.failed
    here = _run((clip,), tmp_path / "here", small_profile)
    assert not here.failed
    assert without_run(_manifest(store, report.finished[0].asset)) == without_run(
        manifest_of(tmp_path / "here")
    )
    read = _bytes_read(tmp_path / "out")
    assert clip.stat().st_size < read["inspect"][0] < 2 * clip.stat().st_size
    assert 0 < read["audio"][0] < clip.stat().st_size / 2
    assert clip.stat().st_size <= read["samples"][0] < 2 * clip.stat().st_size


@pytest.mark.timeout(300)
def test_chapters_in_a_store_are_merged_like_those_on_a_card(
    store: ObjectStore, small_profile: Path, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=1, width=160, height=90)
    card = tmp_path / "card"
    card.mkdir()
    for name in ("GX010042.MP4", "GX020042.MP4"):
        (card / name).write_bytes(clip.read_bytes())
        store.put(f"card/{name}", clip)
    results = f"{store.address}/results"
    report = _run((f"{store.address}/card/",), tmp_path / "out", small_profile, store=results)
    assert not report.failed
    assert [each.name for each in report.finished] == ["GX010042.MP4"]
    assert [each.path for each in report.skipped] == [f"{store.address}/card/GX020042.MP4"]
    assert not _run((card,), tmp_path / "here", small_profile).failed
    there = _manifest(store, report.finished[0].asset)
    assert without_run(there) == without_run(manifest_of(tmp_path / "here"))
    assert len(there["source"]["chapters"]) == 2


def test_the_properties_of_an_object_equal_those_of_a_file(store: ObjectStore, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=1, width=160, height=90)
    store.put("card/clip +%20.mp4", clip)
    assert app.probe(f"{store.address}/card/clip +%20.mp4") == app.probe(clip)


@pytest.mark.timeout(300)
def test_the_open_upload_of_a_killed_process_is_aborted_once_the_asset_is_published(
    store: ObjectStore,
    ministack: Ministack,
    ffmpeg: str,
    eddyline: tuple[str, ...],
    small_profile: Path,
    tmp_path: Path,
) -> None:
    bucket = store.address.removeprefix("s3://")
    other_upload = "others/large.bin"
    assert ministack.request("POST", f"/{bucket}/{other_upload}?uploads")[0] == 200
    # Lossless: the remuxed file is uploaded in many parts.
    clip = noisy(ffmpeg, tmp_path / "in.mkv", seconds=4, size="1280x720", options=("-qp", "0"))
    destination = ("--out", str(tmp_path / "out"), "--store", f"{store.address}/results")
    command = (*eddyline, "run", str(clip), *destination, "--profile", str(small_profile))
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, **_environment(ministack)},
    ) as process:
        wait_until(
            lambda: process.poll() is not None or ministack.uploads(bucket) != [other_upload], timeout_s=120
        )
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGKILL)
    (left,) = set(ministack.uploads(bucket)) - {other_upload}
    assert left.startswith("results/.eddyline/parts/")
    assert not _run((clip,), tmp_path / "out", small_profile, store=f"{store.address}/results").failed
    assert ministack.uploads(bucket) == [other_upload]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_after_random_kills_no_asset_is_partly_published_and_the_result_is_the_same(
    store: ObjectStore,
    ministack: Ministack,
    ffmpeg: str,
    eddyline: tuple[str, ...],
    small_profile: Path,
    tmp_path: Path,
) -> None:
    store.put("in.mp4", noisy(ffmpeg, tmp_path / "in.mp4", seconds=40))
    environment = {**os.environ, **_environment(ministack)}

    def command(out: str) -> list[str]:
        destination = ["--out", str(tmp_path / out), "--store", f"{store.address}/{out}"]
        return [
            *eddyline,
            "run",
            f"{store.address}/in.mp4",
            *destination,
            "--profile",
            str(small_profile),
            "--json",
        ]

    began = time.monotonic()
    subprocess.run(command("undisturbed"), check=True, capture_output=True, env=environment)
    undisturbed_s = time.monotonic() - began
    rng, kills = random.Random(4), 0
    while kills < KILLS:
        process = subprocess.Popen(
            command("disturbed"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=environment,
        )
        with suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0.5, undisturbed_s / 2))
        if process.poll() is not None:
            break  # the run ended before the next kill
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
        _check_published_assets(store, "disturbed")
    subprocess.run(command("disturbed"), check=True, capture_output=True, env=environment)
    assert kills >= FEWEST_KILLS, "too few kills"
    _check_published_assets(store, "disturbed")
    undisturbed, disturbed = _only_manifest(store, "undisturbed"), _only_manifest(store, "disturbed")
    assert without_run(disturbed) == without_run(undisturbed)
    assert disturbed["run"]["redone_jobs"] > 0
    assert not list(store.list("disturbed/.eddyline/parts"))


@pytest.mark.timeout(300)
def test_every_output_is_stored_once_despite_kills_and_repeated_runs(
    store: ObjectStore,
    ministack: Ministack,
    ffmpeg: str,
    eddyline: tuple[str, ...],
    small_profile: Path,
    tmp_path: Path,
) -> None:
    clip = noisy(ffmpeg, tmp_path / "in.mp4", seconds=16, size="320x180")
    puts: list[str] = []

    def record_put(method: str, path: str) -> None:
        if method == "PUT":
            puts.append(path)

    def run(out: str) -> subprocess.Popen[bytes]:
        destination = ("--out", str(tmp_path / out), "--store", f"{store.address}/results", "--slots", "1")
        return subprocess.Popen(
            (*eddyline, "run", str(clip), *destination, "--profile", str(small_profile)),
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **_environment(ministack), "AWS_ENDPOINT_URL": net.url},
        )

    with proxy(f"127.0.0.1:{ministack.port}", random.Random(1)) as net:
        net.on_request = record_put
        with run("out") as process:
            wait_until(
                lambda: (
                    process.poll() is not None
                    or any("/chunk-" in each and each.endswith("/receipt.json") for each in puts)
                ),
                timeout_s=120,
            )
            assert process.poll() is None
            os.killpg(process.pid, signal.SIGKILL)
        time.sleep(0.2)  # until requests in flight are recorded
        kept = {each.rpartition("/")[0] for each in puts if each.endswith("/receipt.json")}
        puts.clear()
        assert run("out").wait() == 0
        assert not [each for each in puts if each.rpartition("/")[0] in kept], (
            "a finished output is stored again"
        )
        again = [path for path, times in Counter(puts).items() if times > 1]
        assert all(path.endswith("/pictures/poster.jpg") for path in again), "a file is stored twice"
        assert len([path for path in puts if path.endswith(".m4s")]) > 0
        puts.clear()
        assert run("other").wait() == 0
        assert puts == []


def _only_manifest(store: ObjectStore, prefix: str) -> dict[str, Any]:
    (key,) = [key for key in store.list(prefix) if key.endswith("/manifest.json")]
    manifest: dict[str, Any] = json.loads(store.get(key))
    return manifest


def _check_published_assets(store: ObjectStore, prefix: str) -> None:
    """All files that a manifest lists are complete."""
    for key in store.list(prefix):
        if key.endswith("/manifest.json"):
            manifest = json.loads(store.get(key))
            folder = key.removesuffix("manifest.json")
            for rendition in manifest["renditions"]:
                assert store.size(folder + rendition["path"]) == rendition["bytes"]
            assert store.size(folder + "index.html")
