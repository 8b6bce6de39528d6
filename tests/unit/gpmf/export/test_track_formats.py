"""Each format of the track, read by an independent program."""

from __future__ import annotations

import io
import json
import re
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from eddyline import gpmf
from eddyline.gpmf import export

RideBuilder = Callable[..., gpmf.Telemetry]

GPX, TPX = "{http://www.topografix.com/GPX/1/1}", "{http://www.garmin.com/xmlschemas/TrackPointExtension/v2}"
EDDYLINE = "{urn:eddyline:gpx:1}"
# The order of the written elements in gpx.xsd's sequences (all optional).
ORDER = {
    "gpx": ["metadata", "wpt", "rte", "trk", "extensions"],
    "metadata": ["name", "desc", "author", "copyright", "link", "time", "keywords", "bounds", "extensions"],
    "trk": ["name", "cmt", "desc", "src", "link", "number", "type", "extensions", "trkseg"],
    "trkseg": ["trkpt", "extensions"],
    "trkpt": ["ele", "time", "magvar", "geoidheight", "name", "cmt", "desc", "src", "link", "sym", "type",
              "fix", "sat", "hdop", "vdop", "pdop", "ageofdgpsdata", "dgpsid", "extensions"],
}  # fmt: skip
ORDER["wpt"] = ORDER["trkpt"]
CAMERA_FILES = ["max-heromode.mp4", "karma.mp4", "gpmf/hero11.raw", "gpmf/hero7.raw", "gpmf/walking.gpmf"]


def parsed(text: bytes) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - written by the test


def export_track(telemetry: gpmf.Telemetry, name: str, **filters: Any) -> bytes:
    out = io.BytesIO()
    export.write(telemetry, out, name, export.Selection(**filters))
    return out.getvalue()


def check_gpx(text: bytes) -> ET.Element:
    """Check the rules of the GPX 1.1 schema: elements in order, numbers in range, times in UTC."""
    root = parsed(text)
    assert root.tag == f"{GPX}gpx"
    assert root.get("version") == "1.1"
    assert root.get("creator")
    for element in root.iter():
        name = element.tag.removeprefix(GPX)
        if name in ORDER:
            positions = [ORDER[name].index(child.tag.removeprefix(GPX)) for child in element]
            assert positions == sorted(positions), f"{name}: {[child.tag for child in element]}"
            repeated = {f"{GPX}{each}" for each in ("wpt", "trk", "trkseg", "trkpt")}
            single = [child.tag for child in element if child.tag not in repeated]
            assert len(single) == len(set(single))
        if name in {"trkpt", "wpt"}:
            assert -90 <= float(element.attrib["lat"]) <= 90
            assert -180 <= float(element.attrib["lon"]) < 180
        if name == "fix":
            assert element.text in {"none", "2d", "3d", "dgps", "pps"}
        if name in {"ele", "pdop"}:
            assert re.fullmatch(r"-?\d+\.\d+", element.text or "")
        if name == "time":
            assert (element.text or "").endswith("Z")
            datetime.fromisoformat(element.text or "")
    return root


def test_gpx_contains_each_point_with_its_time_and_speed(ride: RideBuilder) -> None:
    telemetry = ride()
    root = check_gpx(export_track(telemetry, "gpx"))
    points = list(root.iter(f"{GPX}trkpt"))
    assert len(points) == 60
    assert float(points[7].attrib["lat"]) == pytest.approx(47.00007, abs=1e-9)
    assert points[0].findtext(f"{GPX}fix") == "3d"
    assert points[0].findtext(f"{GPX}pdop") == "1.50"
    assert points[0].findtext(f".//{TPX}speed") == "10.000"
    assert float(points[0].findtext(f".//{EDDYLINE}time_s") or "nan") == pytest.approx(0.0, abs=1e-3)
    assert (points[0].findtext(f"{GPX}time") or "").startswith("2024-05-01T1")
    assert len(list(root.iter(f"{GPX}wpt"))) == 2
    assert root.findtext(f"{GPX}trk/{GPX}name") == "Test <&> Camera"
    assert root.findtext(f".//{EDDYLINE}altitude_reference") == "WGS 84 ellipsoid"


