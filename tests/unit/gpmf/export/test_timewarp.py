"""A TimeWarp of 10x in every format: 110 s of UTC in twelve seconds of media, one point every 10 s."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta

import jsonschema
import pytest

from eddyline import gpmf
from eddyline.gpmf import export
from eddyline.gpmf.edit.window import cut_telemetry
from eddyline.page.telemetry_summary import summarize_telemetry

STARTED_AT = datetime(2024, 8, 9, 10, 0, 0, tzinfo=UTC)
UTCS = [(STARTED_AT + timedelta(seconds=10 * i)).strftime("%Y-%m-%dT%H:%M:%S.000Z") for i in range(12)]
SCALE = [1e7, 1e7, 1000, 1000, 100]


def stream(kind: str, number: int) -> gpmf.Klv:
    at = STARTED_AT + timedelta(seconds=10 * number)
    position = (470_000_000 + 10_000 * number, 80_000_000, 500_000, 10_000, 1_000)
    if kind == "GPS9":
        since_2000 = at - datetime(2000, 1, 1, tzinfo=UTC)
        row = (*position, since_2000.days, since_2000.seconds * 1000, 200, 3)
        return gpmf.stream("GPS9", "?", [row], complex_type="lllllllSS", scale=[*SCALE, 1, 1000, 100, 1])
    modifiers = [
        gpmf.leaf("GPSF", "L", 3),
        gpmf.leaf("GPSU", "U", f"{at:%y%m%d%H%M%S}.000"),
        gpmf.leaf("GPSP", "S", 200),
    ]
    return gpmf.stream("GPS5", "l", [position], scale=SCALE, modifiers=modifiers)


@pytest.fixture(params=["GPS5", "GPS9"])
def warped(request: pytest.FixtureRequest) -> gpmf.Telemetry:
    accl = gpmf.stream("ACCL", "s", [[1, 2, 3]] * 20, scale=[1])
    blocks = [gpmf.serialize([gpmf.device(1, "Camera", [stream(request.param, i), accl])]) for i in range(12)]
    return gpmf.read_payloads(b"".join(blocks))


def export_text(found: gpmf.Telemetry, kind: str) -> str:
    out = io.BytesIO()
    export.write(found, out, kind)
    return out.getvalue().decode()


def test_gpx_has_the_utc_of_each_point(warped: gpmf.Telemetry) -> None:
    assert re.findall(r"<time>([^<]+)</time>", export_text(warped, "gpx"))[1:] == UTCS
    assert export_text(warped, "gpx").count("<trkseg>") == 1


def test_geojson_has_the_utc_of_each_point(warped: gpmf.Telemetry) -> None:
    track = json.loads(export_text(warped, "geojson"))["features"][0]
    assert track["properties"]["coordinateProperties"]["times"] == UTCS


def test_kml_has_the_utc_of_each_point(warped: gpmf.Telemetry) -> None:
    assert re.findall(r"<when>([^<]+)</when>", export_text(warped, "kml")) == UTCS


def test_json_has_the_utc_of_each_point_and_the_clock(warped: gpmf.Telemetry) -> None:
    document = json.loads(export_text(warped, "json"))
    jsonschema.validate(document, export.json_schema())
    seconds = [utc - STARTED_AT.timestamp() for utc in document["gps"]["samples"]["utc"]]
    assert seconds == pytest.approx([10 * i for i in range(12)], abs=2e-3)
    clock = document["clock"]
    assert (clock["rule"], clock["utc"]) == ("GPS time", UTCS[0])
    assert clock["speed"] == pytest.approx(10 / 1.001, rel=1e-3)
    assert len(clock["points"]["t"]) == len(clock["points"]["posix_s"]) == 12


def test_csv_has_the_utc_of_other_streams(warped: gpmf.Telemetry) -> None:
    out = io.BytesIO()
    export.write(warped, out, "csv", export.Selection(streams=("ACCL",)))
    rows = list(csv.DictReader(io.StringIO(out.getvalue().decode())))
    assert rows[0]["utc"][:19] == "2024-08-09T10:00:00"
    assert rows[-1]["utc"][:18] == "2024-08-09T10:01:5"


def test_parquet_has_the_utc_of_each_point(
    warped: gpmf.Telemetry, tmp_path_factory: pytest.TempPathFactory
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = tmp_path_factory.mktemp("tables")
    paths = export.save(warped, folder, "parquet", selection=export.Selection(streams=(warped.gps.key,)))  # type: ignore[union-attr]  # it has a track
    times = [
        each.timestamp() - STARTED_AT.timestamp() for each in parquet.read_table(paths[0])["utc"].to_pylist()
    ]
    assert times == pytest.approx([10 * i for i in range(12)], abs=2e-3)


def test_fit_has_exactly_the_points(warped: gpmf.Telemetry) -> None:
    fitdecode = pytest.importorskip("fitdecode")
    out = io.BytesIO()
    export.write(warped, out, "fit")
    with fitdecode.FitReader(io.BytesIO(out.getvalue())) as reader:
        records = [
            frame.get_value("timestamp")
            for frame in reader
            if isinstance(frame, fitdecode.FitDataMessage) and frame.name == "record"
        ]
    assert records == [STARTED_AT + timedelta(seconds=10 * i) for i in range(12)]


def test_a_trim_keeps_the_utc_of_the_kept_part() -> None:
    blocks = []
    for number in range(12):
        at = STARTED_AT + timedelta(seconds=10 * number)
        rows = [(470_000_000 + 10_000 * (10 * number + row), 80_000_000, 0, 0, 0) for row in range(10)]
        modifiers = [gpmf.leaf("GPSF", "L", 3), gpmf.leaf("GPSU", "U", f"{at:%y%m%d%H%M%S}.000")]
        blocks.append(
            gpmf.serialize(
                [
                    gpmf.device(
                        1,
                        "Camera",
                        [gpmf.stream("GPS5", "l", rows, scale=SCALE, modifiers=modifiers)],
                    )
                ]
            )
        )
    telemetry = gpmf.read_payloads(b"".join(blocks))
    cut = cut_telemetry(telemetry, 3.5, 9.5)
    kept_gps = gpmf.read_payloads(b"".join(cut.payloads)).gps
    assert telemetry.gps is not None
    assert kept_gps is not None
    first, stop = cut.kept["GPS5"]
    assert kept_gps.lat.tolist() == telemetry.gps.lat[first:stop].tolist()
    assert kept_gps.utc[0] == pytest.approx(telemetry.gps.utc[first], abs=0.02)
    assert kept_gps.utc[-1] == pytest.approx(
        telemetry.gps.utc[stop - 1], abs=6
    )  # rates of a cut are those of its payloads


def test_the_summary_of_the_page_counts_by_utc(warped: gpmf.Telemetry) -> None:
    gps = summarize_telemetry(warped)["gps"]
    assert (gps["duration_s"], gps["began"], gps["clock"]) == (110.0, UTCS[0], "GPS time")
    assert gps["distance_m"] == pytest.approx(1223, abs=3)
    assert gps["top_speed_mps"] == 10.0
