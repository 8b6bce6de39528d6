"""`eddyline quality` on the command line."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from eddyline import app
from eddyline.cli.main import build
from eddyline.core.errors import InputError, MissingError, UnsupportedError, UsageError
from eddyline.core.stop import Stop

_PROFILE = """
name: tiny
rungs:
  - {height: 270, codec: h264, crf: 24, preset: ultrafast, maxrate_kbps: 4000, bufsize_kbps: 8000}
  - {height: 90, codec: h264, crf: 30, preset: ultrafast, maxrate_kbps: 500, bufsize_kbps: 1000}
gop_s: 0.4
segment_s: 0.8
package: false
pictures: {thumbs: 0, poster_width: 160, thumb_width: 160, storyboard: null}
"""


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A published asset of a source that had to be remuxed."""

    id: str
    out: Path
    source: Path


@pytest.fixture(scope="module")
def asset(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Asset:
    """30 frames with B-frames in Matroska."""
    path = tmp_path_factory.mktemp("quality")
    source = path / "clip.mkv"
    video = ("-f", "lavfi", "-i", "testsrc2=s=480x270:r=25:d=1.2,noise=alls=9:allf=t:all_seed=2")
    x264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "12", "-crf", "14")
    subprocess.run([ffmpeg, "-v", "error", *video, *x264, str(source)], check=True)
    (path / "tiny.yaml").write_text(_PROFILE)
    request = app.RunRequest(sources=(source,), out=path / "out", profile=str(path / "tiny.yaml"))
    report = app.run(request, stop=Stop(), on_event=lambda _: None)
    assert not report.failed
    return Asset(id=Path(report.finished[0].manifest).parent.name, out=path / "out", source=source)


def call(asset: Asset, *arguments: str | Path) -> Result:
    argv = ["quality", asset.id, "--out", str(asset.out), *(str(argument) for argument in arguments)]
    return CliRunner(env={"COLUMNS": "200"}).invoke(build(argv), argv, catch_exceptions=True)


def measured(asset: Asset, *arguments: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call(asset, *arguments, "--json").output)["renditions"]
    return found


def test_the_values_of_the_manifest_are_shown(asset: Asset) -> None:
    found = measured(asset)
    manifest = json.loads((asset.out / "assets" / asset.id / "manifest.json").read_text())
    assert found == {each["name"]: each["quality"] for each in manifest["renditions"]}
    lines = [line.split() for line in call(asset).output.splitlines()]
    assert lines[0] == [
        "rendition",
        "metric",
        "model",
        "mean",
        "5",
        "%",
        "1",
        "%",
        "worst",
        "error",
        "frames",
    ]
    assert lines[1][:5] == ["270p", "at", "480x270", "vmaf", "vmaf_v0.6.1"]
    assert "--full measures all" in call(asset).output


def test_all_frames_and_all_metrics_are_measured_on_request(asset: Asset) -> None:
    found = measured(asset, "--full", "--metrics", "all")
    large, small = found["270p"], found["90p"]
    assert (large["method"], large["frames"], small["frames"]) == ("full", 30, 30)
    assert large["metrics"]["vmaf_v1"]["model"] == "vmaf_v1.0.16_5d0h"
    assert {"vmaf", "vmaf_neg", "vmaf_v1", "psnr", "ssim", "xpsnr", "cambi"} == set(large["metrics"])
    assert {"vmaf", "vmaf_neg", "psnr", "ssim", "xpsnr"} == set(small["metrics"])
    assert set(large["metrics"]["cambi"]) == {"mean", "p95", "p99", "max"}
    assert 20 < large["metrics"]["psnr"]["mean"] < 60


def test_at_the_size_of_the_source_small_renditions_are_worse(asset: Asset) -> None:
    own = measured(asset, "--metrics", "vmaf", "--rung", "90p")["90p"]
    scaled = measured(asset, "--metrics", "vmaf,cambi", "--rung", "90p", "--at", "source")["90p"]
    assert (own["width"], own["height"]) == (160, 90)
    assert (scaled["width"], scaled["height"]) == (480, 270)
    assert scaled["metrics"]["vmaf"]["mean"] < own["metrics"]["vmaf"]["mean"] - 20
    assert set(scaled["metrics"]) == {"vmaf", "cambi"}


def test_a_copy_of_the_source_is_accepted_and_another_file_is_not(asset: Asset, tmp_path: Path) -> None:
    copy = tmp_path / "copy.mkv"
    copy.write_bytes(asset.source.read_bytes())
    assert measured(asset, "--source", copy, "--rung", "90p")["90p"]["method"] == "sampled"
    rendition = asset.out / "assets" / asset.id / "renditions" / "90p.mp4"
    failed = call(asset, "--source", rendition, "--rung", "90p")
    assert isinstance(failed.exception, InputError)
    assert "is not the source of this asset" in str(failed.exception)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("--rung", "480p"), UsageError, "no rendition '480p'"),
        (("--metrics", "vmaf,ms-ssim"), UsageError, "'ms-ssim' is not known"),
        (("--at", "screen"), UsageError, "'screen' is not known"),
        (("--source", "/nonexistent"), MissingError, "/nonexistent does not exist"),
    ],
)
def test_wrong_arguments_are_explained(
    asset: Asset, arguments: tuple[str, ...], error: type[Exception], message: str
) -> None:
    failed = call(asset, *arguments)
    assert isinstance(failed.exception, error)
    assert message in str(failed.exception)


def test_cropped_renditions_are_not_compared_with_whole_frames(asset: Asset, tmp_path: Path) -> None:
    (tmp_path / "square.yaml").write_text(_PROFILE + "crop: {aspect: '1:1'}\n")
    request = app.RunRequest(
        sources=(asset.source,), out=tmp_path / "out", profile=str(tmp_path / "square.yaml")
    )
    report = app.run(request, stop=Stop(), on_event=lambda _: None)
    square = Asset(
        id=Path(report.finished[0].manifest).parent.name, out=tmp_path / "out", source=asset.source
    )
    assert measured(square)["270p"]["metrics"]["psnr"]["mean"] > 20
    failed = call(square, "--full")
    assert isinstance(failed.exception, UnsupportedError)
    assert "shows a part of the source's frame" in str(failed.exception)


def test_an_asset_that_is_not_published_is_reported(asset: Asset) -> None:
    argv = ["quality", "0" * 16, "--out", str(asset.out)]
    failed = CliRunner().invoke(build(argv), argv, catch_exceptions=True)
    assert isinstance(failed.exception, MissingError)
    assert "is not published" in str(failed.exception)