@pytest.mark.parametrize("name", CAMERA_FILES)
def test_gpx_of_camera_files_is_read_by_another_reader(samples: Path, name: str) -> None:
    gpxpy = pytest.importorskip("gpxpy")
    telemetry = gpmf.read(samples / name)
    text = export_track(telemetry, "gpx")
    check_gpx(text)
    tracks = gpxpy.parse(text.decode()).tracks
    found = [point for each in tracks for segment in each.segments for point in segment.points]
    track = telemetry.gps
    assert track is not None
    assert len(found) == int(track.valid.sum())
    assert found[0].latitude == pytest.approx(track.lat[track.valid][0], abs=1e-7)
    if found[-1].time is not None:
        assert found[-1].time.timestamp() == pytest.approx(track.utc[track.valid][-1], abs=2e-3)


def test_a_gap_splits_the_track(ride: RideBuilder) -> None:
    telemetry = ride(seconds=12, lost=(3, 4, 5, 6, 7, 8))
    assert len(list(parsed(export_track(telemetry, "gpx")).iter(f"{GPX}trkseg"))) == 2
    line = json.loads(export_track(telemetry, "geojson"))["features"][0]
    assert line["geometry"]["type"] == "MultiLineString"
    assert [len(part) for part in line["geometry"]["coordinates"]] == [30, 30]
    assert [len(part) for part in line["properties"]["coordinateProperties"]["times"]] == [30, 30]


def test_characters_that_xml_cannot_represent_are_removed(ride: RideBuilder) -> None:
    telemetry = ride(camera="Bad\x01\x1b<name>")
    for name in ("gpx", "kml", "svg"):
        text = export_track(telemetry, name)
        parsed(text)
        assert b"\x01" not in text


