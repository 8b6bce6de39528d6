"""The pages of jobs, webhooks and the account of a server without tokens."""

from __future__ import annotations

from typing import Any

from tests.waiting import wait_until
from tests.web.browser import assert_accessible, screenshots, wait
from tests.web.library import RIDE, asset_of
from tests.web.server import Site

NOTE = "document.getElementById('chunk-note').textContent"


def test_the_overview_of_jobs_draws_and_is_accessible(page: Any) -> None:
    page.goto("/jobs")
    wait(page, "document.querySelector('#failed').getAttribute('aria-busy') !== 'true'")
    assert page.locator("#none-failed").is_visible()
    assert page.locator("#problem").is_hidden()
    assert_accessible(page)
    screenshots(page, "jobs")


def test_the_chunks_of_an_asset_are_walked_by_keyboard(page: Any, site: Site) -> None:
    page.goto(f"/assets/{asset_of(site.out, RIDE)}/jobs")
    strip = page.locator("#chunks")
    strip.wait_for(state="visible")
    painted = """(() => { const canvas = document.getElementById('chunks');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size; })()"""
    assert page.evaluate(painted) > 1
    assert page.locator("#totals").inner_text().endswith("0 starts interrupted, 0 jobs done again.")
    assert page.locator("#rows tr").count() >= 8
    assert_accessible(page)
    screenshots(page, "jobs-of-asset")
    strip.focus()
    notes = []
    for key in ("Home", "ArrowRight", "ArrowRight", "End", "ArrowLeft"):
        page.keyboard.press(key)
        notes.append(page.evaluate(NOTE))
    assert len(set(notes)) >= 3, notes
    assert all(notes)
    assert notes[0] != notes[1]
    page.keyboard.press("Enter")
    page.wait_for_selector("#job-dialog[open]")
    wait(page, "document.getElementById('job-body').childElementCount > 0")
    assert "chunk" in page.locator("#job-title").inner_text()
    assert_accessible(page)
    page.keyboard.press("Escape")
    assert page.locator("#job-dialog").is_hidden()
    assert page.evaluate("document.activeElement.id") == "chunks"


def test_a_webhook_is_added_disabled_and_deleted(page: Any) -> None:
    page.goto("/webhooks")
    page.wait_for_selector("#empty:not([hidden])")
    page.get_by_role("button", name="Add a webhook").click()
    page.get_by_label("URL").fill("ftp://hooks.example.com/eddyline")
    page.watch.allowed.append("status of 4")
    page.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_selector("#form-problem:not([hidden])")
    assert_accessible(page)
    page.get_by_label("URL").fill("https://hooks.example.com/eddyline")
    page.get_by_role("button", name="Add", exact=True).click()
    page.wait_for_selector("#secret:not([hidden])")
    assert page.locator("#secret-value").inner_text().startswith("whsec_")
    card = page.locator("#webhooks > li")
    card.wait_for()
    assert "asset.ready" in card.locator(".kinds").inner_text()
    card.locator("summary").click()
    page.wait_for_selector("#webhooks .none:not([hidden])")
    assert_accessible(page)
    screenshots(page, "webhooks")
    card.get_by_role("button", name="Disable").click()
    card.get_by_role("button", name="Enable").wait_for()
    assert "Disabled" in card.locator(".disabled").inner_text()
    card.get_by_role("button", name="Enable").click()
    card.get_by_role("button", name="Disable").wait_for()
    page.once("dialog", lambda dialog: dialog.dismiss())
    card.get_by_role("button", name="Delete").click()
    assert card.count() == 1
    page.once("dialog", lambda dialog: dialog.accept())
    card.get_by_role("button", name="Delete").click()
    page.wait_for_selector("#empty:not([hidden])")
    wait_until(lambda: card.count() == 0)


def test_the_account_page_of_a_server_without_tokens_is_accessible(page: Any) -> None:
    page.goto("/account")
    page.wait_for_selector("#tokens tbody tr >> text=No tokens")
    assert_accessible(page)
    screenshots(page, "account")
