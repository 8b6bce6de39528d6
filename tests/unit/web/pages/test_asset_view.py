from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.unit.page.test_render import MANIFEST
from tests.unit.web.pages.test_asset_cards import READY

from eddyline.web.pages.asset_view import AssetView, view_of


@pytest.fixture
def manifest() -> dict[str, Any]:
    return copy.deepcopy(MANIFEST)


def _view(manifest: dict[str, Any]) -> AssetView:
    return view_of(READY, manifest)


def test_the_player_gets_streams_and_a_file_that_every_browser_plays(manifest: dict[str, Any]) -> None:
    facts = _view(manifest).facts
    base = f"/media/{READY.asset}"
    assert facts["dash"] == f"{base}/stream/manifest.mpd"
    assert facts["mp4"] == f"{base}/renditions/1080p.mp4"
    manifest["stream"] = None
    assert (_view(manifest).facts["dash"], _view(manifest).facts["chapters"]) == ("", "")


def test_joins_are_the_first_frames_of_the_chunks(manifest: dict[str, Any]) -> None:
    assert _view(manifest).facts["joins"] == []
    manifest["proof"]["segment_frames"] = 120
    # 1802 frames are 16 segments; 6 chunks start at segments 0, 2, 5, 8, 10 and 13.
    assert _view(manifest).facts["joins"] == [240, 600, 960, 1200, 1560]
    manifest["source"]["video"]["variable_rate"] = True
    assert _view(manifest).facts["joins"] == []


def test_downloads_have_sizes_where_the_manifest_states_them(manifest: dict[str, Any]) -> None:
    downloads = _view(manifest).downloads
    assert downloads[1].name == "Video, 1080p"
    assert downloads[1].size == "11 MB"
    assert [each.kind for each in downloads[4:]] == [
        "GPX", "GeoJSON", "JSON, gzip", "JSON", "GPMF", "JPEG", "JSON",
    ]  # fmt: skip


def test_details_and_summary_name_the_recording(manifest: dict[str, Any]) -> None:
    view = _view(manifest)
    assert view.summary[:4] == ("21 Jun 2025", "HERO12 Black", "1:00", "1920 × 1080")  # noqa: RUF001
    details = dict(view.details)
    assert details["Distance"] == "1.2 km"
    assert details["Audio"] == "AAC, 2 channels, 48,000 Hz"
    assert details["Interruptions"] == "0"
    assert "Owner" not in details
