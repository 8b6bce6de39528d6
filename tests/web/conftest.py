"""Fixtures of the browser tests: one library and server for all tests, and a watched page for each."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.web.browser import Watch
from tests.web.library import make_library
from tests.web.server import Site, serving


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All browser tests are slow: they start a server and a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def processed(tmp_path_factory: pytest.TempPathFactory, ffmpeg: str) -> Path:
    """The processed library (see `tests/web/library.py`), shared by all test processes; read-only."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base  # processes of pytest-xdist share it
    return make_library(shared / "web-library", ffmpeg)


@pytest.fixture(scope="session")
def library(processed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the processed library for this test process."""
    return Path(shutil.copytree(processed, tmp_path_factory.mktemp("site") / "out"))


@pytest.fixture(scope="session")
def site(library: Path) -> Iterator[Site]:
    """A real server on a free port, with two processed recordings. Tests may add to its library."""
    with serving(library) as running:
        yield running


@pytest.fixture
def watch(page: Any) -> Watch:
    """What the page did; a test may append to `watch.allowed`."""
    watch: Watch = page.watch
    return watch


@pytest.fixture
def page(browser: Any, site: Site) -> Iterator[Any]:
    """A page of a new browser context, relative to the site. Fails on errors and foreign requests."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=site.url)
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.watch = Watch(page, site.url)
    yield page
    page.watch.assert_clean()
    context.close()
