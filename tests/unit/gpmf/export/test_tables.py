from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from eddyline import gpmf
from eddyline.core.errors import UsageError
from eddyline.gpmf import export

RideBuilder = Callable[..., gpmf.Telemetry]


def test_csv_is_read_back_by_another_reader(ride: RideBuilder, tmp_path: Path) -> None:
    telemetry = ride()
    paths = export.save(telemetry, tmp_path, "csv")
    assert sorted(path.name for path in paths) == ["ACCL.csv", "GPS5.csv", "ISOE.csv", "SCEN.csv"]
    with (tmp_path / "GPS5.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0][:4] == ["time_s", "utc", "lat (deg)", "lon (deg)"]
    assert len(rows) == 61
    assert np.allclose(np.array(rows[1:])[:, 2].astype(float), telemetry.streams["GPS5"].values[:, 0])
    assert rows[1][1].startswith("2024-05-01T1")
    assert rows[1][1].endswith("Z")


def test_one_selected_stream_is_one_file(ride: RideBuilder, tmp_path: Path) -> None:
    telemetry = ride()
    only = export.Selection(streams=("ISOE",))
    assert export.save(telemetry, tmp_path / "iso.csv", "", only) == (tmp_path / "iso.csv",)
    assert len((tmp_path / "iso.csv").read_text("utf-8").splitlines()) == 61


def test_a_file_name_becomes_a_pattern_for_several_streams(ride: RideBuilder, tmp_path: Path) -> None:
    paths = export.save(ride(), tmp_path / "trip.csv", "", export.Selection(streams=("ACCL", "ISOE")))
    assert [path.name for path in paths] == ["trip.ACCL.csv", "trip.ISOE.csv"]


def test_several_streams_in_one_csv_file_are_rejected(ride: RideBuilder) -> None:
    with pytest.raises(UsageError, match="files contain one stream"):
        export.write(ride(), io.BytesIO(), "csv")


def test_text_of_a_camera_is_not_executed_by_a_spreadsheet() -> None:
    texts = gpmf.stream("TXTS", "?", [(b"=1+1",), (b'a"b,',), (b"-",)], complex_type="F", total=3)
    out = io.BytesIO()
    telemetry = gpmf.read_payloads(gpmf.serialize([gpmf.device(1, "Camera", [texts])]))
    export.write(telemetry, out, "csv", export.Selection(streams=("TXTS",)))
    rows = list(csv.reader(io.StringIO(out.getvalue().decode(), newline="")))
    assert [row[1] for row in rows[1:]] == ["'=1+1", 'a"b,', "-"]


def test_labels_cannot_leave_the_directory(tmp_path: Path) -> None:
    streams = [gpmf.stream("../x", "s", [1], total=1), gpmf.stream("..:x", "s", [2], total=1)]
    telemetry = gpmf.read_payloads(gpmf.serialize([gpmf.device(1, "Camera", streams)]))
    paths = export.save(telemetry, tmp_path / "deep", "csv")
    assert [path.name for path in paths] == ["___x.csv", "___x-2.csv"]
    assert {path.parent for path in paths} == {tmp_path / "deep"}


def test_parquet_is_read_back_by_pyarrow(ride: RideBuilder, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    telemetry = ride()
    export.save(telemetry, tmp_path, "parquet")
    table = parquet.read_table(tmp_path / "GPS5.parquet")
    assert table.column_names == ["time_s", "utc", "lat", "lon", "alt", "speed_2d", "speed_3d"]
    assert table.schema.field("alt").metadata == {b"unit": b"m"}
    assert table.schema.metadata[b"eddyline.stream"] == b"GPS5"
    assert np.allclose(table["lat"].to_numpy(), telemetry.streams["GPS5"].values[:, 0])
    assert table["utc"][0].as_py().isoformat().startswith("2024-05-01T1")
    scenes = parquet.read_table(tmp_path / "SCEN.parquet")
    assert scenes["scene"].to_pylist()[:3] == ["SNOW", "URBA", "INDO"]
    assert scenes["sample"].to_pylist()[:3] == [0, 0, 2]


def test_parquet_without_pyarrow_names_the_extra(ride: RideBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(UsageError, match="requires pyarrow") as caught:
        export.write(ride(), io.BytesIO(), "parquet", export.Selection(streams=("ACCL",)))
    assert "eddyline[parquet]" in caught.value.remedy


@pytest.mark.parametrize("name", ["karma.mp4", "gpmf/hero11.raw", "gpmf/hero6+ble.raw"])
def test_every_stream_of_a_camera_file_becomes_a_table(samples: Path, tmp_path: Path, name: str) -> None:
    telemetry = gpmf.read(samples / name)
    for path, stream in zip(export.save(telemetry, tmp_path, "csv"), telemetry.streams.values(), strict=True):
        with path.open(newline="", encoding="utf-8") as file:
            assert len(list(csv.reader(file))) - 1 == len(stream.raw)


def test_a_failed_export_leaves_no_file(ride: RideBuilder, tmp_path: Path) -> None:
    with pytest.raises(export.NoTrackError):
        export.save(ride(fix=0), tmp_path / "trip.gpx")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_suffix_is_rejected(ride: RideBuilder, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no known suffix"):
        export.save(ride(), tmp_path / "trip.doc")
