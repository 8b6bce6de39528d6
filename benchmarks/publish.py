"""Measures how long it takes to publish the stream of an hour, beside plain renames of the same files.

    python -m benchmarks publish

The stream has 1,807 files, as an hour of one rendition with audio has in segments of 4 s: 0.4 MB of video and
64 kB of audio each (0.8 Mbit/s and 128 kbit/s). Their contents are synced before the measurement (that takes
as long as the disk needs). Publishing stores the files as a part with its receipt, then runs the
job `publish`, up to the manifest. The yardstick renames the files and syncs three directories.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from tests.unit.pipeline.runtime_helpers import ASSET, PreparedAsset

from eddyline.core.concurrent_sync import sync_all
from eddyline.core.files import sync_directory
from eddyline.pipeline.planning.output_layout import asset_key
from eddyline.store.local import LocalStore

_SEGMENTS = 900  # of 4 s
_BYTES = {"360p": 400_000, "audio": 64_000}
_ROUNDS = 5


def measure(work: Path) -> dict[str, float]:
    """Return `publish.hour_s` and the yardstick `publish.renames_s`: medians of alternating runs."""
    stream = _make_stream(work / "packaged")
    prepared = PreparedAsset(LocalStore(work / "store"), work / "work", stream={})
    part, job = prepared.plan.part_key("package"), prepared.job("publish")
    prepared.store.delete(part)
    ours, renames = [], []
    for _ in range(_ROUNDS):
        started = time.monotonic()
        prepared.save_stream(stream)
        prepared.run(job)
        ours.append(time.monotonic() - started)
        prepared.store.delete(asset_key(ASSET, ""))
        prepared.store.delete(prepared.plan.part_key("publish"))
        renames.append(_rename({work / "store" / part / name: path for name, path in stream.items()}))
        prepared.store.delete(part)
    print(f"  publish {[round(each, 3) for each in ours]}, renames {[round(each, 3) for each in renames]}")
    return {"publish.hour_s": sorted(ours)[_ROUNDS // 2], "publish.renames_s": sorted(renames)[_ROUNDS // 2]}


def _rename(targets: dict[Path, Path]) -> float:
    """Return the seconds that it takes to rename files to directories that exist, and to sync these."""
    started = time.monotonic()
    for source, target in targets.items():
        source.rename(target)
    for folder in sorted({target.parent for target in targets.values()}):
        sync_directory(folder)
    return time.monotonic() - started


def _make_stream(folder: Path) -> dict[str, Path]:
    """Return the paths of synced files by their names in the asset."""
    shutil.rmtree(folder, ignore_errors=True)
    sizes = {
        f"stream/{kind}/{number:05}.m4s": size for kind, size in _BYTES.items() for number in range(_SEGMENTS)
    }
    sizes |= {f"stream/{kind}/init.mp4": 1_000 for kind in _BYTES}
    sizes |= {f"stream/{kind}/main.m3u8": 40_000 for kind in _BYTES}
    sizes |= {"stream/360p/iframes.m3u8": 90_000, "stream/master.m3u8": 800, "stream/manifest.mpd": 4_000}
    for name, size in sizes.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(os.urandom(size))
    paths = {name: folder / name for name in sizes}
    sync_all(list(paths.values()))
    return paths
