from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from eddyline import gpmf
from eddyline.gpmf import export

RideBuilder = Callable[..., gpmf.Telemetry]


def test_all_files_are_written_if_there_is_data_for_all(ride: RideBuilder, tmp_path: Path) -> None:
    names = export.write_side_files(ride(), tmp_path)
    assert set(names) == {"telemetry.json.gz", "track.gpx", "track.geojson", "track.svg", "highlights.json"}
    assert {path.name for path in tmp_path.iterdir()} == set(names)
    document = json.loads(gzip.decompress((tmp_path / "telemetry.json.gz").read_bytes()))
    jsonschema.validate(document, export.json_schema())


def test_the_same_telemetry_gives_the_same_bytes(ride: RideBuilder, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        export.write_side_files(ride(), tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name
    assert (tmp_path / "a" / "telemetry.json.gz").read_bytes()[4:8] == bytes(4), (
        "a gzip header without a time"
    )


def test_a_recording_without_positions_has_no_track_files(ride: RideBuilder, tmp_path: Path) -> None:
    assert export.write_side_files(replace(ride(fix=0), hilights=()), tmp_path) == ("telemetry.json.gz",)


def test_highlights_of_a_camera_file_are_read_from_its_settings(samples: Path, tmp_path: Path) -> None:
    telemetry = gpmf.read(samples / "gpmf" / "mp4header.raw")
    assert export.write_side_files(telemetry, tmp_path) == ("telemetry.json.gz", "highlights.json")
    found = json.loads((tmp_path / "highlights.json").read_text("utf-8"))
    assert [highlight["time_s"] for highlight in found["highlights"]] == [0.8, 4.72, 8.48]
    assert found["highlights"][0]["meaning"] == "manual"


def test_a_highlight_has_the_cameras_position_or_else_that_of_the_track(ride: RideBuilder) -> None:
    first, second = export.highlights_document(ride())["highlights"]
    assert (first["place_from"], second["place_from"]) == ("track", "camera")
    assert first["lat"] == pytest.approx(47.0001, abs=1e-5)
    assert first["utc"].startswith("2024-05-01T1")
