"""The upload panel in Chromium: fingerprints, resumed uploads, a thousand files, accessibility."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.shared_files import SAMPLES
from tests.unit.web.live_server import serving
from tests.unit.web.tus_client import VIDEO
from tests.unit.web.web_app import open_services
from tests.waiting import wait_until

from eddyline.core.background_tasks import run_tasks
from eddyline.pipeline.demo_clip import make_clip
from eddyline.pipeline.submission.submit import fingerprint_source
from eddyline.store.ranges import FileRanges
from eddyline.web.services import Services
from eddyline.web.upload_services import open_uploads, upload_tasks

pytestmark = pytest.mark.slow
FILES = "input[type=file]:not([webkitdirectory])"
MIB = 1024 * 1024


@dataclass(frozen=True)
class Site:
    url: str
    services: Services


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    services = open_services(tmp_path_factory.mktemp("library"))
    with serving(services) as server, run_tasks(upload_tasks(services)):
        yield Site(f"http://127.0.0.1:{server.port}", services)
    services.ledger.close()


@pytest.fixture
def page(browser: Any, site: Site) -> Iterator[Any]:
    """A page with the open panel; fails on errors of the page and on requests to other hosts."""
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "request", lambda request: problems.extend([request.url] * (not request.url.startswith(site.url)))
    )
    page.on("dialog", lambda dialog: dialog.accept())
    open_panel(page, site)
    yield page
    context.close()
    assert not problems


def open_panel(page: Any, site: Site) -> None:
    page.goto(f"{site.url}/upload")
    page.wait_for_selector(".upload-panel[open]")


def text(page: Any, part: str) -> str:
    return str(page.inner_text(f".upload-{part}")) if page.is_visible(f".upload-{part}") else ""


def wait_in(page: Any, condition: Callable[[], object]) -> None:
    """Wait for what the handlers of a page record: Playwright calls them while it is called itself."""
    wait_until(lambda: page.evaluate("0") or condition())


def recording(path: Path, size: int, seed: int) -> bytes:
    data = VIDEO + random.Random(seed).randbytes(size)
    path.write_bytes(data)
    return data


def uploaded(site: Site, name: str) -> Any:
    return next(each for each in open_uploads(site.services).listed("") if each.name == name)


def fingerprint_in_page(page: Any, path: Path) -> str:
    page.evaluate("document.getElementById('probe')?.remove()")
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('input'), {type: 'file', id: 'probe'}))"
    )
    page.set_input_files("#probe", str(path))
    script = """async () => (await import('/static/upload/fingerprint.js'))
        .fingerprint(document.getElementById('probe').files[0])"""
    return str(page.evaluate(script))


def fingerprint_here(path: Path) -> str:
    with FileRanges(path) as src:
        return fingerprint_source(src)


def boxes(*parts: tuple[bytes, bytes]) -> bytes:
    return b"".join((8 + len(body)).to_bytes(4, "big") + kind + body for kind, body in parts)


def test_the_page_computes_the_fingerprints_of_the_pipeline(page: Any, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    make_clip(clip, seconds=1, width=64, height=64)
    whole = clip.read_bytes()
    files = {
        "clip.mp4": whole,
        "truncated.mp4": whole[: len(whole) // 2],
        "small.mkv": b"\x1aE\xdf\xa3" + bytes(100),
        "block.bin": bytes(range(256)) * 256,
        "block-and-one.bin": bytes(range(256)) * 256 + b"x",
        "many-blocks.bin": random.Random(1).randbytes(17 * 65536 + 3),
        "large.bin": random.Random(2).randbytes(3 * MIB + 77),
        "no-index.mp4": boxes((b"ftyp", b"mp42"), (b"mdat", bytes(500_000))),
    }
    for name, data in files.items():
        path = tmp_path / name
        path.write_bytes(data)
        assert fingerprint_in_page(page, path) == fingerprint_here(path), name


def test_the_page_computes_the_fingerprints_of_camera_files(page: Any) -> None:
    samples = sorted(SAMPLES.rglob("*.[mM][pPoO][4vV]"), key=lambda path: path.stat().st_size)[:25]
    if not samples:
        pytest.skip(f"no camera files in {SAMPLES}: set EDDYLINE_SAMPLES to their directory")
    wrong = [each.name for each in samples if fingerprint_in_page(page, each) != fingerprint_here(each)]
    assert not wrong


def test_chosen_files_become_assets_and_are_recognised_later(page: Any, site: Site, tmp_path: Path) -> None:
    data = recording(tmp_path / "GX010001.MP4", 3 * MIB, 1)
    (tmp_path / "notes.txt").write_text("not video")
    (tmp_path / "image.mp4").write_bytes(b"\xff\xd8\xff" + bytes(1000))
    names = ("GX010001.MP4", "notes.txt", "image.mp4")
    page.set_input_files(FILES, [str(tmp_path / name) for name in names])
    wait_until(lambda: "Done (1)" in text(page, "done"))
    assert "still image" in text(page, "problems")
    assert "1 file that is not video" in text(page, "skipped")
    page.click(".upload-done summary")
    wait_until(lambda: "in your library" in text(page, "done"))
    upload = uploaded(site, "GX010001.MP4")
    assert upload.sha256 == hashlib.sha256(data).hexdigest()
    assert page.get_attribute(".upload-done a", "href") == f"/assets/{upload.asset}"


def test_an_upload_continues_after_the_page_was_closed(page: Any, site: Site, tmp_path: Path) -> None:
    data = recording(tmp_path / "GX010002.MP4", 40 * MIB, 2)
    held: list[Any] = []

    def hold_second_part(route: Any) -> None:
        """The first part of 32 MiB arrives; the network is lost before the second."""
        if route.request.method == "PATCH" and route.request.headers["upload-offset"] != "0":
            held.append(route)
        else:
            route.continue_()

    page.route("**/api/v1/uploads/*", hold_second_part)
    page.set_input_files(FILES, str(tmp_path / "GX010002.MP4"))
    wait_in(page, lambda: held)
    assert uploaded(site, "GX010002.MP4").offset == 32 * MIB
    open_panel(page, site)
    page.unroute_all(behavior="ignoreErrors")
    wait_until(lambda: "GX010002.MP4" in text(page, "unfinished"))
    assert "34 MB of 42 MB received" in text(page, "unfinished")
    offsets: list[str] = []

    def note(request: Any) -> None:
        if request.method == "PATCH":
            offsets.append(request.headers["upload-offset"])

    page.on("request", note)
    page.set_input_files(FILES, str(tmp_path / "GX010002.MP4"))
    wait_until(lambda: "Done (1)" in text(page, "done"))
    assert offsets == [str(32 * MIB)]
    wait_until(lambda: text(page, "unfinished") == "")
    wait_until(lambda: uploaded(site, "GX010002.MP4").sha256 == hashlib.sha256(data).hexdigest())


def test_a_lost_network_is_retried_without_the_user(page: Any, tmp_path: Path) -> None:
    recording(tmp_path / "GX010003.MP4", 2 * MIB, 3)
    failures: list[str] = []

    def fail_twice(route: Any) -> None:
        if len(failures) < 2 and route.request.method == "PATCH":
            failures.append(route.request.url)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/api/v1/uploads/*", fail_twice)
    page.set_input_files(FILES, str(tmp_path / "GX010003.MP4"))
    wait_until(lambda: "Done (1)" in text(page, "done"))
    assert len(failures) == 2


def test_chapters_are_one_recording(page: Any, site: Site, tmp_path: Path) -> None:
    for chapter in (1, 2):
        recording(tmp_path / f"GX0{chapter}0042.MP4", MIB, 40 + chapter)
    page.set_input_files(FILES, [str(tmp_path / f"GX0{chapter}0042.MP4") for chapter in (2, 1)])
    wait_until(lambda: "Done (1)" in text(page, "done"))
    page.click(".upload-done summary")
    wait_until(lambda: "2 chapters" in text(page, "done"))
    first, second = uploaded(site, "GX010042.MP4"), uploaded(site, "GX020042.MP4")
    assert first.recording == second.recording != ""
    assert (first.part, second.part, first.parts) == (0, 1, 2)


def test_an_upload_can_be_paused_continued_and_cancelled(page: Any, site: Site, tmp_path: Path) -> None:
    recording(tmp_path / "GX010004.MP4", 40 * MIB, 4)
    held: list[Any] = []

    def hold(route: Any) -> None:
        if route.request.method == "PATCH":
            held.append(route)
        else:
            route.continue_()

    page.route("**/api/v1/uploads/*", hold)
    page.set_input_files(FILES, str(tmp_path / "GX010004.MP4"))
    wait_in(page, lambda: held)
    page.click("text=Pause >> nth=-1")
    wait_until(lambda: "paused" in text(page, "active"))
    page.click("[aria-label='Continue GX010004.MP4']")
    wait_in(page, lambda: len(held) == 2)
    page.click("[aria-label='Cancel GX010004.MP4']")
    wait_until(lambda: all(each.name != "GX010004.MP4" for each in open_uploads(site.services).listed("")))
    wait_until(lambda: text(page, "active") == "")
    page.unroute_all(behavior="ignoreErrors")


def test_a_thousand_files_keep_the_page_small_and_responsive(page: Any) -> None:
    """Three at a time, one broken file among them; the panel has a bounded number of elements."""
    running: list[int] = []
    script = """async () => {
        const transfer = new DataTransfer();
        const head = new Uint8Array([0, 0, 0, 24, 102, 116, 121, 112, 109, 112, 52, 50]);
        for (let n = 0; n < 1000; n += 1) {
          const first = n === 3 ? new Uint8Array([255, 216, 255, 0]) : head;
          transfer.items.add(new File([first, `clip ${n}`], `clip-${String(n).padStart(4, "0")}.mp4`));
        }
        globalThis.longest = 0;
        let last = performance.now();
        setInterval(() => {
          const now = performance.now();
          globalThis.longest = Math.max(globalThis.longest, now - last - 20);
          last = now;
        }, 20);
        await (await import('/static/upload/panel.js')).openPanel(transfer);
    }"""
    page.evaluate(script)
    count = "document.querySelectorAll('.upload-active li').length"

    def reached(condition: Callable[[], object]) -> bool:
        running.append(page.evaluate(count))
        return bool(condition())

    wait_until(lambda: reached(lambda: "clip-0003" in text(page, "problems")), timeout_s=60)
    wait_until(lambda: reached(lambda: int(done_count(page)) > 25), timeout_s=60)
    assert max(running) <= 3
    assert "still image" in text(page, "problems")
    assert page.evaluate("document.querySelectorAll('.upload-panel *').length") < 400
    page.click(".upload-waiting summary")
    wait_until(lambda: "more" in text(page, "waiting"))
    assert page.evaluate("document.querySelectorAll('.upload-panel *').length") < 900
    assert page.evaluate("globalThis.longest") < 1000


def done_count(page: Any) -> str:
    return text(page, "done").partition("(")[2].partition(")")[0] or "0"


def test_the_panel_is_accessible_and_works_by_keyboard(page: Any, tmp_path: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    recording(tmp_path / "GX010005.MP4", MIB, 5)
    page.set_input_files(FILES, str(tmp_path / "GX010005.MP4"))
    wait_until(lambda: "Done (1)" in text(page, "done"))
    violations = axe.Axe().run(page).response["violations"]
    assert [each["id"] for each in violations if each["impact"] in {"serious", "critical"}] == []
    page.keyboard.press("Escape")
    assert not page.is_visible(".upload-panel")
    page.focus("#open-uploads")
    page.keyboard.press("Enter")
    page.wait_for_selector(".upload-panel[open]")
    with page.expect_file_chooser() as chooser:
        page.focus("text=Choose files")
        page.keyboard.press("Enter")
    assert chooser.value.is_multiple()
