from __future__ import annotations

import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from tests.unit.library.telemetry.published_assets import ASSET, publish, recording

from eddyline import gpmf
from eddyline.core.errors import MissingError, UnsupportedError
from eddyline.gpmf import export
from eddyline.gpmf.export.selection import Selection
from eddyline.library.telemetry import asset_telemetry
from eddyline.library.telemetry.asset_telemetry import TIMES, AssetTelemetry, read_published
from eddyline.store.local import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "out")


@pytest.fixture
def movie(store: LocalStore, tmp_path: Path) -> Path:
    return publish(store, tmp_path, recording(8))


def exported(movie: Path) -> Any:
    """What `eddyline telemetry MOVIE --format json` prints."""
    out = io.BytesIO()
    export.write(gpmf.read(movie), out, "json", Selection())
    return orjson.loads(out.getvalue())


def plain(values: Any) -> Any:
    return orjson.loads(orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY))


def test_streams_have_the_values_and_times_of_the_command(
    store: LocalStore, movie: Path, tmp_path: Path
) -> None:
    expected = exported(movie)["streams"]
    for _ in range(2):  # decoded, then from the cache
        telemetry = AssetTelemetry(store, tmp_path / "cache")
        described = telemetry.describe(ASSET, "1")["streams"]
        assert [each["stream"] for each in described] == ["ACCL", "GPS5", "SHUT"]
        for each in described:
            group = telemetry.stream(ASSET, "1", each["stream"])
            samples = dict(expected[each["stream"]]["samples"])
            assert group is not None
            assert plain(group.arrays[TIMES]) == samples.pop("t")
            assert {name: plain(values) for name, values in group.arrays.items() if name != TIMES} == samples
            assert each["samples"] == expected[each["stream"]]["count"]
            assert each["elements"] == [
                {**column, "numeric": True} for column in expected[each["stream"]]["columns"]
            ]
    assert described[0] == {
        "stream": "ACCL",
        "name": "Accelerometer",
        "device": "HERO7 Black",
        "rate_hz": 199.8002,
        "samples": 1600,
        "first_s": 0.0,
        "last_s": pytest.approx(8.003, abs=0.001),
        "elements": [{"name": axis, "unit": "m/s²", "numeric": True} for axis in ("y", "neg_x", "z")],
    }


def test_the_track_says_which_positions_are_good(store: LocalStore, movie: Path, tmp_path: Path) -> None:
    group = AssetTelemetry(store, tmp_path / "cache").track(ASSET, "1")
    assert group is not None
    good = np.repeat([1, 1, 1, 0, 1, 0, 1, 1], 18).astype(bool)  # no fix, and a high DOP
    assert group.arrays["good"].tolist() == good.tolist()
    gps = exported(movie)["gps"]["samples"]
    fixed = group.arrays["fix"] == 3
    for name in ("lat", "lon", "alt_m", "speed_2d", "dop", "utc"):
        assert plain(group.arrays[name][fixed]) == gps[name]
    assert group.facts["good"] == good.sum()


def test_what_the_asset_does_not_have_is_none(store: LocalStore, tmp_path: Path) -> None:
    publish(store, tmp_path, recording(2))
    telemetry = AssetTelemetry(store, tmp_path / "cache")
    assert telemetry.stream(ASSET, "1", "MAGN") is None
    store.put_bytes(f"assets/{ASSET}/manifest.json", b'{"telemetry":{"payloads":null},"renditions":[]}')
    assert telemetry.describe(ASSET, "2")["streams"] == []
    assert telemetry.track(ASSET, "2") is None
    with pytest.raises(MissingError):
        telemetry.describe("f" * 16, "1")


@pytest.mark.usefixtures("movie")
def test_an_asset_that_is_published_again_is_decoded_again(store: LocalStore, tmp_path: Path) -> None:
    telemetry = AssetTelemetry(store, tmp_path / "cache")
    assert telemetry.describe(ASSET, "1")["streams"][0]["samples"] == 1600
    publish(store, tmp_path, recording(3))
    assert telemetry.describe(ASSET, "1")["streams"][0]["samples"] == 1600
    assert telemetry.describe(ASSET, "2")["streams"][0]["samples"] == 600
    telemetry.forget(ASSET)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.usefixtures("movie")
def test_requests_at_once_decode_the_recording_once(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0

    def counted(*arguments: Any) -> Any:
        nonlocal count
        count += 1
        return read_published(*arguments)

    monkeypatch.setattr(asset_telemetry, "read_published", counted)
    telemetry = AssetTelemetry(store, tmp_path / "cache")
    actions: list[Callable[[], Any]] = [
        lambda: telemetry.stream(ASSET, "1", "ACCL"),
        lambda: telemetry.stream(ASSET, "1", "GPS5"),
        lambda: telemetry.track(ASSET, "1"),
    ] * 3
    threads = [threading.Thread(target=action) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count == 1


@pytest.mark.usefixtures("movie")
def test_large_telemetry_is_refused(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asset_telemetry, "MAX_PAYLOAD_BYTES", 1000)
    with pytest.raises(UnsupportedError, match="more than 1000"):
        AssetTelemetry(store, tmp_path / "cache").describe(ASSET, "1")


@pytest.mark.usefixtures("movie")
def test_without_a_movie_the_payloads_are_read_alone(store: LocalStore, tmp_path: Path) -> None:
    """Their times are assumed, as for a file of payloads."""
    manifest = orjson.loads(store.get(f"assets/{ASSET}/manifest.json"))
    store.put_bytes(f"assets/{ASSET}/manifest.json", orjson.dumps({**manifest, "renditions": []}))
    described = AssetTelemetry(store, tmp_path / "cache").describe(ASSET, "1")
    assert described["streams"][0]["samples"] == 1600


@pytest.mark.usefixtures("movie")
def test_payloads_of_another_size_than_the_track_are_not_used(store: LocalStore, tmp_path: Path) -> None:
    store.put_bytes(f"assets/{ASSET}/telemetry/payloads.gpmf", recording(1)[0])
    described = AssetTelemetry(store, tmp_path / "cache").describe(ASSET, "1")
    assert described["streams"][0]["samples"] == 1600  # those of the movie
