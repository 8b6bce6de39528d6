from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from eddyline import gpmf
from eddyline.core.errors import UsageError
from eddyline.gpmf import export

RideBuilder = Callable[..., gpmf.Telemetry]


def document(telemetry: gpmf.Telemetry, **filters: Any) -> dict[str, Any]:
    out = io.BytesIO()
    export.write(telemetry, out, "json", export.Selection(**filters))
    found: dict[str, Any] = json.loads(out.getvalue())
    jsonschema.validate(found, export.json_schema(), cls=jsonschema.Draft202012Validator)
    for stream in found["streams"].values():
        assert len({len(values) for values in stream["samples"].values()}) == 1
        assert list(stream["samples"])[-len(stream["columns"]) :] == [
            each["name"] for each in stream["columns"]
        ]
    return found


def test_the_schema_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(export.json_schema())


def test_every_sample_is_in_the_document_once(ride: RideBuilder) -> None:
    found = document(ride())
    assert {key: each["count"] for key, each in found["streams"].items()} == {
        "ACCL": 600, "GPS5": 60, "ISOE": 60, "SCEN": 18,
    }  # fmt: skip
    assert len(found["streams"]["ACCL"]["samples"]["t"]) == 600
    assert found["filters"] == {}
    assert [hilight["time_s"] for hilight in found["highlights"]] == [1.0, 2.5]
    assert found["clock"]["utc"].startswith("2024-05-01T1")


def test_rounded_numbers_restore_the_stored_integers(ride: RideBuilder) -> None:
    telemetry = ride()
    found = document(telemetry)["streams"]
    accl, gps = telemetry.streams["ACCL"], telemetry.streams["GPS5"]
    names = [column["name"] for column in found["ACCL"]["columns"]]
    assert names == ["y", "neg_x", "z"]
    for number, name in enumerate(names):
        stored = np.rint(np.array(found["ACCL"]["samples"][name]) * 417)
        assert (stored == accl.raw[:, number]).all()
    assert (np.rint(np.array(found["GPS5"]["samples"]["lat"]) * 1e7) == gps.raw[:, 0]).all()
    assert found["ISOE"]["samples"]["iso"][0] == 100
    assert isinstance(found["ISOE"]["samples"]["iso"][0], int)


def test_turned_axes_are_x_y_z(ride: RideBuilder) -> None:
    telemetry = ride()
    found = document(telemetry, turned=True, streams=("ACCL",))["streams"]["ACCL"]
    assert [column["name"] for column in found["columns"]] == ["x", "y", "z"]
    assert found["axes"] == "XYZ"
    assert found["samples"]["x"] == pytest.approx(
        (-telemetry.streams["ACCL"].values[:, 1]).tolist(), abs=1e-4
    )


def test_rows_of_a_sample_have_its_number(ride: RideBuilder) -> None:
    samples = document(ride(seconds=1))["streams"]["SCEN"]["samples"]
    assert samples["sample"] == [0, 0, 2]
    assert samples["scene"] == ["SNOW", "URBA", "INDO"]
    assert samples["probability"] == [0.25, 0.5, 0.125]


def test_a_time_range_is_half_open(ride: RideBuilder) -> None:
    telemetry = ride()
    times = telemetry.streams["ACCL"].times
    cut = float(times[100])
    before = document(telemetry, end_s=cut)["streams"]["ACCL"]["count"]
    after = document(telemetry, start_s=cut)["streams"]["ACCL"]["count"]
    assert (before, after) == (100, 500)


def test_a_lost_fix_drops_only_gps_samples(ride: RideBuilder) -> None:
    found = document(ride(lost=(2,)), fix=2)
    assert found["streams"]["GPS5"]["count"] == 50
    assert len(found["gps"]["samples"]["lat"]) == 50
    assert found["streams"]["ACCL"]["count"] == 600


def test_a_bad_dop_is_filtered(ride: RideBuilder) -> None:
    assert document(ride(dop=600), max_dop=5.0)["gps"] is None
    assert len(document(ride(dop=499), max_dop=5.0)["gps"]["samples"]["t"]) == 60


def test_resampled_streams_share_their_times(ride: RideBuilder) -> None:
    found = document(ride(), rate_hz=5.0)["streams"]
    assert found["ACCL"]["rate_hz"] == 5.0
    assert np.allclose(np.diff(found["ACCL"]["samples"]["t"]), 0.2)
    assert {round(t * 5) for t in found["GPS5"]["samples"]["t"]} <= {
        round(t * 5) for t in found["ACCL"]["samples"]["t"]
    }
    assert set(found["ISOE"]["samples"]["iso"]) <= set(range(100, 106)), "integers are selected, not averaged"


def test_a_range_is_selected_after_resampling(ride: RideBuilder) -> None:
    found = document(ride(), rate_hz=20.0, start_s=1.0, end_s=2.0)
    for key in ("ACCL", "GPS5", "ISOE"):
        times = found["streams"][key]["samples"]["t"]
        assert (times[0], times[-1], len(times)) == (1.0, 1.95, 20)


def test_an_unknown_stream_is_reported_with_the_known_ones(ride: RideBuilder) -> None:
    with pytest.raises(UsageError, match="the stream NOPE is missing") as caught:
        document(ride(), streams=("NOPE",))
    assert "ACCL, GPS5" in caught.value.remedy


def test_nan_is_null() -> None:
    payload = gpmf.serialize(
        [gpmf.device(1, "Camera", [gpmf.stream("SHUT", "f", [1.0, float("nan"), float("inf")], total=3)])]
    )
    assert document(gpmf.read_payloads(payload))["streams"]["SHUT"]["samples"]["exposure"] == [
        1.0,
        None,
        None,
    ]


@pytest.mark.parametrize(
    "name",
    [
        "max-heromode.mp4",
        "karma.mp4",
        "gpmf/hero11.raw",
        "gpmf/grass.gpmf",
        "gpmf/Fusion.raw",
        "gpmf/mp4header.raw",
    ],
)
def test_camera_files_give_valid_documents(samples: Path, name: str) -> None:
    telemetry = gpmf.read(samples / name)
    found = document(telemetry)
    assert {key: each["count"] for key, each in found["streams"].items()} == {
        key: len(stream) for key, stream in telemetry.streams.items()
    }
    assert found["camera"]["model"] == telemetry.camera.model
