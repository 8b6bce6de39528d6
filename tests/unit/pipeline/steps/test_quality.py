"""The quality of finished renditions is measured before publication, unless the profile has it off."""

from __future__ import annotations

import json
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from eddyline import app
from eddyline.core.stop import Stop
from eddyline.media.ladder.profile import Profile, load_profile
from eddyline.pipeline.demo_clip import make_clip

_PROFILE = """
name: tiny
rungs:
  - {{height: 180, codec: h264, crf: 20, preset: ultrafast, maxrate_kbps: 2000, bufsize_kbps: 4000{first}}}
  - {{height: 90, codec: h264, crf: 45, preset: ultrafast, maxrate_kbps: 500, bufsize_kbps: 1000}}
package: false
pictures: {{thumbs: 0, poster_width: 160, thumb_width: 160, storyboard: null}}
{more}
"""


def _run(path: Path, source: Path, *, first: str = "", more: str = "", out: str = "out") -> dict[str, Any]:
    profile = path / "tiny.yaml"
    profile.write_text(_PROFILE.format(first=first, more=more))
    request = app.RunRequest(sources=(source,), out=path / out, profile=str(profile))
    report = app.run(request, stop=Stop(), on_event=lambda _: None)
    assert not report.failed
    manifest: dict[str, Any] = json.loads(Path(report.finished[0].manifest).read_text())
    schema = json.loads(
        files("eddyline.pipeline.publication").joinpath("manifest.schema.json").read_text("utf-8")
    )
    jsonschema.validate(manifest, schema)
    return manifest


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of two seconds."""
    return make_clip(tmp_path_factory.mktemp("quality") / "clip.mp4", seconds=2, width=320, height=180)


def test_every_rendition_has_its_quality_in_the_manifest(source: Path, tmp_path: Path) -> None:
    good, bad = (each["quality"] for each in _run(tmp_path, source)["renditions"])
    assert (good["method"], good["width"], good["height"]) == ("sampled", 320, 180)
    assert good["frames"] == bad["frames"] >= 2
    assert good["metrics"]["vmaf"]["model"] == "vmaf_v0.6.1"
    assert set(good["metrics"]) == {"vmaf", "psnr", "ssim"}
    for metric, values in good["metrics"].items():
        assert values["min"] <= values["p1"] <= values["p5"] <= values["mean"], metric
        assert bad["metrics"][metric]["mean"] < values["mean"], metric
    assert good["metrics"]["psnr"]["mean"] > 30


def test_two_runs_measure_the_same(source: Path, tmp_path: Path) -> None:
    first, second = (_run(tmp_path, source, out=name) for name in ("a", "b"))
    assert [each["quality"] for each in first["renditions"]] == [
        each["quality"] for each in second["renditions"]
    ]


def test_a_profile_may_have_the_measurement_off(source: Path, tmp_path: Path) -> None:
    manifest = _run(tmp_path, source, more="quality: 'off'")
    assert all("quality" not in each for each in manifest["renditions"])
    assert "quality" not in manifest["run"]["cost"]["kinds"]


def test_hdr_is_not_measured_and_says_so(ffmpeg: str, tmp_path: Path) -> None:
    hdr = tmp_path / "hdr.mp4"
    tags = "setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc,format=yuv420p10le"
    video = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=1", "-vf", tags, "-c:v", "libx265")
    x265 = ("-preset", "ultrafast", "-x265-params", "log-level=error", "-tag:v", "hvc1")
    subprocess.run([ffmpeg, "-v", "error", *video, *x265, str(hdr)], check=True)
    first = ", codec: hevc, pixel_format: yuv420p10le"
    text = _PROFILE.replace("codec: h264, crf: 20", "crf: 20", 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{__name__}._PROFILE", text)
        manifest = _run(tmp_path, hdr, first=first, more="hdr: keep")
    by_transfer = {each["transfer"]: each["quality"] for each in manifest["renditions"]}
    assert by_transfer["hlg"] == {"not_measured": "HDR: VMAF is not defined for it"}
    assert by_transfer["sdr"]["metrics"]["vmaf"]["mean"] > 10


def test_the_default_does_not_change_the_digest_of_a_profile() -> None:
    plain = load_profile("default")
    assert plain.quality == "sampled"
    assert "quality" not in plain.model_dump(mode="json")
    switched = Profile.model_validate({**plain.model_dump(mode="json"), "quality": "off"})
    assert switched.digest() != plain.digest()
