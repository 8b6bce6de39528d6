"""Static files and pages: compression, revalidation, and what is left uncompressed."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from eddyline.web.static_files import CompressedFiles, CompressPages, accepts_gzip

SCRIPT = "export const answer = 42;\n" * 500


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    (tmp_path / "vendor").mkdir()
    for name in ("app.js", "vendor/player.js", "picture.png"):
        (tmp_path / name).write_text(SCRIPT, "utf-8")
    app = FastAPI()

    @app.get("/page")
    @app.get("/media/asset/playlist.m3u8")
    @app.get("/s/secret/files/x")
    def page() -> HTMLResponse:
        return HTMLResponse("<p>text</p>" * 1000)

    app.mount("/static", CompressedFiles(directory=tmp_path))
    app.add_middleware(CompressPages)
    return TestClient(app)


def test_a_script_is_sent_in_gzip_and_equals_the_file(client: TestClient) -> None:
    response = client.get("/static/app.js", headers={"accept-encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert int(response.headers["content-length"]) < len(SCRIPT) / 5
    assert response.text == SCRIPT
    assert response.headers["vary"] == "accept-encoding"
    assert response.headers["content-type"].startswith("text/javascript")


def test_a_client_without_gzip_gets_the_file_with_another_tag(client: TestClient) -> None:
    plain = client.get("/static/app.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == SCRIPT
    compressed = client.get("/static/app.js", headers={"accept-encoding": "gzip"})
    assert plain.headers["etag"] != compressed.headers["etag"]


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_an_unchanged_file_is_not_sent_again(client: TestClient, encoding: str) -> None:
    headers = {"accept-encoding": encoding}
    tag = client.get("/static/app.js", headers=headers).headers["etag"]
    again = client.get("/static/app.js", headers={**headers, "if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag


def test_a_changed_file_is_sent_at_once(client: TestClient, tmp_path: Path) -> None:
    headers = {"accept-encoding": "gzip"}
    tag = client.get("/static/app.js", headers=headers).headers["etag"]
    (tmp_path / "app.js").write_text("changed", "utf-8")
    again = client.get("/static/app.js", headers={**headers, "if-none-match": tag})
    assert (again.status_code, again.text) == (200, "changed")


def test_own_files_are_revalidated_and_packages_kept_for_a_day(client: TestClient) -> None:
    assert client.get("/static/app.js").headers["cache-control"] == "no-cache"
    assert client.get("/static/vendor/player.js").headers["cache-control"] == "public, max-age=86400"


def test_pictures_are_not_compressed(client: TestClient) -> None:
    response = client.get("/static/picture.png", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in response.headers


def test_pages_are_compressed_and_files_of_assets_are_not(client: TestClient) -> None:
    headers = {"accept-encoding": "gzip"}
    assert client.get("/page", headers=headers).headers["content-encoding"] == "gzip"
    for path in ("/media/asset/playlist.m3u8", "/s/secret/files/x"):
        assert "content-encoding" not in client.get(path, headers=headers).headers


@pytest.mark.parametrize(
    ("value", "accepted"),
    [("gzip", True), ("br, GZIP;q=0.5", True), ("gzip;q=0", False), ("br", False), ("x-gzip", False)],
)
def test_the_header_of_accepted_encodings(value: str, accepted: bool) -> None:  # noqa: FBT001 - a parameter
    assert accepts_gzip(Headers({"accept-encoding": value})) is accepted
