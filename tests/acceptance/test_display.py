"""Sources with display matrices, spherical metadata or rare colour spaces, through the whole program."""

from __future__ import annotations

import json
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from tests.acceptance.conftest import manifest_of
from tests.unit.media.displayed_frames import decode_first_frame, probe_stream
from tests.unit.media.video.test_spherical import equi, st3d, sv3d
from tests.unit.mp4.matrices import EIGHT, fixed, set_matrices, with_entry_boxes

from eddyline.media.video.spherical import read_spherical
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges

_CORNERS = "drawbox=0:0:160:90:red:fill,drawbox=160:0:160:90:blue:fill,drawbox=20:100:60:30:white:fill"


@pytest.fixture
def plain(ffmpeg: str, tmp_path: Path) -> Path:
    out = tmp_path / "plain.mp4"
    argv = [ffmpeg, "-v", "error", "-f", "lavfi", "-i", f"color=green:s=320x180:r=10:d=2,{_CORNERS},setsar=0"]
    subprocess.run([*argv, "-c:v", "libx264", "-pix_fmt", "yuv420p", f"{out}"], check=True, timeout=60)
    return out


def published(
    eddyline: tuple[str, ...], source: Path, profile: Path, out: Path
) -> tuple[dict[str, Any], Path]:
    argv = [*eddyline, "run", f"{source}", "--out", f"{out}", "--profile", f"{profile}"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    manifest = manifest_of(out)
    schema = json.loads((files("eddyline.pipeline.publication") / "manifest.schema.json").read_text("utf-8"))
    jsonschema.validate(manifest, schema)
    return manifest, out / "assets" / manifest["asset"]


def test_a_mirrored_track_in_a_rotated_movie_is_displayed_like_its_source(
    eddyline: tuple[str, ...], small_profile: Path, plain: Path, ffmpeg: str, ffprobe: str, tmp_path: Path
) -> None:
    source = set_matrices(
        plain, tmp_path / "a.mp4", fixed(EIGHT["mirrored"]), fixed(EIGHT["rotated by 90"]), size=(426, 180)
    )
    manifest, root = published(eddyline, source, small_profile, tmp_path / "out")
    video = manifest["source"]["video"]
    assert (video["width"], video["height"], video["rotation"], video["mirrored"]) == (320, 180, 90, True)
    expected = decode_first_frame(ffmpeg, source)
    for each in manifest["renditions"]:
        path = root / each["path"]
        probed = probe_stream(ffprobe, path)
        assert (probed["width"], probed["height"]) == (each["width"], each["height"])
        assert abs(each["height"] / each["width"] - 426 / 180) < 0.1
        assert np.abs(decode_first_frame(ffmpeg, path) - expected).mean() < 6
    for image in ["pictures/poster.jpg", *(each["path"] for each in manifest["pictures"]["thumbnails"])]:
        assert np.abs(decode_first_frame(ffmpeg, root / image) - expected).mean() < 6


def test_renditions_and_streams_contain_the_spherical_metadata(
    eddyline: tuple[str, ...], small_profile: Path, plain: Path, tmp_path: Path
) -> None:
    source = with_entry_boxes(plain, tmp_path / "a.mp4", st3d(1), sv3d(equi()))
    manifest, root = published(eddyline, source, small_profile, tmp_path / "out")
    assert manifest["source"]["video"]["projection"] == "equirectangular"
    inits = [root / "stream" / each["name"] / "init.mp4" for each in manifest["renditions"]]
    for path in [*(root / each["path"] for each in manifest["renditions"]), *inits]:
        with FileRanges(path) as file:
            found = read_spherical(read_movie(file).tracks[0])
        assert found is not None
        assert (found.projection, found.stereo, len(found.v1)) == ("equirectangular", 1, 1)
    master = (root / "stream" / "master.m3u8").read_text("utf-8")
    assert master.count('REQ-VIDEO-LAYOUT="CH-STEREO/PROJ-EQUI"') == 2 * len(inits)
    assert not [each for each in manifest["left_out"] if each["kind"] == "spherical"]


_X265 = ("-c:v", "libx265", "-crf", "4", "-preset", "ultrafast", "-x265-params", "log-level=error")
_PQ = "setparams=color_primaries=bt2020:color_trc=smpte2084"
_SDR = "setparams=color_primaries=bt709:color_trc=bt709"


@pytest.mark.parametrize(
    ("filters", "options", "matrix"),
    [
        (f"{_SDR},zscale=m=ycgco:r=full,format=yuv420p", ("-c:v", "libx264"), "bt709"),
        (f"{_SDR},zscale=m=2020_cl:r=limited:p=2020,format=yuv420p", ("-c:v", "libx264"), "bt2020nc"),
        (f"{_PQ},zscale=m=ictcp:r=limited,format=yuv420p10le", _X265, "bt709"),
        (f"{_PQ}:colorspace=gbr", ("-pix_fmt", "gbrp10le", *_X265), "bt709"),
        ("format=rgb24", ("-c:v", "libx264rgb"), "bt709"),
    ],
    ids=["YCgCo", "constant luminance", "ICtCp", "RGB in PQ", "RGB"],
)
def test_rare_colour_spaces_pass_verification(
    filters: str, options: tuple[str, ...], matrix: str,
    eddyline: tuple[str, ...], small_profile: Path, ffmpeg: str, ffprobe: str, tmp_path: Path,
) -> None:  # fmt: skip
    source = tmp_path / "a.mp4"
    pattern = (
        f"color=0x205020:s=320x180:r=10:d=1,{_CORNERS.replace('white', '0x606060')},format=gbrp,{filters}"
    )
    argv = [ffmpeg, "-v", "error", "-f", "lavfi", "-i", pattern, *options, f"{source}"]
    subprocess.run(argv, check=True, timeout=60)
    manifest, root = published(eddyline, source, small_profile, tmp_path / "out")
    for each in manifest["renditions"]:
        assert probe_stream(ffprobe, root / each["path"])["color_space"] == matrix
        assert probe_stream(ffprobe, root / "stream" / each["name"] / "init.mp4")["color_space"] == matrix
        assert manifest["proof"]["frame_samples"][each["name"]]["compared"]
