"""A small published asset for the tests of share links: its files are placeholders of the real layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.unit.web.catalogue_rows import ASSET, add_asset

from eddyline.pipeline.planning.output_layout import asset_key
from eddyline.web.services import Services

MANIFEST: dict[str, Any] = {
    "source": {"name": "GX010001.MP4", "duration_s": 5.0},
    "renditions": [{"name": "720p", "path": "renditions/720p.mp4", "bytes": 9, "width": 1280, "height": 720}],
    "subtitles": [{"path": "subtitles/1.vtt", "language": "eng", "title": ""}],
    "stream": {"hls": "stream/master.m3u8", "dash": "stream/manifest.mpd"},
    "pictures": {"poster": "pictures/poster.jpg", "thumbnails": [], "storyboard": "pictures/storyboard.vtt"},
    "telemetry": {"payloads": "telemetry/payloads.gpmf", "udta": None, "gpx": "telemetry/track.gpx"},
    "highlights": [],
    "chapters": [],
    "run": {"host": "render-7"},
}
FILES: dict[str, bytes] = {
    "renditions/720p.mp4": b"rendition",
    "subtitles/1.vtt": b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n",
    "stream/master.m3u8": b"#EXTM3U\n",
    "stream/manifest.mpd": b"<MPD/>",
    "stream/720p/00001.m4s": b"segment",
    "pictures/poster.jpg": b"jpeg",
    "pictures/storyboard.vtt": b"WEBVTT\n",
    "telemetry/payloads.gpmf": b"GPS5",
    "telemetry/track.gpx": b"<gpx/>",
    "index.html": b"<html>",
}


def publish(
    services: Services,
    *,
    asset: str = ASSET,
    owner: str = "ann",
    files: Mapping[str, bytes] | None = None,
    **manifest: Any,
) -> str:
    """Add a published asset; returns its id."""
    add_asset(services, asset, owner=owner)
    written = {**MANIFEST, "asset": asset, **manifest}
    for path, data in {**FILES, **(files or {}), "manifest.json": json.dumps(written).encode()}.items():
        services.store.put_bytes(asset_key(asset, path), data)
    return asset
