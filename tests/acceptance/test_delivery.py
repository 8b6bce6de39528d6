"""Single MP4 files for download and for social networks: crop, size limit, loudness, and fast start."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

_PROFILE = """
rungs: [{height: 128, codec: h264, crf: 4, preset: ultrafast, maxrate_kbps: 20000, bufsize_kbps: 20000}]
audio: {normalise: {target_lufs: -14.0}}
max_fps: 30
crop: {aspect: "1:1", x: 1.0, y: 0.9}
max_bytes: 400000
max_duration_s: 10
pictures: {thumbs: 0, storyboard: null}
package: false
"""
_SIDE = 180


@pytest.fixture(scope="module")
def assets(
    ffmpeg: str, eddyline: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Path, dict[str, Any]]]:
    """The directory and the manifest of each asset, by the name of its source."""
    work = tmp_path_factory.mktemp("delivery")
    (work / "social.yaml").write_text(_PROFILE)
    # Brighter to the right and to the bottom, so that each part of a frame is different.
    video = (
        f"color=gray:s=320x{_SIDE}:r=60:d=3,geq=lum='16+X/2+Y/4+mod(N,8)':cb=128:cr=128,noise=alls=14:allf=t"
    )
    flat, turned = work / "flat.mp4", work / "turned.mp4"
    encode = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "4", "-pix_fmt", "yuv420p", "-c:a", "aac")
    inputs = ("-f", "lavfi", "-i", video, "-f", "lavfi", "-i", "sine=997:d=3")
    subprocess.run([ffmpeg, "-v", "error", *inputs, *encode, str(flat)], check=True)
    rotate = ("-display_rotation:v:0", "90", "-i", str(flat), "-c", "copy", str(turned))
    subprocess.run([ffmpeg, "-v", "error", *rotate], check=True)
    argv = [*eddyline, "run", str(flat), str(turned), "--out", str(work / "out")]
    subprocess.run([*argv, "--profile", str(work / "social.yaml")], check=True, capture_output=True)
    found = {}
    for path in (work / "out").glob("assets/*/manifest.json"):
        manifest = json.loads(path.read_text())
        found[manifest["source"]["name"]] = (work / manifest["source"]["name"], manifest, path.parent)
    return {
        name: (source, {**manifest, "root": str(root)}) for name, (source, manifest, root) in found.items()
    }


def _frame(ffmpeg: str, path: Path, filters: str) -> np.ndarray:
    """The first frame, upright, as luma of 32x32."""
    argv = [
        ffmpeg,
        "-v",
        "error",
        "-i",
        str(path),
        "-vf",
        f"{filters}scale=32:32:flags=area",
        "-frames:v",
        "1",
    ]
    raw = subprocess.run(
        [*argv, "-pix_fmt", "gray", "-f", "rawvideo", "-"], check=True, capture_output=True
    ).stdout
    return np.frombuffer(raw, np.uint8).astype(int)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "left", "top"), [("flat.mp4", 140, 0), ("turned.mp4", 0, 128)], ids=["landscape", "portrait"]
)
def test_a_crop_shows_the_stated_part_of_the_upright_frame(
    assets: dict[str, tuple[Path, dict[str, Any]]], ffmpeg: str, name: str, left: int, top: int
) -> None:
    source, manifest = assets[name]
    (rendition,) = manifest["renditions"]
    assert (rendition["width"], rendition["height"], rendition["fps"]) == (128, 128, "30")
    assert manifest["proof"]["frame_samples"]
    shown = _frame(ffmpeg, Path(manifest["root"], rendition["path"]), "")
    assert shown == pytest.approx(_frame(ffmpeg, source, f"crop={_SIDE}:{_SIDE}:{left}:{top},"), abs=10)
    elsewhere = _frame(ffmpeg, source, f"crop={_SIDE}:{_SIDE}:{140 - left}:{128 - top},")
    assert np.abs(shown - elsewhere).mean() > 10


@pytest.mark.slow
def test_a_size_limit_holds_for_content_that_needs_more(
    assets: dict[str, tuple[Path, dict[str, Any]]],
) -> None:
    for _, manifest in assets.values():
        (rendition,) = manifest["renditions"]
        assert 200_000 < rendition["bytes"] <= 400_000
        assert manifest["stream"] is None


@pytest.mark.slow
def test_renditions_start_with_their_index(assets: dict[str, tuple[Path, dict[str, Any]]]) -> None:
    for _, manifest in assets.values():
        data = Path(manifest["root"], manifest["renditions"][0]["path"]).read_bytes()
        kinds, at = [], 0
        while at < len(data):
            kinds.append(data[at + 4 : at + 8])
            at += int.from_bytes(data[at : at + 4], "big")
        assert kinds == [b"ftyp", b"moov", b"mdat"]
