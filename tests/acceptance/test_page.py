"""The asset page in a browser, opened from a local file."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.waiting import wait_until

from eddyline.pipeline.demo_clip import make_clip


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, eddyline: tuple[str, ...], small_profile: Path) -> Path:
    out = tmp_path_factory.mktemp("page")
    clip = make_clip(out / "river.mp4", seconds=8, width=320, height=180)
    subprocess.run(
        [*eddyline, "run", str(clip), "--out", str(out), "--profile", str(small_profile), "--json"],
        check=True,
        capture_output=True,
    )
    (page,) = out.glob("assets/*/index.html")
    return page


def _wait(page: Any, expression: str) -> None:
    """Wait until the expression is true; the page's security policy forbids Playwright's own wait."""
    wait_until(lambda: page.evaluate(expression), message=f"{expression} is false")


def test_the_page_plays_switches_renditions_and_uses_no_network(browser: Any, index: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    errors: list[str] = []
    urls: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: urls.append(request.url))
    page.goto(index.as_uri())
    assert "river.mp4" in page.inner_text("h1")
    text = page.inner_text("body")
    assert "240 frames in, 240 frames out in each of 2 renditions" in text
    page.evaluate("document.querySelector('video').muted = true")
    page.evaluate("document.querySelector('video').play()")
    _wait(page, "document.querySelector('video').currentTime > 0.5")
    before = page.evaluate("document.querySelector('video').currentTime")
    page.get_by_text("90p", exact=True).first.click()
    _wait(page, "document.querySelector('video').videoHeight === 90")
    _wait(page, f"document.querySelector('video').currentTime >= {before}")
    assert not errors
    assert all(url.startswith(("file:", "data:", "blob:")) for url in urls)
    page.close()


def test_pins_and_images_seek_to_the_highlights(browser: Any, index: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(index.as_uri())
    _wait(page, "document.querySelector('video').readyState >= 1")
    second = page.locator(".markers i").nth(1)
    second.hover()
    assert page.inner_text("#preview-time") == "HiLight 2 · 0:04"
    second.click()
    _wait(page, "document.querySelector('video').currentTime.toFixed(2) === '4.80'")
    assert "frame 144 of 240" in page.inner_text("#counter")
    page.get_by_role("button", name="Go to HiLight 1 at 0:02.0").click()
    _wait(page, "document.querySelector('video').currentTime.toFixed(2) === '2.00'")
    assert "frame 61 of 240" in page.inner_text("#counter")
    page.locator(".track img").scroll_into_view_if_needed()
    _wait(page, "document.querySelector('.track img').naturalWidth > 0")
    page.close()


def test_the_page_fits_the_width_of_a_phone(browser: Any, index: Path) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(index.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def test_a_page_opened_from_disk_displays_subtitles(
    browser: Any, tmp_path: Path, eddyline: tuple[str, ...], small_profile: Path, ffmpeg: str
) -> None:
    (tmp_path / "s.srt").write_text("1\n00:00:00,500 --> 00:00:01,234\n<i>Hi</i> <script>x</script>\n")
    video = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=2", "-i", "s.srt", "-map", "0", "-map", "1")
    codecs = ("-c:v", "libx264", "-c:s", "mov_text", "-disposition:s:0", "default")
    subprocess.run([ffmpeg, "-v", "error", *video, *codecs, "a.mp4"], check=True, cwd=tmp_path)
    arguments = [
        "run",
        str(tmp_path / "a.mp4"),
        "--out",
        str(tmp_path / "out"),
        "--profile",
        str(small_profile),
    ]
    subprocess.run([*eddyline, *arguments, "--json"], check=True, capture_output=True)
    (index,) = (tmp_path / "out").glob("assets/*/index.html")
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(index.as_uri())
    _wait(page, "document.getElementById('video').textTracks.length === 1")
    track = "document.getElementById('video').textTracks[0]"
    assert page.evaluate(f"{track}.mode") == "showing"
    cue = page.evaluate(f"[{track}.cues[0].startTime, {track}.cues[0].endTime, {track}.cues[0].text]")
    assert cue == [0.5, 1.234, "<i>Hi</i> x"]
    page.evaluate("document.getElementById('video').currentTime = 0.8")
    _wait(page, f"{track}.activeCues.length === 1")
    assert errors == []
    page.close()
