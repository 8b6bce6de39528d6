"""Every reader reads the demo clip like a recording of a camera, and the clip is reproducible."""

from __future__ import annotations

import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from eddyline.core.errors import UsageError
from eddyline.gpmf.format.reader import parse
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie
from eddyline.pipeline.demo_clip import make_clip
from eddyline.pipeline.demo_clip.make import STARTED
from eddyline.pipeline.demo_clip.payloads import payloads
from eddyline.pipeline.demo_clip.trip import acceleration, fix, rotation
from eddyline.store.ranges import FileRanges


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "demo.mp4", seconds=3, width=160, height=90)


@pytest.fixture(scope="module")
def movie(clip: Path) -> Movie:
    with FileRanges(clip) as source:
        return read_movie(source)


def test_the_clip_has_video_audio_and_telemetry(movie: Movie) -> None:
    assert [track.kind for track in movie.tracks] == ["video", "audio", "telemetry"]
    video = movie.tracks[0]
    assert (video.format, video.width, video.height) == ("avc1", 160, 90)
    assert video.pixel_aspect == Fraction(1)
    assert len(video.samples) == 90
    assert np.flatnonzero(video.samples.sync).tolist() == [0, 61]
    assert np.any(video.samples.pts != video.samples.dts)  # B-frames
    assert movie.creation_time == 3_833_344_800


def test_the_telemetry_covers_the_video_in_payloads_of_1001_ms(movie: Movie) -> None:
    telemetry = movie.tracks[2]
    assert (telemetry.format, telemetry.handler, telemetry.timescale) == ("gpmd", "meta", 1000)
    assert telemetry.samples.duration.tolist() == [1001, 1001, 1001]


def test_every_payload_contains_motion_and_position_with_their_units(clip: Path, movie: Movie) -> None:
    samples = movie.tracks[2].samples
    total = 0
    with FileRanges(clip) as source:
        for offset, size in zip(samples.offset.tolist(), samples.size.tolist(), strict=True):
            document = parse(source.read(offset, size))
            nodes = {node.key: node for _, node in document.walk()}
            assert nodes["DVNM"].text == "Eddyline Demo"
            assert nodes["ACCL"].array().shape == (200, 3)
            assert nodes["GPS5"].array().shape == (18, 5)
            assert nodes["UNIT"].texts == ("deg", "deg", "m", "m/s", "m/s")
            assert next(document.find("SIUN")).text == "m/s²"
            total += 200
            assert int(next(document.find("TSMP")).array().ravel()[0]) == total


def test_the_output_is_reproducible(clip: Path, tmp_path: Path) -> None:
    again = make_clip(tmp_path / "again.mp4", seconds=3, width=160, height=90)
    assert again.read_bytes() == clip.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["again.mp4"]


def test_the_last_payload_covers_the_remainder() -> None:
    blocks = list(payloads(2500, STARTED))
    assert [each.duration_ms for each in blocks] == [1001, 1001, 498]
    assert len(list(payloads(1002, STARTED))[-1].data) > 100  # a payload of 1 ms still has a sample of each


def test_positions_and_speeds_are_plausible_for_a_boat() -> None:
    times = np.arange(0, 90, 0.01)
    positions = fix(times)
    assert 0.1 < positions.speed_2d.min() < positions.speed_2d.max() < 12
    assert abs(positions.latitude[-1] - positions.latitude[0]) < 1e-4
    accelerations = acceleration(times)
    assert accelerations[:, 0].mean() == pytest.approx(9.81, abs=0.05)
    assert np.abs(rotation(times)).max() < 4


def test_no_files_remain_after_a_failure_of_ffmpeg(tmp_path: Path) -> None:
    from eddyline.core.errors import ToolError

    with pytest.raises(ToolError):
        make_clip(tmp_path / "odd.mp4", seconds=1, width=161, height=90)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("seconds", [0, 601])
def test_an_invalid_length_is_rejected(tmp_path: Path, seconds: int) -> None:
    with pytest.raises(UsageError):
        make_clip(tmp_path / "x.mp4", seconds=seconds)


def test_the_highlights_are_within_the_clip(movie: Movie) -> None:
    assert movie.udta is not None
    at = movie.udta.index(b"HMMT") + 4
    count, first, second = np.frombuffer(movie.udta, ">u4", 3, at).tolist()
    assert count == 2
    assert 0 < first < second < 3003


def test_an_independent_reader_finds_the_camera_and_the_position(clip: Path) -> None:
    exiftool = shutil.which("exiftool")
    if exiftool is None:
        pytest.skip("exiftool is not installed")
    done = subprocess.run(
        [exiftool, "-ee", "-j", "-n", "-G3", str(clip)], capture_output=True, text=True, check=True
    )
    tags = {key.split(":")[-1]: value for key, value in json.loads(done.stdout)[0].items()}
    assert tags["Model"] == "Eddyline Demo"
    assert tags["FirmwareVersion"] == "EDY.01.00.00"
    assert tags["GPSLatitude"] == pytest.approx(46.33, abs=0.01)
    assert tags["CreateDate"] == "2025:06:21 10:00:00"
