"""One asset in several codec families and frame rates, from an HDR source of 120 frames/s."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eddyline.media.streaming.playlists import read_master_playlist, read_media_playlist, read_mpd

_PROFILE = """
rungs:
  - {height: 90, codec: hevc, crf: 20, preset: ultrafast, maxrate_kbps: 2000, bufsize_kbps: 4000,
     pixel_format: yuv420p10le}
  - {height: 90, codec: av1, crf: 20, preset: 12, maxrate_kbps: 2000, bufsize_kbps: 4000}
  - {height: 90, codec: h264, crf: 20, preset: ultrafast, maxrate_kbps: 2000, bufsize_kbps: 4000}
  - {height: 64, codec: h264, crf: 20, preset: ultrafast, maxrate_kbps: 2000, bufsize_kbps: 4000, max_fps: 40}
hdr: keep
hdr_max_fps: 30
gop_s: 1.0
segment_s: 1.0
"""
_FRAMES = 323  # at 120 frames/s: no multiple of 2, 3 or 4
_STEPS = {"90p": 2, "64p": 3, "90p-av1": 2, "90p-hevc-hdr": 4}


@pytest.fixture(scope="module")
def asset(
    ffmpeg: str, eddyline: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """The directory and the manifest of an asset whose source has frames of different brightness."""
    work = tmp_path_factory.mktemp("families")
    source, profile = work / "source.mp4", work / "families.yaml"
    profile.write_text(_PROFILE)
    tags = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"
    subprocess.run(
        [
            *(
                ffmpeg,
                "-v",
                "error",
                "-f",
                "lavfi",
                "-i",
                f"color=gray:s=160x90:r=120,trim=end_frame={_FRAMES}",
            ),
            *(
                "-vf",
                f"format=yuv420p10le,geq=lum='if(lt(X,80),64+X*10,64+3*mod(N*37,256))':cb=512:cr=512,{tags}",
                "-c:v",
                "libx265",
            ),
            *("-preset", "ultrafast", "-x265-params", "log-level=error:crf=8", "-tag:v", "hvc1", str(source)),
        ],
        check=True,
    )
    subprocess.run(
        [*eddyline, "run", str(source), "--out", str(work / "out"), "--profile", str(profile)],
        check=True,
        capture_output=True,
    )
    (path,) = (work / "out").glob("assets/*/manifest.json")
    return path.parent, json.loads(path.read_text())


@pytest.mark.slow
def test_each_rendition_shows_every_kth_frame_of_the_source(
    asset: tuple[Path, dict[str, Any]], ffmpeg: str
) -> None:
    root, manifest = asset
    renditions = {each["name"]: each for each in manifest["renditions"]}
    assert list(renditions) == list(_STEPS)
    for name, step in _STEPS.items():
        each = renditions[name]
        assert (each["frames"], each["fps"]) == (-(-_FRAMES // step), str(120 // step)), name
        assert manifest["proof"]["durations_s"]["renditions"][name] == pytest.approx(_FRAMES / 120, abs=1e-3)
        luma = _luma(ffmpeg, root / each["path"])
        assert len(luma) == each["frames"]
        if each["transfer"] == "pq":  # the others are tone-mapped
            shown = step * np.arange(each["frames"])
            assert luma == pytest.approx(64 + 3 * (shown * 37 % 256), abs=12)
        # Equal to the other SDR renditions at the frames that both show.
        if each["transfer"] == "sdr":
            assert luma[:: 6 // step] == pytest.approx(
                _luma(ffmpeg, root / renditions["90p"]["path"])[::3], abs=6
            )


@pytest.mark.slow
def test_the_playlists_list_h264_first_and_hdr_after_its_sdr_fallback(
    asset: tuple[Path, dict[str, Any]],
) -> None:
    root, _ = asset
    master = read_master_playlist((root / "stream/master.m3u8").read_text(), "master.m3u8")
    found = [
        (uri.split("/")[0], each["CODECS"][:4], each["VIDEO-RANGE"], each["FRAME-RATE"])
        for uri, each in master.variants.items()
    ]
    assert found == [
        ("90p", "avc1", "SDR", "60.000"),
        ("64p", "avc1", "SDR", "40.000"),
        ("90p-av1", "av01", "SDR", "60.000"),
        ("90p-hevc-hdr", "hvc1", "PQ", "30.000"),
    ]
    text = (root / "stream/manifest.mpd").read_text()
    assert text.index("avc1") < text.index("av01") < text.index("hvc1")


@pytest.mark.slow
def test_segments_start_at_the_same_times_in_all_families_and_frame_rates(
    asset: tuple[Path, dict[str, Any]],
) -> None:
    root, manifest = asset
    cuts = set()
    for name in _STEPS:
        text = (root / f"stream/{name}/main.m3u8").read_text()
        cuts.add(tuple(segment.duration for segment in read_media_playlist(text, name).segments))
    assert len(cuts) == 1
    assert len(next(iter(cuts))) == 3
    _, representations = read_mpd((root / "stream/manifest.mpd").read_text(), "manifest.mpd")
    starts = {tuple(at / each.timescale for at in each.starts) for each in representations}
    assert len(starts) == 1
    assert manifest["proof"]["family_chunks"].keys() == {"h264", "av1", "hevc-hdr"}


def _luma(ffmpeg: str, path: Path) -> np.ndarray:
    """The luma of each frame in its right half: 10-bit codes for HEVC, else 8-bit codes."""
    bits = 10 if "hevc" in path.name else 8
    pixels = "gray10le" if bits == 10 else "gray"
    decoded = subprocess.run(
        [
            *(ffmpeg, "-v", "error", "-i", str(path), "-fps_mode", "passthrough"),
            *("-vf", f"crop=16:16:iw*3/4-8,extractplanes=y,format={pixels}", "-f", "rawvideo", "-"),
        ],
        capture_output=True,
        check=True,
    ).stdout
    frames = np.frombuffer(decoded, np.uint16 if bits == 10 else np.uint8).reshape(-1, 16 * 16)
    return np.asarray(frames.mean(axis=1))


@pytest.mark.slow
def test_the_fields_of_interlaced_video_become_frames(
    ffmpeg: str, eddyline: tuple[str, ...], tmp_path: Path
) -> None:
    source, profile = tmp_path / "interlaced.mp4", tmp_path / "fields.yaml"
    rung = "codec: h264, crf: 16, preset: ultrafast, maxrate_kbps: 4000, bufsize_kbps: 8000"
    profile.write_text(
        f"rungs: [{{height: 120, {rung}}}, {{height: 90, {rung}, max_fps: 30}}]\n"
        "deinterlace: fields\ngop_s: 1.0\nsegment_s: 1.0\n"
    )
    # A bar moves by 2 pixels a field: 60 positions a second in 30 interlaced frames.
    draw = "geq=lum='if(between(X,2*N,2*N+15),220,40)':cb=128:cr=128"
    subprocess.run(
        [
            *(
                ffmpeg,
                "-v",
                "error",
                "-f",
                "lavfi",
                "-i",
                "color=black:s=320x120:r=60000/1001,trim=end_frame=130",
            ),
            *("-vf", f"{draw},format=yuv420p,tinterlace=interleave_top,setfield=tff", "-c:v", "libx264"),
            *(
                "-preset",
                "ultrafast",
                "-crf",
                "8",
                "-flags",
                "+ilme+ildct",
                "-x264-params",
                "tff=1",
                str(source),
            ),
        ],
        check=True,
    )
    done = subprocess.run(
        [*eddyline, "run", str(source), "--out", str(tmp_path / "out"), "--profile", str(profile)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    (path,) = (tmp_path / "out").glob("assets/*/manifest.json")
    manifest = json.loads(path.read_text())
    fast, slow = manifest["renditions"]
    assert (fast["frames"], fast["fps"], slow["frames"], slow["fps"]) == (130, "60000/1001", 65, "30000/1001")
    for each, step in ((fast, 1), (slow, 2)):
        decoded = subprocess.run(
            [
                *(ffmpeg, "-v", "error", "-i", str(path.parent / each["path"]), "-fps_mode", "passthrough"),
                *("-vf", "format=gray,scale=320:2:flags=area", "-f", "rawvideo", "-"),
            ],
            capture_output=True,
            check=True,
        ).stdout
        lines = np.frombuffer(decoded, np.uint8).reshape(-1, 2, 320)[:, 0].astype(float) - 40
        lines[lines < 60] = 0
        centers = (lines * np.arange(320)).sum(axis=1) / np.maximum(lines.sum(axis=1), 1)
        expected = 2 * step * np.arange(each["frames"]) + 7.5
        assert centers == pytest.approx(expected, abs=1.5)
