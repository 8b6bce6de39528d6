"""The facts of the catalogue from manifests of all versions, and from hostile ones."""

from __future__ import annotations

from typing import Any

import pytest

from eddyline.graph.ledger.catalogue.facts import parse_facts
from eddyline.pipeline.publication.catalogue_facts import catalogue_facts

GPS: dict[str, Any] = {
    "first_s": 2.0,
    "distance_m": 1234.5,
    "top_speed_mps": 17.25,
    "box": [9.0, 47.0, 10.0, 48.0],
    "began": "2025-06-21T10:00:02Z",
    "clock": "media time",
}
MANIFEST: dict[str, Any] = {
    "version": 3,
    "owner": "anna",
    "created": "2025-06-21T12:00:00+02:00",
    "source": {
        "name": "GX010001.MP4",
        "bytes": 1000,
        "duration_s": 12.5,
        "video": {"codec": "hevc", "width": 3840, "height": 2160, "fps": "30000/1001", "rotation": 0},
    },
    "profile": {"name": "default"},
    "device": {"make": "GoPro", "model": "HERO9"},
    "pictures": {"poster": "pictures/poster.jpg", "storyboard": "pictures/storyboard.vtt"},
    "telemetry": {"camera": {"model": "HERO9 Black"}, "gps": GPS},
    "renditions": [{"bytes": 400}, {"bytes": 200}],
    "run": {
        "cpu_seconds": 61.5,
        "redone_jobs": 2,
        "stored_bytes": 700,
        "started": "2026-01-01T00:00:00Z",
    },
}
JUNE_21 = 1_750_500_000.0


def test_the_facts_of_a_manifest() -> None:
    assert catalogue_facts(MANIFEST) == {
        "name": "GX010001.MP4",
        "owner": "anna",
        "profile": "default",
        "created": 1_767_225_600.0,
        "captured": JUNE_21,
        "duration_s": 12.5,
        "source_bytes": 1000,
        "stored_bytes": 700,
        "width": 3840,
        "height": 2160,
        "fps": pytest.approx(29.97, abs=0.001),
        "codec": "hevc",
        "camera": "HERO9 Black",
        "min_lat": 47.0,
        "min_lon": 9.0,
        "max_lat": 48.0,
        "max_lon": 10.0,
        "distance_m": 1234.5,
        "top_speed_m_s": 17.25,
        "poster": "pictures/poster.jpg",
        "storyboard": "pictures/storyboard.vtt",
        "cpu_s": 61.5,
        "redone": 2,
    }


def changed(path: str, value: object) -> dict[str, Any]:
    """The manifest with another value at a path of keys."""
    *outer, last = path.split("/")
    manifest: dict[str, Any] = {**MANIFEST}
    inner = manifest
    for name in outer:
        inner[name] = {**inner[name]}
        inner = inner[name]
    inner[last] = value
    return manifest


def test_a_rotated_video_has_the_size_that_is_displayed() -> None:
    found = catalogue_facts(changed("source/video/rotation", 90))
    assert (found["width"], found["height"]) == (2160, 3840)


def test_a_time_warp_began_at_its_first_position() -> None:
    assert catalogue_facts(changed("telemetry/gps/clock", "GPS time"))["captured"] == JUNE_21 + 2


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        ("2025-06-21T12:00:00+02:00", JUNE_21),
        ("2025-06-21T10:00:00", JUNE_21),
        ("2025-06-21", JUNE_21 - 36_000),
        ("2025", 1_735_689_600.0),
        ("yesterday", None),
        (5, None),
        (None, None),
    ],
)
def test_without_gps_the_container_dates_the_recording(created: object, expected: float | None) -> None:
    manifest = changed("telemetry/gps", None)
    assert catalogue_facts({**manifest, "created": created})["captured"] == expected


def test_without_a_track_the_location_of_the_container_counts() -> None:
    manifest = changed("telemetry/gps", None) | {"location": {"latitude": -33.9, "longitude": 18.4}}
    found = parse_facts(catalogue_facts(manifest))
    assert [found[name] for name in ("min_lat", "min_lon", "max_lat", "max_lon")] == [-33.9, 18.4] * 2


def test_without_telemetry_the_container_names_the_camera() -> None:
    assert catalogue_facts(changed("telemetry", None))["camera"] == "GoPro HERO9"


def test_an_earlier_version_has_the_size_of_its_renditions_and_no_owner() -> None:
    older = {**MANIFEST, "version": 2, "run": {"cpu_seconds": 1.0}}
    del older["owner"]
    found = catalogue_facts(older)
    assert (found["stored_bytes"], found["owner"], found["created"]) == (600, "", None)


@pytest.mark.parametrize("value", [None, 5, "x", [], {}, [1, 2], {"x": []}, True, "\0" * 9])
@pytest.mark.parametrize(
    "path",
    [
        *("source", "source/video", "source/video/fps", "telemetry", "telemetry/gps", "telemetry/gps/box"),
        *("telemetry/gps/began", "telemetry/gps/first_s", "pictures", "run", "run/started", "renditions"),
        *("device", "created", "location", "profile", "telemetry/camera"),
    ],
)
def test_a_manifest_of_another_shape_has_fewer_facts(path: str, value: object) -> None:
    facts = parse_facts(catalogue_facts(changed(path, value)))
    assert all(each is None or isinstance(each, str | int | float) for each in facts.values())