def check_rfc7946(found: dict[str, Any]) -> None:
    assert found["type"] == "FeatureCollection"
    sizes = set()
    for feature in found["features"]:
        assert set(feature) == {"type", "geometry", "properties"}
        kind, coordinates = feature["geometry"]["type"], feature["geometry"]["coordinates"]
        lines = {"Point": [[coordinates]], "LineString": [coordinates], "MultiLineString": coordinates}[kind]
        for line in lines:
            assert kind == "Point" or len(line) >= 2
            for position in line:
                assert len(position) in {2, 3}
                assert -180 <= position[0] <= 180
                assert -90 <= position[1] <= 90
                sizes.add(len(position))
    box = found["bbox"]
    assert len(box) == 2 * max(sizes)
    assert box[1] <= box[1 + len(box) // 2]


def test_geojson_has_ellipsoidal_heights_as_coordinates_only(ride: RideBuilder) -> None:
    ellipsoid, sea = (json.loads(export_track(ride(sea=sea), "geojson")) for sea in (False, True))
    check_rfc7946(ellipsoid)
    check_rfc7946(sea)
    assert ellipsoid["features"][0]["geometry"]["coordinates"][0] == [8.0, 47.0, 400.0]
    assert sea["features"][0]["geometry"]["coordinates"][0] == [8.0, 47.0]
    assert sea["features"][0]["properties"]["altitude_reference"] == "mean sea level"
    assert sea["features"][0]["properties"]["coordinateProperties"]["alt_m"][0] == 400.0
    assert [each["geometry"]["type"] for each in sea["features"][1:]] == ["Point", "Point"]


def test_a_line_is_split_at_the_180th_meridian(ride: RideBuilder) -> None:
    found = json.loads(export_track(ride(lon=179.9998), "geojson"))
    check_rfc7946(found)
    parts = found["features"][0]["geometry"]["coordinates"]
    assert len(parts) == 2
    for part in parts:
        assert np.abs(np.diff([position[0] for position in part])).max() < 1
    assert found["bbox"][0] > found["bbox"][3], (
        "the west edge of a box across the meridian has the larger longitude"
    )
    parsed(export_track(ride(lon=179.9998), "svg"))


@pytest.mark.parametrize("name", CAMERA_FILES)
def test_geojson_of_camera_files_follows_the_rfc(samples: Path, name: str) -> None:
    check_rfc7946(json.loads(export_track(gpmf.read(samples / name), "geojson")))


def kml_points(text: bytes, tmp_path: Path) -> list[Any]:
    """Returns the features of a document that fastkml validates with its schemas and reads."""
    pytest.importorskip("lxml")
    fastkml = pytest.importorskip("fastkml")
    from fastkml import validator

    (tmp_path / "track.kml").write_bytes(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert validator.validate(file_to_validate=tmp_path / "track.kml")
        document = fastkml.KML.from_string(text.decode().split("\n", 1)[1])
    return list(document.features[0].features)


def test_kml_is_valid_and_read_by_another_reader(ride: RideBuilder, tmp_path: Path) -> None:
    *placemarks, track = kml_points(export_track(ride(seconds=12, lost=(3, 4, 5, 6, 7, 8)), "kml"), tmp_path)
    assert len(placemarks) == 2
    tracks = track.kml_geometry.tracks if hasattr(track, "kml_geometry") else None
    assert tracks is not None
    assert [len(each.track_items) for each in tracks] == [30, 30]
    first = tracks[0].track_items[0]
    assert (first.coord.x, first.coord.y) == pytest.approx((8.0, 47.0))
    assert first.when.dt.year == 2024


@pytest.mark.parametrize("name", CAMERA_FILES)
def test_kml_of_camera_files_is_valid(samples: Path, tmp_path: Path, name: str) -> None:
    assert kml_points(export_track(gpmf.read(samples / name), "kml"), tmp_path)


def test_kml_without_utc_is_a_line(ride: RideBuilder, tmp_path: Path) -> None:
    telemetry = ride()
    track = telemetry.gps
    assert track is not None
    object.__setattr__(track, "utc", np.full(len(track), np.nan))
    text = export_track(telemetry, "kml")
    assert b"gx:Track" not in text
    assert kml_points(text, tmp_path)


def fit_messages(data: bytes) -> dict[str, list[dict[str, Any]]]:
    fitdecode = pytest.importorskip("fitdecode")
    found: dict[str, list[dict[str, Any]]] = {}
    with fitdecode.FitReader(io.BytesIO(data), check_crc=fitdecode.CrcCheck.RAISE) as reader:
        for frame in reader:
            if isinstance(frame, fitdecode.FitDataMessage):
                found.setdefault(frame.name, []).append({each.name: each.value for each in frame.fields})
    return found


def test_fit_is_read_by_another_reader(ride: RideBuilder) -> None:
    telemetry = ride(seconds=10)
    found = fit_messages(export_track(telemetry, "fit"))
    assert found["file_id"][0]["type"] == "activity"
    records = found["record"]
    assert len(records) in {9, 10}
    times = [record["timestamp"] for record in records]
    assert {(after - before).seconds for before, after in pairwise(times)} == {1}
    track = telemetry.gps
    assert track is not None
    for record in records:
        at = record["timestamp"].replace(tzinfo=UTC).timestamp()
        assert record["position_lat"] * 180 / 2**31 == pytest.approx(
            np.interp(at, track.utc, track.lat), abs=2e-6
        )
        assert record["enhanced_speed"] == pytest.approx(10.0)
        assert record["enhanced_altitude"] == pytest.approx(np.interp(at, track.utc, track.alt_m), abs=0.2)
    # A second is 1e-4 degrees both ways: 11.1 m north, 7.6 m east.
    assert records[-1]["distance"] == pytest.approx((len(records) - 1) * 13.47, rel=0.02)
    assert found["session"][0]["total_distance"] == records[-1]["distance"]
    assert [each["event"] for each in found["event"]] == ["timer", "user_marker", "user_marker", "timer"]


@pytest.mark.parametrize("name", CAMERA_FILES)
def test_fit_of_camera_files_is_valid(samples: Path, name: str) -> None:
    telemetry = gpmf.read(samples / name)
    found = fit_messages(export_track(telemetry, "fit"))
    track = telemetry.gps
    assert track is not None
    assert abs(len(found["record"]) - np.ptp(track.utc[track.valid])) <= 1


def test_a_track_within_one_second_has_one_record(ride: RideBuilder) -> None:
    found = fit_messages(export_track(ride(), "fit", start_s=0.21, end_s=0.45))
    assert len(found["record"]) == 1
    assert found["record"][0]["position_lat"] * 180 / 2**31 == pytest.approx(47.0, abs=1e-4)


def test_fit_without_utc_is_an_error(ride: RideBuilder) -> None:
    telemetry = ride()
    track = telemetry.gps
    assert track is not None
    object.__setattr__(track, "utc", np.full(len(track), np.nan))
    with pytest.raises(export.NoTrackError, match="UTC"):
        export_track(telemetry, "fit")


@pytest.mark.parametrize("name", ["gpx", "geojson", "kml", "fit", "svg"])
def test_a_track_format_without_positions_is_an_error(ride: RideBuilder, name: str) -> None:
    with pytest.raises(export.NoTrackError, match="none of the 60 GPS samples"):
        export_track(ride(fix=0), name)


def test_the_resampled_track_has_the_rate(ride: RideBuilder) -> None:
    points = list(parsed(export_track(ride(), "gpx", rate_hz=2.0)).iter(f"{GPX}trkpt"))
    times = np.array([float(point.findtext(f".//{EDDYLINE}time_s") or "nan") for point in points])
    assert np.allclose(np.diff(times), 0.5)
