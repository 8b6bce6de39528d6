from __future__ import annotations

from starlette.testclient import TestClient
from tests.unit.web.catalogue_rows import add_asset

from eddyline.web.services import Services


def test_an_empty_library_says_what_to_do(client: TestClient) -> None:
    text = client.get("/").text
    assert '<div id="empty" class="empty">' in text
    assert '<div id="nothing" class="empty" hidden>' in text


def test_the_page_lists_assets_and_escapes_their_names(services: Services, client: TestClient) -> None:
    add_asset(services, name="<script>alert(1)</script>", camera='"><b>')
    text = client.get("/").text
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert" not in text
    assert '"><b>' not in text


def test_further_pages_list_every_asset_once(services: Services, client: TestClient) -> None:
    names = [f"{number:016x}" for number in range(80)]
    for number, name in enumerate(names):
        add_asset(services, name, created=float(number), name=f"clip {number}")
    found = []
    url = "/library/cards"
    while url:
        text = client.get(url).text
        found += [part[:16] for part in text.split('data-asset="')[1:]]
        url = text.split('data-next="')[1].split('"')[0].replace("&amp;", "&")
    assert found == names[::-1]


def test_named_assets_are_rendered_only_where_they_match(services: Services, client: TestClient) -> None:
    ready = add_asset(services, "a" * 16, name="Ridge.MP4")
    failed = add_asset(services, "b" * 16, name="Ridge 2.MP4", state="failed")
    url = f"/library/cards?assets={ready},{failed},{'c' * 16},x"
    both = client.get(url).text
    assert ready in both
    assert failed in both
    only = client.get(f"{url}&state=failed&q=ridge").text
    assert ready not in only
    assert failed in only
    assert failed not in client.get(f"{url}&q=valley").text


def test_an_invalid_cursor_is_refused(client: TestClient) -> None:
    assert client.get("/library/cards?after=x").status_code == 400


def test_the_first_page_is_small(services: Services, client: TestClient) -> None:
    for number in range(60):
        values = {"camera": "HERO12 Black", "poster": "pictures/poster.jpg", "duration_s": 700.0}
        add_asset(services, f"{number:016x}", name=f"GX01{number:04}.MP4", created=float(number), **values)
    assert len(client.get("/").content) < 45_000
