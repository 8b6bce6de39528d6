"""Shaka Player, hls.js and dash.js play all families in Chromium, through a rung switch and every join."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.players.install import MODULES
from tests.web.browser import wait
from tests.web.file_server import player_site

_PROFILE = """
rungs:
  - {height: 180, codec: h264, crf: 26, preset: ultrafast, maxrate_kbps: 900, bufsize_kbps: 1800}
  - {height: 120, codec: h264, crf: 26, preset: ultrafast, maxrate_kbps: 500, bufsize_kbps: 1000, max_fps: 30}
  - {height: 180, codec: av1, crf: 38, preset: 12, maxrate_kbps: 900, bufsize_kbps: 1800}
  - {height: 120, codec: av1, crf: 38, preset: 12, maxrate_kbps: 500, bufsize_kbps: 1000}
  - {height: 180, codec: hevc, crf: 28, preset: ultrafast, maxrate_kbps: 900, bufsize_kbps: 1800}
  - {height: 120, codec: hevc, crf: 28, preset: ultrafast, maxrate_kbps: 500, bufsize_kbps: 1000}
gop_s: 1.0
segment_s: 1.0
"""
_SECONDS = 8  # more than four segments: at least four chunks
_CODECS = {"h264": "avc1", "av1": "av01", "hevc": "hvc1"}
_MIME = 'video/mp4; codecs="%s"'
_SUPPORT = {"h264": "avc1.42c01e", "av1": "av01.0.00M.08", "hevc": "hvc1.1.6.L60.90"}


@pytest.fixture(scope="module")
def stream(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of an asset's stream: three families, 60 and 30 frames/s, joins at every second."""
    work = tmp_path_factory.mktemp("players")
    source, profile = work / "source.mp4", work / "players.yaml"
    profile.write_text(_PROFILE)
    subprocess.run(
        [
            *(ffmpeg, "-v", "error", "-f", "lavfi", "-i", f"testsrc2=s=320x180:r=60:d={_SECONDS}"),
            *("-f", "lavfi", "-i", f"sine=f=440:d={_SECONDS}", "-c:v", "libx264", "-preset", "ultrafast"),
            *("-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "6", str(source)),
        ],
        check=True,
    )
    subprocess.run(
        [
            sys.executable,
            "-m",
            "eddyline",
            "run",
            str(source),
            "--out",
            str(work / "out"),
            "--profile",
            str(profile),
        ],
        check=True,
        capture_output=True,
    )
    (path,) = (work / "out").glob("assets/*/manifest.json")
    chunks = json.loads(path.read_text())["proof"]["family_chunks"]
    assert chunks == {"h264": 4, "hevc": 4, "av1": 4}
    return path.parent / "stream"


@pytest.fixture(scope="module")
def address(stream: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with the stream, the players and their page."""
    if not MODULES.is_dir():
        pytest.skip("hls.js and dash.js are not installed: python -m tests.players.install")
    with player_site(tmp_path_factory.mktemp("players-site"), stream) as url:
        yield url


@pytest.mark.parametrize("family", list(_CODECS))
@pytest.mark.parametrize("player", ["shaka", "hls", "dash"])
def test_a_player_plays_a_family_through_a_rung_switch_and_every_join(
    browser: Any, address: str, player: str, family: str
) -> None:
    context = browser.new_context(viewport={"width": 400, "height": 300})
    try:
        page = context.new_page()
        page.goto(f"{address}/players.html")
        if not page.evaluate(f"MediaSource.isTypeSupported({_MIME % _SUPPORT[family]!r})"):
            pytest.skip(f"this Chromium does not play {family}")
        rungs = page.evaluate(f"open_player({player!r}, '/stream', {_CODECS[family]!r})")
        assert sorted(set(rungs)) == [120, 180]  # each with stereo and with 5.1
        assert set(page.evaluate("player.channels()")) == {2, 6}
        page.evaluate("player.select(180)")
        page.evaluate("(video.playbackRate = 2, video.play().then(() => 0))")
        wait(page, "observed.error || video.currentTime > 2 && video.videoHeight === 180")
        page.evaluate("player.select(120)")
        wait(page, f"observed.error || video.ended || video.currentTime > {_SECONDS - 0.2}", timeout_s=60)
        observed = page.evaluate("observed")
        buffered = page.evaluate("video.buffered.length")
    finally:
        context.close()
    assert observed["error"] == ""
    times = observed["times"]
    assert all(later > earlier - 0.1 for earlier, later in pairwise(times))
    assert observed["heights"][-2:] == [180, 120]
    assert buffered == 1  # a gap at a join, or between rungs, would divide the buffered range
