from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient
from tests.unit.web.catalogue_rows import ASSET, add_asset

from eddyline.web.services import Services


def test_the_page_of_a_failed_asset_says_why_and_offers_a_retry(
    services: Services, client: TestClient
) -> None:
    failure = {
        "error": "InputError",
        "message": "the index is missing",
        "remedy": "copy it again",
        "job": "x",
    }
    add_asset(services, state="failed", failure=json.dumps(failure))
    text = client.get(f"/assets/{ASSET}").text
    assert "the index is missing" in text
    assert "What to do: copy it again" in text
    assert 'data-action="retry"' in text
    assert 'id="plug"' not in text


def test_the_page_of_a_processing_asset_shows_progress_and_the_plug(
    services: Services, client: TestClient
) -> None:
    add_asset(services, state="processing", progress=0.37)
    text = client.get(f"/assets/{ASSET}").text
    assert 'value="37"' in text
    assert 'id="plug"' in text
    assert 'data-action="cancel"' in text


def test_the_page_of_a_processing_asset_has_a_place_for_its_preview(
    services: Services, client: TestClient
) -> None:
    add_asset(services, state="processing")
    assert 'id="preview"' in client.get(f"/assets/{ASSET}").text
    add_asset(services, "f" * 16, state="failed")
    assert 'id="preview"' not in client.get(f"/assets/{'f' * 16}").text


@pytest.mark.parametrize("manifest", [b"{}", b"no json", b'{"source": [], "renditions": 1}'])
def test_a_damaged_manifest_is_reported(services: Services, client: TestClient, manifest: bytes) -> None:
    add_asset(services)
    services.store.put_bytes(f"assets/{ASSET}/manifest.json", manifest)
    response = client.get(f"/assets/{ASSET}")
    assert response.status_code == 200
    assert "The manifest cannot be read" in response.text


def test_an_absent_asset_is_not_found(client: TestClient) -> None:
    assert client.get(f"/assets/{ASSET}").status_code == 404
