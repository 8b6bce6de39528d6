from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.unit.web.catalogue_rows import ASSET, add_asset
from tests.unit.web.published_asset import FILES, publish
from tests.unit.web.web_app import client_of, open_services

from eddyline.core.clock import ManualClock
from eddyline.library.shares import NewShare, Shares
from eddyline.web.services import Services

SEGMENT = "stream/720p/00001.m4s"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    opened = open_services(tmp_path, local=False)
    publish(opened)
    yield opened
    opened.ledger.close()


@pytest.fixture
def client(services: Services) -> TestClient:
    return client_of(services)


def share(services: Services, **options: bool) -> NewShare:
    expires = services.clock.now() + 3600
    return Shares(services.ledger).create(asset=ASSET, owner="ann", expires=expires, **options)


def test_a_stranger_gets_the_page_and_the_files_of_the_player(services: Services, client: TestClient) -> None:
    link = f"/s/{share(services).secret}"
    page = client.get(link)
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-robots-tag"].startswith("noindex")
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "GX010001.MP4" in page.text
    assert f"{link}/files/stream/manifest.mpd" in page.text
    for path in ("stream/manifest.mpd", SEGMENT, "subtitles/1.vtt", "pictures/poster.jpg"):
        response = client.get(f"{link}/files/{path}")
        assert (response.status_code, response.content) == (200, FILES[path])
        assert response.headers["content-security-policy"] == "sandbox"
        assert response.headers["cache-control"] == "private, no-cache"
        assert response.headers["x-robots-tag"].startswith("noindex")
    part = client.get(f"{link}/files/{SEGMENT}", headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, b"egm")


def test_a_stranger_gets_no_other_file_and_no_other_route(services: Services, client: TestClient) -> None:
    link = f"/s/{share(services).secret}"
    for path in (
        "manifest.json", "index.html", "telemetry/payloads.gpmf", "telemetry/track.gpx",
        "renditions/720p.mp4",
        "../0123456789abcdef/manifest.json", "..%2fmanifest.json", "%2e%2e/%2e%2e/.eddyline/ledger.sqlite",
        "absent",
    ):  # fmt: skip
        assert client.get(f"{link}/files/{path}").status_code == 404, path
    for path in ("/", f"/media/{ASSET}/{SEGMENT}", f"/api/v1/assets/{ASSET}/shares", "/api/v1/tokens"):
        assert client.get(path).status_code in {401, 404}


@pytest.mark.parametrize("end", ["expired", "revoked"])
def test_the_link_is_checked_for_every_segment(services: Services, client: TestClient, end: str) -> None:
    created = share(services)
    paths = [f"/s/{created.secret}", *(f"/s/{created.secret}/files/{path}" for path in FILES)]
    tag = client.get(paths[0] + f"/files/{SEGMENT}").headers["etag"]
    if end == "expired":
        assert isinstance(services.clock, ManualClock)
        services.clock.advance(3600)
    else:
        Shares(services.ledger).revoke(created.share.id)
    absent = client.get(f"/s/{'a' * 22}")
    for path in paths:
        response = client.get(path, headers={"If-None-Match": tag, "Range": "bytes=0-1"})
        assert (response.status_code, response.content) == (404, absent.content)


def test_downloads_and_location_are_shown_if_the_link_has_them(
    services: Services, client: TestClient
) -> None:
    link = f"/s/{share(services, location=True, downloads=True).secret}"
    page = client.get(link).text
    assert f"{link}/files/renditions/720p.mp4?download=true" in page
    assert f"{link}/files/telemetry/track.gpx" in page
    saved = client.get(f"{link}/files/renditions/720p.mp4?download=true")
    assert saved.content == b"rendition"
    assert saved.headers["content-disposition"].startswith("attachment")
    assert client.get(f"{link}/files/telemetry/track.gpx").status_code == 200
    assert client.get(f"{link}/files/telemetry/payloads.gpmf").status_code == 404


@pytest.mark.parametrize(
    "path", ["subtitles/1.vtt", "stream/subtitles-1/00001.m4s", "stream/chapters.json", "stream/master.m3u8"]
)
def test_a_text_with_coordinates_is_not_served_without_location(
    services: Services, client: TestClient, path: str
) -> None:
    text = b"WEBVTT\n\n00:00.000 --> 00:01.000\nGPS(8.5417,47.3769,19) BAROMETER:1.0\n"
    publish(services, asset="f" * 16, files={path: text})
    shares = Shares(services.ledger)
    for location, status in ((False, 404), (True, 200)):
        secret = shares.create(asset="f" * 16, owner="ann", location=location).secret
        assert client.get(f"/s/{secret}/files/{path}").status_code == status


def test_a_link_of_an_unpublished_asset_shows_nothing(services: Services, client: TestClient) -> None:
    secret = share(services).secret
    services.store.delete("assets/" + ASSET)
    assert client.get(f"/s/{secret}").status_code == 404


def test_wrong_links_are_limited_as_wrong_tokens(services: Services, client: TestClient) -> None:
    valid = share(services).secret
    statuses = {client.get(f"/s/{number:022}").status_code for number in range(25)}
    assert statuses == {404, 429}
    assert client.get(f"/s/{valid}").status_code == 200


def test_the_page_escapes_the_name(services: Services, client: TestClient) -> None:
    add_asset(services, "e" * 16, owner="ann", name="\"><script>alert('x')</script>")
    services.store.put_bytes("assets/" + "e" * 16 + "/manifest.json", b"{}")
    secret = Shares(services.ledger).create(asset="e" * 16, owner="ann").secret
    page = client.get(f"/s/{secret}").text
    assert "<script>alert" not in page
    assert page.count("<script") == 1
