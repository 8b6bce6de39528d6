"""A share link without location serves no byte that shows where, or on which machine, an asset was made."""

from __future__ import annotations

import json
import platform
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.web.web_app import client_of, open_services

from eddyline import app
from eddyline.core.coordinates import contains_location
from eddyline.core.stop import Stop
from eddyline.library.shares import Shares
from eddyline.pipeline.demo_clip import make_clip
from eddyline.web.services import Services

pytestmark = pytest.mark.slow

HOST = "render-7.studio.example"
PROFILE = """\
name: shared
rungs:
  - {height: 90, crf: 30, preset: superfast, maxrate_kbps: 200, bufsize_kbps: 400}
gop_s: 1.0
segment_s: 1.0
pictures:
  poster_width: 320
  thumbs: 2
  thumb_width: 160
  storyboard: {width: 80, columns: 2, rows: 2, interval_s: 1.0, most: 4}
"""
NAMES = (b"gpmd", b"GPS5", b"GPMF", b"DEVC", b"STRM", b"udta", b"\xa9xyz", b"loci", b"Exif", b"GPSLatitude")


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A server of a library with one camera-like recording, transcoded on a machine with a known name."""
    root = tmp_path_factory.mktemp("shared")
    clip = make_clip(root / "GX010001.MP4", seconds=2, width=160, height=90)
    (root / "small.yaml").write_text(PROFILE, "utf-8")
    request = app.RunRequest(sources=(clip,), out=root / "out", profile=str(root / "small.yaml"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(platform, "node", lambda: HOST)
        report = app.run(request, stop=Stop(), on_event=lambda _: None)
    assert [each.name for each in report.finished] == [clip.name]
    opened = open_services(root / "out", local=False)
    yield opened
    opened.ledger.close()


def asset_of(services: Services) -> tuple[str, Path]:
    (folder,) = (Path(services.shared.store) / "assets").iterdir()
    return folder.name, folder


def served(services: Services, **options: bool) -> dict[str, bytes]:
    """All that a stranger gets with a new link: the page, and each file of the asset that is not refused."""
    asset, folder = asset_of(services)
    row = services.ledger.catalogue.get(asset)
    assert row is not None, "the run did not add its asset to the catalogue"
    secret = Shares(services.ledger).create(asset=asset, owner=row.owner, **options).secret
    client = client_of(services)
    paths = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    responses = {path: client.get(f"/s/{secret}/files/{path}") for path in paths}
    responses["page"] = client.get(f"/s/{secret}")
    return {
        path: each.content + repr(each.headers).encode()
        for path, each in responses.items()
        if each.status_code == 200
    }


def coordinates(folder: Path) -> set[bytes]:
    """Positions of the route as files encode them: text, GPMF's scaled integers, and floats."""
    document: Any = json.loads((folder / "telemetry" / "track.geojson").read_text("utf-8"))
    found: set[bytes] = set()
    for longitude, latitude, *_ in positions_in(document):
        for degrees in (latitude, longitude):
            found.add(f"{degrees:.4f}"[:-1].encode())  # cut off, not rounded
            found.update(struct.pack(form, degrees) for form in (">d", "<d"))
            found.update(struct.pack(form, round(degrees * 1e7)) for form in (">i", "<i"))
        found.add(struct.pack(">dd", latitude, longitude))
    return found


def positions_in(value: Any) -> Iterator[list[float]]:
    """All positions of a GeoJSON document."""
    if isinstance(value, dict):
        yield from positions_in(list(value.values()))
    elif (
        isinstance(value, list)
        and len(value) in {2, 3}
        and all(isinstance(each, float | int) for each in value)
    ):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from positions_in(each)


def leaks(files: dict[str, bytes], folder: Path) -> list[str]:
    """What the served bytes show, by file."""
    secrets = [*NAMES, *sorted(coordinates(folder)), HOST.encode(), b"render-7"]
    found = [f"{path}: {secret!r}" for path, data in files.items() for secret in secrets if secret in data]
    texts = {
        path: data
        for path, data in files.items()
        if path.endswith((".m3u8", ".mpd", ".vtt", ".json", "page"))
    }
    found += [f"{path}: a location" for path, data in texts.items() if contains_location(data)]
    return found + [
        f"{path}: run" for path, data in texts.items() if b'"run"' in data or b"interruptions" in data
    ]


def test_no_byte_shows_the_location(services: Services) -> None:
    _, folder = asset_of(services)
    assert len(coordinates(folder)) > 20
    files = served(services)
    assert {"page", "stream/master.m3u8", "stream/manifest.mpd", "pictures/poster.jpg"} <= set(files)
    assert sum(path.endswith(".m4s") for path in files) >= 4
    assert not [
        path for path in files if path.startswith(("telemetry/", "renditions/")) or path.endswith(".html")
    ]
    assert leaks(files, folder) == []


def test_the_search_finds_what_a_link_with_location_shows(services: Services) -> None:
    _, folder = asset_of(services)
    found = leaks(served(services, location=True, downloads=True), folder)
    files = {each.split(":")[0] for each in found}
    assert {"renditions/90p.mp4", "telemetry/track.gpx"} <= files
    assert "manifest.json" not in files
