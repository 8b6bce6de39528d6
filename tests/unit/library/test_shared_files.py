from __future__ import annotations

from typing import Any

import pytest

from eddyline.library.shared_files import SharedFiles, renditions_have_location

MANIFEST: dict[str, Any] = {
    "asset": "0123456789abcdef",
    "source": {"name": "GX010001.MP4", "duration_s": 5.0, "fingerprint": "f" * 64},
    "location": {"latitude": 47.3769, "longitude": 8.5417},
    "title": "Zurich",
    "renditions": [{"name": "720p", "path": "renditions/720p.mp4", "bytes": 9, "width": 1280, "height": 720}],
    "subtitles": [{"path": "subtitles/1.vtt", "language": "eng", "title": "Zurich"}],
    "stream": {"hls": "stream/master.m3u8", "dash": "stream/manifest.mpd"},
    "pictures": {
        "poster": "pictures/poster.jpg",
        "thumbnails": [{"path": "pictures/thumb-001.jpg", "time_s": 0.0}],
        "storyboard": "pictures/storyboard.vtt",
    },
    "telemetry": {
        "payloads": "telemetry/payloads.gpmf", "udta": "telemetry/udta.bin",
        "json": "telemetry/telemetry.json.gz",
        "gpx": "telemetry/track.gpx", "geojson": "telemetry/track.geojson", "svg": "telemetry/track.svg",
        "highlights": "telemetry/highlights.json",
    },
    "highlights": [{"time_s": 1.0, "thumbnail": "pictures/highlight-001.jpg"}],
    "chapters": [{"title": "Start"}, {"title": "HiLight 1 (manual)"}],
    "run": {"host": "render-7"},
}  # fmt: skip
ALWAYS = (
    "stream/master.m3u8", "stream/manifest.mpd", "stream/720p/00001.m4s", "stream/720p/init.mp4",
    "stream/chapters.vtt", "pictures/poster.jpg", "pictures/thumb-001.jpg", "pictures/storyboard.vtt",
    "pictures/storyboard-00.jpg", "pictures/highlight-001.jpg", "subtitles/1.vtt",
)  # fmt: skip
TRACK = ("telemetry/track.gpx", "telemetry/track.geojson", "telemetry/track.svg")
NEVER = (
    "manifest.json", "index.html", "telemetry/payloads.gpmf", "telemetry/udta.bin",
    "telemetry/highlights.json",
    "telemetry/telemetry.json.gz", "../x/manifest.json", "/etc/passwd", "stream/../manifest.json", "",
    "stream", "stream/a.html", "stream/.hidden", "pictures/other.png", "renditions/720p.mp4/x",
    "a/stream/x.m4s",
)  # fmt: skip


def shared(*, location: bool = False, downloads: bool = False, **changes: Any) -> SharedFiles:
    return SharedFiles(manifest={**MANIFEST, **changes}, location=location, downloads=downloads)


@pytest.mark.parametrize("location", [True, False])
@pytest.mark.parametrize("downloads", [True, False])
def test_a_link_shows_the_files_of_its_options_only(*, location: bool, downloads: bool) -> None:
    files = shared(location=location, downloads=downloads)
    assert [path for path in ALWAYS if not files.allows(path)] == []
    assert [path for path in NEVER if files.allows(path)] == []
    assert [files.allows(path) for path in TRACK] == [location] * 3
    assert files.allows("renditions/720p.mp4") is downloads


def test_the_summary_without_location_names_no_place_host_or_fingerprint() -> None:
    text = repr(shared(downloads=True).summary())
    for secret in ("47.3", "8.54", "Zurich", "render-7", "ffff", "telemetry", "GX010001"):
        assert secret not in text
    assert "telemetry/track.gpx" in repr(shared(location=True).summary())


def test_titles_that_may_name_a_place_are_not_shown() -> None:
    assert shared().summary()["chapters"] == "stream/chapters.vtt"
    named = [{"title": "Matterhorn"}]
    assert shared(chapters=named).summary()["chapters"] is None
    assert shared(chapters=named, location=True).summary()["chapters"] == "stream/chapters.vtt"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("stream/master.m3u8", True), ("subtitles/1.vtt", True), ("stream/chapters.json", True),
        ("stream/subtitles-1/00001.m4s", True), ("stream/720p/00001.m4s", False),
        ("pictures/poster.jpg", False),
    ],
)  # fmt: skip
def test_texts_are_searched_for_a_location(path: str, *, expected: bool) -> None:
    assert shared().must_be_searched(path) is expected
    assert not shared(location=True).must_be_searched(path)


@pytest.mark.parametrize(
    "broken", [None, [], "x", 7, {"path": ["x"]}, [None, {"path": None}], {"hls": "../x"}]
)
def test_a_damaged_manifest_shows_nothing(broken: object) -> None:
    files = SharedFiles(manifest=dict.fromkeys(MANIFEST, broken), location=True, downloads=True)
    files.summary()
    assert [path for path in (*ALWAYS, *TRACK, *NEVER) if files.allows(path)] == []


def test_renditions_have_a_location_if_anything_may_contain_it() -> None:
    bare = {"telemetry": {"payloads": None, "udta": None}, "subtitles": []}
    assert not renditions_have_location(bare)
    assert renditions_have_location({})
    assert renditions_have_location(MANIFEST)
    for name, value in (("location", {"latitude": 1}), ("subtitles", [{}]), ("title", "Zurich")):
        assert renditions_have_location({**bare, name: value})
    assert renditions_have_location({**bare, "telemetry": {"payloads": "x"}})
