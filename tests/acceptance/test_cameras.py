"""Recordings as cameras of several makers lay them out, through the whole program in one run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from eddyline.media.left_out.insta360 import TRAILER_ID

_X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:pools=1")
_X264 = ("-c:v", "libx264", "-preset", "ultrafast")
_TEN = ("-pix_fmt", "yuv420p10le")
_HLG = "setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc"
_SOUND = ("-f", "lavfi", "-i", "sine=997:d=1")
PROFILE = """
rungs:
  - {height: 90, crf: 30, preset: ultrafast, maxrate_kbps: 400, bufsize_kbps: 800}
pictures: {thumbs: 1, poster_width: 160, thumb_width: 80, storyboard: null}
quality: off
"""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """FFmpeg's arguments for a recording: its video filter source, other inputs, and options of the output.

    `second` are the input options of another remux, `tail` bytes after the file. The rest is what the
    manifest must have: size, frames and audio tracks, frames of a rendition, kinds of content left out.
    """

    video: str
    options: tuple[str, ...]
    size: tuple[int, int]
    frames: int
    inputs: tuple[str, ...] = ()
    second: tuple[str, ...] = ()
    tail: bytes = b""
    audio: int = 0
    shown: int = 0
    left_out: tuple[str, ...] = ()
    check: Callable[[dict[str, Any]], bool] = lambda _: True


RECORDINGS = {
    # 5.3K of an action camera, HEVC in 10 bits.
    "GX010001.MP4": Recording(
        video="testsrc2=s=5312x2988:r=60000/1001", options=(*_X265, *_TEN), size=(5312, 2988), frames=2
    ),
    # A phone: upright by its display matrix, HLG in 10 bits, a variable rate.
    "PXL_0001.mp4": Recording(
        video="testsrc2=s=320x180:r=30",
        options=(*_X265, *_TEN, "-vf", f"{_HLG},select='mod(n,7)-3'", "-fps_mode", "vfr"),
        inputs=_SOUND,
        second=("-display_rotation:v:0", "-90"),
        size=(320, 180),
        frames=26,
        audio=1,
        check=lambda source: source["video"]["transfer"] == "arib-std-b67",
    ),
    # XAVC: H.264 in 4:2:2 and 10 bits, four channels of uncompressed audio (beside a stereo rendition).
    "C0001.MOV": Recording(
        video="testsrc2=s=320x180:r=25",
        options=(*_X264, "-pix_fmt", "yuv422p10le", "-g", "1", "-c:a", "pcm_s16be"),
        inputs=("-f", "lavfi", "-i", "aevalsrc=sin(880*t)|sin(990*t)|0|0:c=quad:d=1"),
        size=(320, 180),
        frames=25,
        audio=2,
    ),
    # A drone: HEVC, subtitles with the flight data.
    "DJI_0001.MP4": Recording(
        video="testsrc2=s=320x180:r=30",
        options=(*_X265, "-map", "0:v", "-map", "1:s", "-c:s", "mov_text"),
        inputs=("-i", "SUBTITLES"),
        size=(320, 180),
        frames=30,
        check=lambda source: len(source["subtitles"]) == 1,
    ),
    # Two lenses in square frames, and the maker's trailer.
    "VID_20260101_000000_00_001.insv": Recording(
        video="testsrc2=s=192x192:r=30",
        options=(*_X265, "-map", "0:v", "-map", "1:v", "-f", "mp4"),
        inputs=("-f", "lavfi", "-i", "testsrc=s=192x192:r=30:d=1"),
        tail=bytes(64) + TRAILER_ID,
        size=(192, 192),
        frames=30,
        left_out=("metadata", "spherical", "video"),
    ),
    # A time-lapse, which has no audio, and high-speed video.
    "TLAPSE.MP4": Recording(video="testsrc2=s=320x180:r=30", options=_X264, size=(320, 180), frames=30),
    "240.MP4": Recording(
        video="testsrc2=s=320x180:r=240", options=_X264, size=(320, 180), frames=240, shown=60
    ),
}  # fmt: skip


def _write(recording: Recording, path: Path, ffmpeg: str) -> None:
    subtitles = path.with_suffix(".srt")
    subtitles.write_text("1\n00:00:00,000 --> 00:00:01,000\nISO 100, shutter 1/120\n", "utf-8")
    seconds = f":d={recording.frames / 30 + 10:.0f}"
    inputs = [str(subtitles) if each == "SUBTITLES" else each for each in recording.inputs]
    limit = () if "select" in " ".join(recording.options) else ("-frames:v:0", str(recording.frames))
    argv = [ffmpeg, "-v", "error", "-y", "-f", "lavfi", "-i", recording.video + seconds, *inputs]
    argv += [*recording.options, *(limit or ("-t", "1"))]
    draft = path.with_name(f"draft-{path.name}")
    subprocess.run([*argv, "-map_metadata", "-1", str(draft)], check=True, timeout=120)
    if recording.second:
        argv = [
            ffmpeg,
            "-v",
            "error",
            *recording.second,
            "-i",
            str(draft),
            "-map",
            "0",
            "-c",
            "copy",
            str(path),
        ]
        subprocess.run(argv, check=True, timeout=60)
        draft.unlink()
    else:
        draft.rename(path)
    subtitles.unlink()
    with path.open("ab") as file:
        file.write(recording.tail)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_recordings_of_cameras_are_published_as_what_they_are(
    ffmpeg: str, tmp_path: Path, eddyline: tuple[str, ...]
) -> None:
    card = tmp_path / "card"
    card.mkdir()
    for name, recording in RECORDINGS.items():
        _write(recording, card / name, ffmpeg)
    profile = tmp_path / "small.yaml"
    profile.write_text(PROFILE)
    argv = [*eddyline, "run", str(card), "--out", str(tmp_path / "out"), "--profile", str(profile), "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=280)
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["failed"] == []
    manifests = {each["name"]: json.loads(Path(each["manifest"]).read_text()) for each in report["assets"]}
    assert set(manifests) == set(RECORDINGS)
    for name, recording in RECORDINGS.items():
        source = manifests[name]["source"]
        (rendition,) = manifests[name]["renditions"]
        assert (source["video"]["width"], source["video"]["height"]) == recording.size, name
        assert source["video"]["frames"] == recording.frames, name
        assert rendition["frames"] == (recording.shown or recording.frames), name
        assert len(manifests[name]["audio"]) == recording.audio, name
        assert sorted({each["kind"] for each in manifests[name]["left_out"]}) == list(recording.left_out), (
            name
        )
        assert recording.check(source | {"subtitles": manifests[name].get("subtitles", [])}), name
    (lens,) = [
        each
        for each in manifests["VID_20260101_000000_00_001.insv"]["left_out"]
        if each["kind"] == "spherical"
    ]
    assert "Insta360 Studio" in lens["why"]
