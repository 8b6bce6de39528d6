"""Pools in the whole program: jobs run in the pools that a custom file defines."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.clips import noisy
from tests.acceptance.conftest import manifest_of

from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.publication.manifest import without_run

_POOLS = """
pools:
  ends:
    kinds: [inspect, poster, pictures, telemetry, audio, assemble, package, publish, tidy]
    encoders: [aac, mjpeg]
    cost: 1
    slot: {vcpu: 1, memory_mib: 512}
  plain:
    kinds: [chunk]
    codecs: {h264: libx264}
    cost: 2
    slot: {vcpu: 1, memory_mib: 512}
  full:
    kinds: [chunk]
    codecs: {h264: libx264, hevc: libx265, av1: libsvtav1}
    cost: 6
    slot: {vcpu: 1, memory_mib: 512}
"""
_H264 = "{height: 180, codec: h264, crf: 30, preset: veryfast, maxrate_kbps: 400, bufsize_kbps: 800}"
_HEVC = "{height: 90, codec: hevc, crf: 32, preset: ultrafast, maxrate_kbps: 200, bufsize_kbps: 400}"
_PICTURES = "pictures: {thumbs: 2, poster_width: 320, thumb_width: 160}"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, ffmpeg: str) -> Path:
    return noisy(ffmpeg, tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=5, size="320x180")


class Program:
    """`eddyline run` with a file of pools, in a directory."""

    def __init__(self, command: tuple[str, ...], folder: Path, clip: Path) -> None:
        self._command, self._folder, self._clip = command, folder, clip

    def run(self, *rungs: str, pools: str = "", out: str = "out") -> list[dict[str, Any]]:
        profile = self._folder / f"{out}.yaml"
        profile.write_text(f"name: custom\nrungs: [{', '.join(rungs)}]\n{_PICTURES}\n")
        environment = {name: value for name, value in os.environ.items() if name != "EDDYLINE_POOLS"}
        if pools:
            (self._folder / "pools.yaml").write_text(pools)
            environment["EDDYLINE_POOLS"] = str(self._folder / "pools.yaml")
        arguments = ["run", self._clip, "--out", self._folder / out, "--profile", profile, "--json"]
        done = subprocess.run(
            [*self._command, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
            env=environment,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def pools(self, out: str = "out") -> dict[str, set[str]]:
        """The pools of the jobs of each kind."""
        with Ledger.open(next((self._folder / out / ".eddyline").glob("ledger.*"))) as ledger:
            counted = Counter((job.kind, job.pool) for job in ledger.jobs())
        return {kind: {pool for other, pool in counted if other == kind} for kind, _ in counted}


@pytest.fixture
def program(eddyline: tuple[str, ...], tmp_path: Path, clip: Path) -> Program:
    return Program(eddyline, tmp_path, clip)


def test_h264_chunks_run_in_the_cheaper_pool(program: Program, tmp_path: Path) -> None:
    assert program.run(_H264, pools=_POOLS)[-1]["failed"] == []
    found = program.pools()
    assert found.pop("chunk") == {"plain"}
    assert set().union(*found.values()) == {"ends"}
    # The asset does not depend on the pools.
    assert program.run(_H264, out="default")[-1]["failed"] == []
    assert program.pools("default")["chunk"] == {"cpu"}
    custom, default = (without_run(manifest_of(tmp_path / name)) for name in ("out", "default"))
    assert custom["profile"].pop("digest") == default["profile"].pop("digest")
    assert custom == default


def test_the_chunks_of_each_codec_run_in_the_cheapest_pool_that_supports_it(
    program: Program, tmp_path: Path
) -> None:
    assert program.run(_H264, _HEVC, pools=_POOLS)[-1]["failed"] == []
    assert program.pools()["chunk"] == {"plain", "full"}
    assert {rendition["codec"] for rendition in manifest_of(tmp_path / "out")["renditions"]} == {
        "h264",
        "hevc",
    }


def test_a_job_that_no_pool_supports_fails_with_a_remedy(program: Program) -> None:
    without_full_pool = _POOLS.split("  full:", maxsplit=1)[0]
    (failed,) = program.run(_H264, _HEVC, pools=without_full_pool)[-1]["failed"]
    assert failed["job"].endswith(".inspect")
    assert "no pool runs chunk jobs that encode hevc" in failed["reason"]
    assert "pools.yaml" in failed["remedy"]


def test_a_run_finishes_although_its_pools_were_renamed(program: Program, tmp_path: Path) -> None:
    without_full_pool = _POOLS.split("  full:", maxsplit=1)[0]
    program.run(_H264, _HEVC, pools=without_full_pool)  # dead at inspection, in pool "ends"
    assert program.run(_H264, _HEVC, pools=_POOLS.replace("  ends:", "  light:"))[-1]["failed"] == []
    assert program.pools()["inspect"] == {"ends"}
    assert manifest_of(tmp_path / "out")["proof"]["frames_in"] > 0
