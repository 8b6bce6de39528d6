from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from tests.unit.web.catalogue_rows import ASSET, add_asset
from tests.unit.web.web_app import client_of, open_services

from eddyline.web.pages.media import download_name


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    services = open_services(tmp_path_factory.mktemp("media"))
    add_asset(services, name="Sunday ride.MP4")
    services.store.put_bytes(f"assets/{ASSET}/stream/main.m3u8", b"#EXTM3U\n")
    services.store.put_bytes(f"assets/{ASSET}/renditions/1080p.mp4", bytes(range(256)))
    services.store.put_bytes("secret.txt", b"not part of an asset")
    with client_of(services) as client:
        yield client
    services.ledger.close()


def test_a_file_is_served_with_its_type_and_may_not_run_as_a_document(client: TestClient) -> None:
    response = client.get(f"/media/{ASSET}/stream/main.m3u8")
    assert (response.status_code, response.content) == (200, b"#EXTM3U\n")
    assert response.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"] == "sandbox"
    assert "content-disposition" not in response.headers


def test_a_download_has_the_name_of_the_asset(client: TestClient) -> None:
    response = client.get(f"/media/{ASSET}/renditions/1080p.mp4?download=1")
    assert response.headers["content-disposition"] == (
        "attachment; filename=\"Sunday_ride-1080p.mp4\"; filename*=UTF-8''Sunday%20ride-1080p.mp4"
    )
    assert download_name("", "stream/main.m3u8") == "main.m3u8"


@pytest.mark.parametrize(
    "path",
    [
        "absent.mp4",
        "renditions",  # a directory
        "../../secret.txt",
        "%2e%2e/%2e%2e/secret.txt",
        "..%2f..%2fsecret.txt",
        "%2fetc%2fpasswd",
        ".hidden",
        "renditions/1080p.mp4/x",
        "a\x00b",
    ],
)
def test_what_is_not_a_file_of_the_asset_is_not_found(client: TestClient, path: str) -> None:
    response = client.get(f"/media/{ASSET}/{path}".replace("\x00", "%00"))
    assert response.status_code == 404
    assert b"not part of an asset" not in response.content


@pytest.mark.parametrize("asset", ["fedcba9876543210", "..", "0123456789ABCDEF", "x" * 500])
def test_an_asset_that_is_not_in_the_catalogue_is_not_found(client: TestClient, asset: str) -> None:
    assert client.get(f"/media/{asset}/manifest.json").status_code == 404


def test_the_headers_alone_can_be_requested(client: TestClient) -> None:
    response = client.head(f"/media/{ASSET}/renditions/1080p.mp4", headers={"Range": "bytes=0-9"})
    assert (response.status_code, response.content) == (206, b"")
    assert response.headers["content-length"] == "10"
    assert response.headers["content-range"] == "bytes 0-9/256"
