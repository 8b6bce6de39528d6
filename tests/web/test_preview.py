"""The page of an asset plays its preview while it is encoded, and plays on when it is published."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.waiting import wait_until
from tests.web.browser import Watch, wait
from tests.web.server import serving

from eddyline.app.tools import find_toolchain
from eddyline.graph.ledger.ledger import Ledger
from eddyline.media.ladder.profile import load_profile
from eddyline.pipeline.submission.submit import submit
from eddyline.store.local import LocalStore

_PROFILE = """
rungs: [{height: 90, codec: h264, crf: 30, preset: ultrafast, maxrate_kbps: 600, bufsize_kbps: 1200}]
pictures: {thumbs: 0, storyboard: null}
quality: "off"
gop_s: 1.0
segment_s: 2.0
"""
_SECONDS = 21  # shorter sources have no preview
# A worker of the server. It shows the first segment, and the next ones, once a file of the test exists.
_WORKER = """
import sys, time
from pathlib import Path
from eddyline.cli.main import main
from eddyline.pipeline.publication import preview_files
gates = Path(sys.argv.pop(1))
show = preview_files.show_preview
def show_after_the_gate(task, part):
    name = task.job.kind
    (gates / f"{name}-reached").touch()
    while not (gates / name).exists():
        time.sleep(0.02)
    show(task, part)
preview_files.show_preview = show_after_the_gate
main()
"""
_VIDEO = "document.querySelector('#preview video')"


@pytest.fixture
def clip(ffmpeg: str, tmp_path: Path) -> Path:
    """A clip with audio that has a preview."""
    path = tmp_path / "GX010091.MP4"
    inputs = (f"testsrc2=s=160x90:r=10:d={_SECONDS}", f"sine=f=440:r=48000:d={_SECONDS}")
    argv = [ffmpeg, "-v", "error", *(option for each in inputs for option in ("-f", "lavfi", "-i", each))]
    options = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-c:a", "aac")
    subprocess.run([*argv, *options, str(path)], check=True)
    return path


class Gates:
    """Files at which the run waits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "preview.yaml").write_text(_PROFILE)

    def wait(self, name: str) -> None:
        """Wait until the run has reached this gate."""
        wait_until((self.folder / f"{name}-reached").exists, timeout_s=60)

    def open(self, name: str) -> None:
        """Let the run pass."""
        (self.folder / name).touch()


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """A server, and the asset that it processes."""

    url: str
    asset: str


@pytest.fixture
def gates(tmp_path: Path) -> Gates:
    return Gates(tmp_path / "gates")


@pytest.fixture
def encoding(clip: Path, gates: Gates, tmp_path: Path) -> Iterator[Encoding]:
    """A server, and its worker that processes the clip and waits at the gates."""
    out = tmp_path / "out"
    with serving(out, "--no-worker") as site:
        with Ledger.open(out / ".eddyline" / "ledger.sqlite") as ledger:
            profile = load_profile(str(gates.folder / "preview.yaml"))
            tools, store = find_toolchain().identity, LocalStore(out)
            found = submit([str(clip)], profile, store=store, ledger=ledger, toolchain=tools)
        options = ("local-worker", "--out", str(out), "--slots", "1")
        command = [sys.executable, "-c", _WORKER, str(gates.folder), *options]
        worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            yield Encoding(url=site.url, asset=found.asset)
        finally:
            worker.kill()
            worker.communicate()


def _requested(page: Any, asked: list[str], path: str) -> bool:
    page.wait_for_timeout(50)  # Playwright reports requests while it waits for the page
    return path in asked


def test_the_page_plays_the_preview_and_then_the_published_stream(
    browser: Any, encoding: Encoding, gates: Gates
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=encoding.url)
    page = context.new_page()
    watch = Watch(page, encoding.url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(encoding.url)))
    try:
        gates.wait("preview")
        page.goto(f"/assets/{encoding.asset}")
        wait_until(lambda: _requested(page, asked, f"/api/v1/assets/{encoding.asset}"))
        assert page.locator("#preview").is_hidden()
        assert not [each for each in asked if each.endswith(".m3u8")]  # it does not exist

        gates.open("preview")
        wait(page, f"{_VIDEO}?.readyState >= 2")
        page.evaluate(f"(Object.assign({_VIDEO}, {{ muted: true }}).play(), 0)")
        wait(page, f"{_VIDEO}.currentTime > 0.3")
        gates.wait("extend")
        gates.open("extend")
        page.get_by_role("link", name="Watch it").wait_for()
        wait(page, f"Math.abs({_VIDEO}.duration - {_SECONDS}) < 0.2 && {_VIDEO}.currentTime > 2.2")
        page.get_by_role("link", name="Watch it").click()
        wait(page, "document.querySelector('#player video')?.readyState >= 2")
        watch.assert_clean()
    finally:
        context.close()
