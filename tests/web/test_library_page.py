"""The library page: search, filters, the storyboard, live progress, keyboard, weight."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, insert
from tests.waiting import wait_until
from tests.web.browser import assert_accessible, screenshots, wait
from tests.web.library import PLAIN, RIDE, asset_of
from tests.web.server import Site

from eddyline.graph.db.library_schema import assets
from eddyline.graph.ledger.catalogue import events
from eddyline.graph.ledger.ledger import Ledger

LIVE = "0123456789abcdef"
_PAGE_BYTES = 100_000
_INTERACTIVE_MS = 1000
_LOADS = 8


@pytest.fixture
def ledger(site: Site) -> Iterator[Ledger]:
    """The ledger of the running server, for changes as other processes make them."""
    ledger = Ledger.open(site.out / ".eddyline" / "ledger.sqlite")
    yield ledger
    ledger.write(lambda c: c.execute(delete(assets).where(assets.c.asset == LIVE)))
    ledger.close()


def _names(page: Any) -> list[str]:
    return [each.strip() for each in page.locator(".asset h2").all_inner_texts()]


def _add(ledger: Ledger, **values: Any) -> None:
    row = {
        "asset": LIVE, "owner": "", "name": "GX010042.MP4", "state": "processing", "created": time.time(),
        "updated": time.time(), "profile": "default", "source": "/card/GX010042.MP4", "progress": 0.0,
        **values,
    }  # fmt: skip
    ledger.write(lambda c: c.execute(insert(assets), row))


def _event(ledger: Ledger, kind: str, **body: Any) -> None:
    ledger.write(lambda c: events.append(c, kind=kind, owner="", asset=LIVE, body=body, now=time.time()))


def test_the_library_shows_posters_and_is_accessible(page: Any) -> None:
    page.goto("/")
    assert {RIDE, PLAIN} <= set(_names(page))
    wait(page, "[...document.querySelectorAll('.poster img')].every((image) => image.naturalWidth > 0)")
    assert_accessible(page)
    screenshots(page, "library")


def test_search_and_filters_are_in_the_address(page: Any) -> None:
    page.goto("/")
    page.keyboard.press("/")
    page.keyboard.type("ride")
    wait(page, "document.querySelectorAll('.asset').length === 1")
    assert _names(page) == [RIDE]
    assert page.url.endswith("/?q=ride")
    page.reload()
    assert _names(page) == [RIDE]
    assert page.get_by_role("searchbox").input_value() == "ride"
    page.get_by_role("searchbox").fill("no such recording")
    wait(page, "!document.getElementById('nothing').hidden")
    page.get_by_role("searchbox").fill("")
    wait(page, "document.querySelectorAll('.asset').length >= 2")
    page.locator(".states label", has_text="Failed").click()
    wait(page, "location.search === '?state=failed'")
    page.go_back()
    wait(page, "document.querySelectorAll('.asset').length >= 2")


def test_the_storyboard_shows_the_moment_under_the_pointer(page: Any, site: Site) -> None:
    page.goto("/")
    poster = page.locator(f".poster[href='/assets/{asset_of(site.out, RIDE)}']")
    box = poster.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + 20)
    wait(page, "document.querySelector('.scrub')?.style.backgroundSize")
    first = page.evaluate("document.querySelector('.scrub').style.backgroundPosition")
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 20)
    wait(page, f"document.querySelector('.scrub').style.backgroundPosition !== '{first}'")
    page.mouse.move(1, 1)
    wait(page, "!document.querySelector('.scrub')")


def test_progress_is_live_and_never_goes_back(page: Any, ledger: Ledger) -> None:
    page.goto("/")
    _add(ledger)
    _event(ledger, "asset.created", name="GX010042.MP4")
    card = f"document.querySelector('[data-asset=\"{LIVE}\"]')"
    wait(page, f"{card} !== null")

    def shows(reason: str, fraction: float, text: str) -> bool:
        """Whether the page shows an event. Those of the server, of an asset without jobs, may follow it."""
        values = {"fraction": fraction, "stage": "encode", "eta_s": 95, "reason": reason}
        _event(ledger, "asset.progress", **values)
        page.wait_for_timeout(200)
        return text in page.evaluate(f"{card}.querySelector('.reason').textContent")

    wait_until(lambda: shows("encoding, 2 of 5 chunks done", 0.4, "ncoding, 2 of 5 chunks done · 2 min left"))
    assert page.evaluate(f"{card}.querySelector('progress').value") == 40
    wait_until(lambda: shows("queued behind 4 jobs", 0.2, "queued behind 4 jobs"))
    assert page.evaluate(f"{card}.querySelector('progress').value") == 40
    screenshots(page, "library-processing", schemes=False)
    failure = {
        "error": "InputError",
        "message": "the index is missing",
        "remedy": "copy it again",
        "job": "x",
    }
    ledger.write(
        lambda c: c.execute(
            assets.update().where(assets.c.asset == LIVE).values(state="failed", failure=json.dumps(failure))
        )
    )
    _event(ledger, "asset.failed", **failure)
    wait(page, f"{card}.dataset.state === 'failed'")
    text = page.locator(f"[data-asset='{LIVE}']").inner_text()
    assert "he index is missing" in text
    assert "copy it again" in text
    assert page.get_by_role("button", name="Retry GX010042.MP4").is_visible()
    assert_accessible(page)
    screenshots(page, "library-failed")


def test_arrow_keys_walk_the_grid_and_enter_opens_an_asset(page: Any) -> None:
    page.goto("/")
    page.locator(".poster").first.focus()
    names = _names(page)
    page.keyboard.press("ArrowRight")
    focused = page.evaluate("document.activeElement.closest('.asset').querySelector('h2').textContent.trim()")
    assert focused == names[1]
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_url("**/assets/*")


def test_the_page_is_small_and_interactive_within_a_second(page: Any) -> None:
    sizes: dict[str, int] = {}
    page.on("response", lambda r: sizes.update({r.url: len(r.body())}) if _counts(r) else None)
    page.goto("/", wait_until="load")
    total = sum(sizes.values())
    assert total <= _PAGE_BYTES, f"{total} bytes: {sizes}"
    # Modules are executed before this event. The best of several loads: other tests use the processor too.
    interactive: list[float] = []
    while len(interactive) < _LOADS and min(interactive, default=_INTERACTIVE_MS) >= _INTERACTIVE_MS:
        page.reload(wait_until="load")
        interactive.append(
            page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
        )
    assert min(interactive) < _INTERACTIVE_MS, f"interactive after {interactive} ms"


def _counts(response: Any) -> bool:
    return response.request.resource_type in {"document", "script", "stylesheet", "other"} and (
        "/api/" not in response.url
    )
