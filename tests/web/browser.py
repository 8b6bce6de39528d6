"""Helpers of the browser tests: launching Chromium, waiting, accessibility, screenshots."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.waiting import wait_until

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
_SERIOUS = {"serious", "critical"}
SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"


@contextmanager
def launched() -> Iterator[Any]:
    """Chromium of this machine, driven by Playwright. Skips the test where one of them is missing."""
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium on this machine")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(_OPTIONS))
        yield chromium
        chromium.close()


class Watch:
    """Records what a page must not do: console errors, uncaught errors, requests to other hosts.

    `allowed` are regular expressions of messages that a test expects.
    """

    def __init__(self, page: Any, origin: str) -> None:
        self.allowed: list[str] = []
        self._found: list[str] = []
        self._origin = origin
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self._found.append(f"uncaught: {error}"))
        page.on("request", self._on_request)

    def assert_clean(self) -> None:
        """Fail if anything was recorded that is not allowed."""
        found = [each for each in self._found if not any(re.search(one, each) for one in self.allowed)]
        assert not found, found

    def _on_console(self, message: Any) -> None:
        if message.type == "error":
            self._found.append(f"console: {message.text} ({(message.location or {}).get('url', '')})")

    def _on_request(self, request: Any) -> None:
        if not request.url.startswith((self._origin + "/", "data:", "blob:")):
            self._found.append(f"foreign request: {request.url}")


def wait(page: Any, expression: str, timeout_s: float = 30.0) -> float:
    """Wait until the expression is true in the page; its security policy forbids Playwright's own wait."""
    return wait_until(
        lambda: page.evaluate(expression), timeout_s=timeout_s, message=f"{expression} is false"
    )


def assert_accessible(page: Any) -> None:
    """Fail for each serious or critical violation that axe finds in the page."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    violations = axe.Axe().run(page).response["violations"]
    serious = [
        f"{each['id']}: {each['help']}: {node['html'][:200]}"
        for each in violations
        if each["impact"] in _SERIOUS
        for node in each["nodes"]
    ]
    assert not serious, serious


def screenshots(page: Any, name: str, *, schemes: bool = True) -> None:
    """Write the page to build/screenshots: as it is, and dark and 390 px wide. Then as before."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    size = page.viewport_size
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
    if schemes:
        page.emulate_media(color_scheme="dark")
        page.screenshot(path=SCREENSHOTS / f"{name}-dark.png", full_page=True)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 390, "height": 844})
        wait(page, "document.documentElement.scrollWidth <= 390")  # charts are drawn again
        page.screenshot(path=SCREENSHOTS / f"{name}-390.png", full_page=True)
        page.set_viewport_size(size)
