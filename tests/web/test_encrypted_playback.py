"""Shaka Player plays encrypted streams in Chromium with the right key (ClearKey), and not with another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.unit.media.streaming.test_package import rendition, rung
from tests.web.browser import wait
from tests.web.file_server import player_site

from eddyline.core.processes.runner import Runner
from eddyline.media.encryption.content_keys import ContentKey, StreamEncryption
from eddyline.media.ladder.chunks import frame_grid
from eddyline.media.streaming.package import package
from eddyline.media.toolchain import Toolchain

_FPS = 30
_VIDEO = ContentKey(key_id=bytes(range(16)), key=bytes(range(16, 32)), uri="https://keys.example/v")
_AUDIO = ContentKey(key_id=bytes(range(32, 48)), key=bytes(range(48, 64)), uri="https://keys.example/a")
_GRID = frame_grid(gop_s=1.0, segment_s=1.0, fps=_FPS, steps=[1])  # type: ignore[arg-type]
_CLEAR_KEY = """navigator.requestMediaKeySystemAccess("org.w3.clearkey", [{
  initDataTypes: ["cenc"],
  videoCapabilities: [{contentType: 'video/mp4; codecs="avc1.42c01e"', encryptionScheme: "%s"}],
}]).then(() => true, () => false)"""


@pytest.fixture(scope="module", params=["cenc", "cbcs"])
def scheme(request: pytest.FixtureRequest) -> str:
    """The protection scheme."""
    return str(request.param)


@pytest.fixture(scope="module")
def source(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of H.264 and AAC."""
    path = tmp_path_factory.mktemp("source") / "h264.mp4"
    sound = (("sine=f=440:r=48000", 3.0, "eng"),)
    return rendition(ffmpeg, path, fps=_FPS, frames=90, gop=30, audio_inputs=sound)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def address(
    scheme: str, source: Path, tools: Toolchain, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a server with the encrypted stream."""
    out = tmp_path_factory.mktemp(f"encrypted-{scheme}")
    encryption = StreamEncryption(scheme=scheme, context="plan", keys={"video": _VIDEO, "audio": _AUDIO})
    package([(rung("h264"), source)], _GRID, tools=tools, runner=Runner(), out_dir=out, encryption=encryption)
    with player_site(tmp_path_factory.mktemp("site"), out / "stream") as url:
        yield url


@contextmanager
def _playing(browser: Any, address: str, scheme: str, video_key: bytes) -> Iterator[Any]:
    """A page that plays the stream with these keys."""
    keys = {_VIDEO.key_id.hex(): video_key.hex(), _AUDIO.key_id.hex(): _AUDIO.key.hex()}
    context = browser.new_context(viewport={"width": 400, "height": 300})
    try:
        page = context.new_page()
        page.goto(f"{address}/players.html")
        if not page.evaluate(_CLEAR_KEY % scheme):
            pytest.skip(f"this Chromium does not decrypt {scheme}")
        page.evaluate(
            "(keys) => open_player('shaka', '/stream', 'avc1', {drm: {clearKeys: keys}}).catch(fail)", keys
        )
        page.evaluate("(video.play().catch(() => 0), 0)")
        yield page
    finally:
        context.close()


def test_an_encrypted_stream_plays_to_its_end_with_its_key(browser: Any, address: str, scheme: str) -> None:
    with _playing(browser, address, scheme, _VIDEO.key) as page:
        wait(page, "observed.error || video.ended || video.currentTime > 2.8")
        assert page.evaluate("observed.error") == ""
        assert page.evaluate("Boolean(video.mediaKeys)")
        assert page.evaluate("video.getVideoPlaybackQuality().totalVideoFrames") > 60


def test_an_encrypted_stream_does_not_play_with_another_key(browser: Any, address: str, scheme: str) -> None:
    with _playing(browser, address, scheme, bytes(16)) as page:
        wait(page, "observed.error")
        assert page.evaluate("video.currentTime") < 1
        assert page.evaluate("video.getVideoPlaybackQuality().totalVideoFrames") < 3
