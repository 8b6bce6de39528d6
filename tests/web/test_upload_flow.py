"""From the button of the library to a playable asset, with a broken upload and a killed worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.web.browser import Watch, assert_accessible, screenshots, wait
from tests.web.server import Site, serving

from eddyline.pipeline.demo_clip import make_clip

NAME = "GX010077.MP4"
CHOOSER = "input[type=file]:not([webkitdirectory])"
PLAYING = "document.querySelector('#player video')?.readyState >= 2"


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with its own worker and an empty library."""
    with serving(tmp_path_factory.mktemp("flow") / "out", "--slots", "1") as running:
        yield running


@pytest.fixture
def visitor(browser: Any, workplace: Site) -> Iterator[Any]:
    """A page of the library with the worker."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=workplace.url)
    context.set_default_timeout(60_000)
    page = context.new_page()
    watch = Watch(page, workplace.url)
    page.on("dialog", lambda dialog: dialog.accept())  # the question before leaving during an upload
    yield page
    watch.assert_clean()
    context.close()


def test_a_broken_upload_is_resumed_and_a_killed_worker_repeats_only_its_job(
    visitor: Any, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / NAME, seconds=12, width=640, height=360)
    visitor.goto("/")
    visitor.locator("#add").click()
    visitor.wait_for_selector(".upload-panel[open]")
    _choose_and_break(visitor, clip)
    visitor.locator("#add").click()
    visitor.wait_for_selector(f".upload-unfinished >> text={NAME}")
    wait(visitor, "document.getElementById('upload-profile').value === 'fast'")  # kept by the browser
    assert_accessible(visitor)
    offsets: list[int] = []
    visitor.on("request", lambda request: offsets.extend(_offset(request)))
    visitor.set_input_files(CHOOSER, str(clip))
    visitor.wait_for_selector(".upload-done >> text=Done (1)")
    assert offsets[0] > 0, "the upload began again"
    visitor.get_by_role("button", name="Close").click()
    card = visitor.locator(".asset", has_text=NAME)
    card.wait_for()
    asset = card.get_attribute("data-asset")
    percents = _watch_until_encoding(visitor, asset)
    assert percents == sorted(percents)
    visitor.goto(f"/assets/{asset}")
    assert visitor.locator("#unfinished .reason").inner_text()
    assert_accessible(visitor)
    _pull_the_plug(visitor, asset)
    screenshots(visitor, "asset-plug", schemes=False)
    visitor.get_by_role("link", name="Watch it").click()
    wait(visitor, PLAYING)
    redone = visitor.context.request.get(f"/api/v1/assets/{asset}/redone").json()
    assert 1 <= redone["jobs"] <= len(redone["starts"]) <= 3


def _choose_and_break(page: Any, clip: Path) -> None:
    """Upload over a slow line, and load the page again when a part was sent."""
    slow = page.context.new_cdp_session(page)
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1}
    slow.send("Network.enable")
    slow.send("Network.emulateNetworkConditions", {**limits, "uploadThroughput": clip.stat().st_size / 8})
    page.locator("#upload-profile").select_option("fast")
    page.set_input_files(CHOOSER, str(clip))
    overall = "document.querySelector('.upload-overall')"
    wait(page, f"!{overall}.hidden && {overall}.querySelector('progress').value > 0.3")
    page.reload()
    slow.send("Network.emulateNetworkConditions", {**limits, "uploadThroughput": -1})
    slow.detach()
    offset = "fetch('/api/v1/uploads').then((r) => r.json()).then((all) => all[0]?.offset ?? 0)"
    wait(page, f"({offset}).then((offset) => offset > 0 && offset < {clip.stat().st_size})")


def _offset(request: Any) -> list[int]:
    return [int(request.headers["upload-offset"])] if request.method == "PATCH" else []


def _watch_until_encoding(page: Any, asset: str) -> list[float]:
    """The progress that the card showed until the encoding had begun."""
    bar = f"document.querySelector('[data-asset=\"{asset}\"] progress')"
    page.evaluate(f"""(() => {{ globalThis.percents = [];
      new MutationObserver(() => {{ const bar = {bar}; if (bar) percents.push(bar.value); }})
        .observe(document.getElementById('cards'), {{ subtree: true, childList: true, attributes: true }});
    }})()""")
    wait(page, f"{bar}?.value > 0", timeout_s=60)
    return list(page.evaluate("percents"))


def _pull_the_plug(page: Any, asset: str) -> None:
    """Kill the worker by the button while it runs a job, and wait until the asset is ready."""
    busy = f"""fetch('/api/v1/assets/{asset}/jobs').then((r) => r.text())
      .then((text) => text.includes('running'))"""
    wait(page, busy)
    page.get_by_role("button", name="Kill the worker now").click()
    page.wait_for_selector("#redone:not([hidden]) tbody tr", timeout=60_000)
    assert "and nothing else" in page.locator("#plug-state").inner_text()
    page.get_by_role("link", name="Watch it").wait_for(timeout=120_000)
