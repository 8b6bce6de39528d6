"""GoPro MAX recordings (.360) through the whole program: a sphere, a flat view, and what is refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.servers.ministack import Ministack
from tests.unit.media.eac_clips import (
    FACES,
    MAX_3K,
    Image,
    sphere_image,
    track_image,
    view_image,
    waves,
    write_recording,
    write_track,
)

from eddyline import app
from eddyline.core.stop import Stop
from eddyline.media.video.spherical import read_spherical
from eddyline.mp4.index import read_movie
from eddyline.pipeline.publication.manifest import without_run
from eddyline.pipeline.runs.events import RunReport
from eddyline.store.open_store import BUCKETS, open_store
from eddyline.store.ranges import FileRanges
from eddyline.store.store_settings import StoreSettings

FRAMES, RATE = 6, 10
PROFILE = """
name: tiny
rungs:
  - {height: 360, codec: h264, crf: 12, preset: ultrafast, maxrate_kbps: 20000, bufsize_kbps: 40000}
  - {height: 90, codec: h264, crf: 20, preset: ultrafast, maxrate_kbps: 2000, bufsize_kbps: 4000}
gop_s: 0.1
segment_s: 0.1
pictures: {thumbs: 2, poster_width: 320, thumb_width: 160}
"""
pytestmark = pytest.mark.slow


def _brightness(frame: int) -> float:
    return 1 - 0.07 * frame


@pytest.fixture(scope="module")
def tracks(tmp_path_factory: pytest.TempPathFactory, ffmpeg: str) -> tuple[Path, Path]:
    """Both tracks of a recording whose frames grow darker; every third frame is a keyframe."""
    folder = tmp_path_factory.mktemp("tracks")
    written = []
    for number, names in enumerate(FACES):
        image = track_image(MAX_3K, names, waves)
        frames = [image * _brightness(frame) for frame in range(FRAMES)]
        quality = ("-crf", "8", "-x265-params", "log-level=none")
        out = folder / f"{number}.mp4"
        written.append(write_track(ffmpeg, out, frames, rate=RATE, gop=3, quality=quality))
    return written[0], written[1]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory, ffmpeg: str, tracks: tuple[Path, Path]) -> Path:
    return write_recording(ffmpeg, tmp_path_factory.mktemp("card") / "GS010001.360", *tracks)


@pytest.fixture
def profile(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(PROFILE)
    return str(path)


def _run(source: str | Path, out: Path, profile: str, **options: Any) -> RunReport:
    request = app.RunRequest(sources=(source,), out=out, profile=profile, **options)
    return app.run(request, stop=Stop(), on_event=lambda _: None)


def _asset(report: RunReport) -> tuple[Path, dict[str, Any]]:
    assert report.failed == ()
    path = Path(report.finished[0].manifest)
    return path.parent, json.loads(path.read_text())


def _decode(ffmpeg: str, path: Path, width: int, height: int) -> Image:
    argv = [
        ffmpeg,
        "-v",
        "error",
        "-i",
        str(path),
        "-map",
        "0:v:0",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-",
    ]
    done = subprocess.run(argv, check=True, capture_output=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3).astype(float)


def _psnr(image: Image, expected: Image) -> float:
    return float(10 * np.log10(255**2 / ((image - np.clip(expected, 0, 255)) ** 2).mean()))


def test_a_recording_becomes_equirectangular_with_its_metadata(
    ffmpeg: str,
    tmp_path: Path,
    recording: Path,
    profile: str,
    ministack: Ministack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, manifest = _asset(_run(recording, tmp_path / "out", profile))
    video = manifest["source"]["video"]
    assert (video["width"], video["height"], video["projection"]) == (2944, 1472, "equirectangular")
    assert video["sphere"] == {"tracks": 2, "width": 2272, "height": 736, "view": None}
    assert manifest["left_out"] == []
    assert len(manifest["audio"]) == 1
    assert manifest["proof"]["chunks"] == 4
    for name in ("360p", "90p"):
        assert manifest["proof"]["frame_samples"][name]["worst_psnr_db"] > 34
    assert manifest["proof"]["frame_samples"]["90p"]["compared"] >= 4
    for rendition, height in zip(manifest["renditions"], (320, 80), strict=True):
        assert (rendition["width"], rendition["height"]) == (2 * height, height)
        path = folder / rendition["path"]
        with FileRanges(path) as source:
            found = read_spherical(read_movie(source).tracks[0])
        assert found is not None
        assert found.projection == "equirectangular"
        assert found.v1
        assert found.v2
    frames = _decode(ffmpeg, folder / "renditions/360p.mp4", 640, 320)
    expected = sphere_image(640, 320, waves)
    assert len(frames) == FRAMES
    for number, frame in enumerate(frames):
        assert _psnr(frame, expected * _brightness(number)) > 36
    master = (folder / "stream/master.m3u8").read_text()
    assert master.count('REQ-VIDEO-LAYOUT="PROJ-EQUI"') == master.count("360p") + master.count("90p")
    poster = _decode(ffmpeg, folder / "pictures/poster.jpg", 320, 160)[0]
    # The poster is one of both keyframes, frames 0 and 3.
    small = sphere_image(320, 160, waves)
    assert max(_psnr(poster, small * _brightness(frame)) for frame in (0, 3)) > 32
    assert (folder / "pictures/storyboard-00.jpg").is_file()
    stored = _run_from_store(recording, tmp_path / "stored", profile, ministack, monkeypatch)
    assert without_run(stored) == without_run(manifest)


def _run_from_store(
    recording: Path, out: Path, profile: str, ministack: Ministack, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """The manifest of a run that reads the recording by ranges from a bucket."""
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    for name, value in {"AWS_ENDPOINT_URL": ministack.url, "AWS_REGION": "us-east-1", **credentials}.items():
        monkeypatch.setenv(name, value)
    bucket = ministack.bucket()
    open_store(f"s3://{bucket}", ministack.settings).put(f"card/{recording.name}", recording)
    try:
        return _asset(_run(f"s3://{bucket}/card/{recording.name}", out, profile))[1]
    finally:
        BUCKETS.configure(StoreSettings())


def test_a_view_becomes_flat_video(ffmpeg: str, tmp_path: Path, recording: Path, profile: str) -> None:
    report = _run(recording, tmp_path / "out", profile, reframe="yaw=90,pitch=0,fov=90,aspect=16:9")
    folder, manifest = _asset(report)
    video = manifest["source"]["video"]
    assert video["projection"] is None
    assert video["sphere"]["view"] == {"yaw": 90, "pitch": 0, "roll": 0, "fov": 90}
    assert [each["kind"] for each in manifest["left_out"]] == ["spherical"]
    frames = _decode(ffmpeg, folder / "renditions/360p.mp4", 640, 360)
    right = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    expected = view_image(640, 360, 90, right, waves)
    assert _psnr(frames[5], expected * _brightness(5)) > 34
    with FileRanges(folder / "renditions/360p.mp4") as source:
        assert read_spherical(read_movie(source).tracks[0]) is None
    assert "REQ-VIDEO-LAYOUT" not in (folder / "stream/master.m3u8").read_text()


def test_recordings_that_cannot_be_joined_are_refused_with_the_reason(
    ffmpeg: str, tmp_path: Path, tracks: tuple[Path, Path], profile: str
) -> None:
    small = [np.full((96, 288, 3), 90.0)] * 4
    odd = write_track(ffmpeg, tmp_path / "odd.mp4", small)
    unknown = write_recording(ffmpeg, tmp_path / "unknown.360", odd, odd)
    (failed,) = _run(unknown, tmp_path / "out", profile).failed
    assert "two tracks of 288x96 has an unknown layout" in failed.reason
    assert "GoPro Player" in str(failed.remedy)
    shorter = tmp_path / "shorter.mp4"
    argv = [ffmpeg, "-v", "error", "-i", str(tracks[1]), "-frames:v", "5", "-c", "copy", str(shorter)]
    subprocess.run(argv, check=True)
    uneven = write_recording(ffmpeg, tmp_path / "uneven.360", tracks[0], shorter)
    (failed,) = _run(uneven, tmp_path / "out", profile).failed
    assert "different numbers of frames: 6 and 5" in failed.reason


def test_a_frame_that_is_damaged_in_the_second_track_only_is_found(
    tmp_path: Path, recording: Path, profile: str
) -> None:
    damaged = tmp_path / "GS010002.360"
    data = bytearray(recording.read_bytes())
    with FileRanges(recording) as source:
        movie = read_movie(source)
    table = movie.tracks_of_kind("video")[1].samples
    at, size = int(table.offset[4]), int(table.size[4])
    data[at : at + size] = bytes(size)
    damaged.write_bytes(data)
    (tmp_path / "tiny.yaml").write_text(PROFILE + "package: false\n")
    (failed,) = _run(damaged, tmp_path / "out", profile).failed
    assert "damaged" in failed.reason
