"""A profile with `smart`: CRFs from probe encodes, the same ones in every run and after a kill."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from tests.acceptance.clips import noisy
from tests.acceptance.conftest import manifest_of

PROFILE = """
rungs:
  - {height: 180, crf: 30, preset: veryfast, maxrate_kbps: 4000, bufsize_kbps: 8000}
  - {height: 90, crf: 30, preset: veryfast, maxrate_kbps: 2000, bufsize_kbps: 4000}
pictures: {thumbs: 0, poster_width: 160, thumb_width: 160, storyboard: null}
smart: {target_vmaf: 88, forced_heights: [90]}
"""


@pytest.mark.timeout(600)
def test_crfs_are_found_and_a_run_that_is_killed_in_the_analysis_gives_the_same_asset(
    tmp_path: Path, ffmpeg: str, eddyline: tuple[str, ...]
) -> None:
    clip = noisy(ffmpeg, tmp_path / "in.mp4", seconds=2, size="320x180")
    profile = tmp_path / "smart-test.yaml"
    profile.write_text(PROFILE)

    def command(out: Path) -> list[str]:
        return [*eddyline, "run", str(clip), "--out", str(out), "--profile", str(profile)]

    subprocess.run(command(tmp_path / "whole"), check=True, capture_output=True)
    killed = tmp_path / "killed"
    _kill_after_inspection(command(killed), killed)
    subprocess.run(command(killed), check=True, capture_output=True)
    expected, got = manifest_of(tmp_path / "whole"), manifest_of(killed)
    schema = json.loads(
        files("eddyline.pipeline.publication").joinpath("manifest.schema.json").read_text("utf-8")
    )
    jsonschema.validate(expected, schema)
    assert expected.pop("run")["cost"]["kinds"]["analyze"]["cpu_seconds"] > 0
    got.pop("run")
    assert got == expected  # with the digests of all renditions
    assert expected["smart"] == {"target_vmaf": 88, "dropped": []}
    for rendition in expected["renditions"]:
        assert rendition["crf"]["min"] != 30
        assert rendition["crf"]["expected"]["probes"] >= 2
        assert rendition["quality"]["metrics"]["vmaf"]["mean"] == pytest.approx(88, abs=8)
    page = next((tmp_path / "whole").glob("assets/*/index.html")).read_text("utf-8")
    assert "CRF for VMAF 88" in page


def _kill_after_inspection(argv: list[str], out: Path) -> None:
    """Kill a run at a random time after it has stored its draft."""
    with subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        while process.poll() is None and not list(out.glob(".eddyline/parts/*/plan-*.json")):
            time.sleep(0.02)
        time.sleep(random.Random(14).uniform(0, 0.5))
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
