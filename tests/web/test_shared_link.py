"""A server with tokens: signing in, a share link for a stranger, and what a stranger is refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.unit.web.live_server import serving
from tests.unit.web.web_app import open_services
from tests.waiting import wait_until
from tests.web.browser import Watch, assert_accessible, wait
from tests.web.library import RIDE, asset_of

from eddyline.library.tokens import Tokens

VIDEO = "document.querySelector('#player video')"
_FREE_SEGMENTS = 3  # of two seconds each; later ones are held until the link is revoked


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """A server that requires a token, its administrator's secret, and the asset with a stream."""

    url: str
    secret: str
    asset: str


@pytest.fixture(scope="module")
def guarded(processed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    library = Path(shutil.copytree(processed, tmp_path_factory.mktemp("guarded") / "out"))
    services = open_services(library, local=False)
    created = Tokens(services.ledger).create(owner="", scope="admin", name="laptop")
    with serving(services) as server:
        url = f"http://127.0.0.1:{server.port}"
        yield Guarded(url=url, secret=created.secret, asset=asset_of(library, RIDE))
    services.ledger.close()


@pytest.fixture
def visitor(browser: Any, guarded: Guarded) -> Iterator[Any]:
    """A function that opens a page of a new browser context; all of them are watched."""
    contexts: list[Any] = []

    def open_page() -> Any:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=guarded.url)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.watch = Watch(page, guarded.url)
        page.watch.allowed.append("/session")  # the page for signing in asks whether there is one
        contexts.append(context)
        return page

    yield open_page
    for context in contexts:
        for page in context.pages:
            page.watch.assert_clean()
        context.close()


@pytest.fixture
def owner(visitor: Any, guarded: Guarded) -> Any:
    """The page of a visitor who signed in by the form; the library is open."""
    page = visitor()
    page.goto("/")
    assert page.url.startswith(f"{guarded.url}/login")
    assert_accessible(page)
    page.get_by_label("Access token").fill(guarded.secret)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{guarded.url}/")
    return page


def make_link(owner: Any, guarded: Guarded) -> str:
    """A new link, made in the dialog of the asset's page, which stays open."""
    owner.goto(f"/assets/{guarded.asset}")
    owner.locator("#share-open").click()
    owner.get_by_role("button", name="Create a link").click()
    owner.wait_for_selector("#share-made:not([hidden])")
    return str(owner.locator("#share-made input").input_value())


def test_a_stranger_plays_a_shared_asset_and_reaches_nothing_else(
    owner: Any, visitor: Any, guarded: Guarded
) -> None:
    link = make_link(owner, guarded)
    assert link.startswith(f"{guarded.url}/s/")
    wait(owner, "document.querySelectorAll('#share-list button').length === 1")
    listed = owner.locator("#share-list").inner_text()
    assert "until" in listed
    assert "Invalid" not in listed
    assert_accessible(owner)
    stranger = visitor()
    stranger.goto(link)
    wait(stranger, f"{VIDEO}?.readyState >= 2")
    stranger.evaluate(f"{VIDEO}.muted = true; {VIDEO}.play()")
    wait(stranger, f"{VIDEO}.currentTime > 0.5")
    assert_accessible(stranger)
    assert stranger.locator(".track").count() == 0
    get = stranger.context.request.get
    for path in ("/", f"/assets/{guarded.asset}"):
        answer = get(path, max_redirects=0, headers={"Accept": "text/html"})
        assert answer.status in {302, 303, 307}, path
        assert answer.headers["location"].startswith("/login"), path
    for path in (f"/media/{guarded.asset}/manifest.json", "/api/v1/assets"):
        assert get(path, max_redirects=0).status == 401, path
    assert get(f"{link}/files/manifest.json").status == 404
    assert owner.context.request.get(f"/media/{guarded.asset}/manifest.json").status == 200
    stranger.watch.assert_clean()
    stranger.close()  # its player would be refused the next segment
    owner.locator("#share-list button").first.click()
    wait(owner, "document.querySelectorAll('#share-list button').length === 0")


def test_a_revoked_link_stops_at_the_next_segment(owner: Any, visitor: Any, guarded: Guarded) -> None:
    link = make_link(owner, guarded)
    stranger = visitor()
    stranger.watch.allowed.append("404")
    held: list[Any] = []
    revoked: list[bool] = []

    def hold_later_segments(route: Any) -> None:
        number = int(route.request.url.rpartition("/")[2].partition(".")[0])
        if number > _FREE_SEGMENTS and not revoked:
            held.append(route)
        else:
            route.continue_()

    stranger.route("**/files/stream/**/*.m4s", hold_later_segments)
    stranger.goto(link)
    wait(stranger, f"{VIDEO}?.readyState >= 2")
    stranger.evaluate(f"{VIDEO}.muted = true; {VIDEO}.play()")
    wait_until(lambda: stranger.evaluate("0") or held)
    owner.locator("#share-list").get_by_role("button", name="Revoke").first.click()
    wait(owner, "document.querySelectorAll('#share-list button').length === 0")
    revoked.append(True)
    for route in held:
        route.continue_()
    stranger.wait_for_selector(".player-error:not([hidden])")
    ended = f"({VIDEO}.buffered.length ? {VIDEO}.buffered.end({VIDEO}.buffered.length - 1) : 0)"
    assert stranger.evaluate(ended) < 2.2 * _FREE_SEGMENTS
    assert "cannot be played" in stranger.locator(".player-error").inner_text()
    assert stranger.goto(link).status == 404


def test_tokens_and_links_are_made_and_revoked_in_the_account_page(owner: Any) -> None:
    owner.goto("/account")
    owner.wait_for_selector("#tokens tbody tr >> text=laptop")
    assert_accessible(owner)
    owner.get_by_label("Name").fill("ci")
    owner.get_by_role("button", name="Create token").click()
    owner.wait_for_selector("#created:not([hidden])")
    assert owner.locator("#secret").inner_text().startswith("edl_")
    owner.on("dialog", lambda dialog: dialog.accept())
    owner.get_by_role("button", name="Revoke ci").click()
    owner.locator("#tokens tr", has_text="ci").get_by_text("revoked").wait_for()
    assert_accessible(owner)
    owner.get_by_role("button", name="Sign out").click()
    owner.wait_for_url("**/login*")
    assert owner.context.request.get("/api/v1/assets").status == 401
