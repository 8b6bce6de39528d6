"""Valid but unusual video through the whole program in one run: every frame is published."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eddyline.mp4.index import read_movie
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack, passthrough
from eddyline.store.ranges import FileRanges

_VIDEO = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=2")
_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2")


def _make(ffmpeg: str, out: Path, *argv: str) -> Path:
    subprocess.run([ffmpeg, "-v", "error", "-y", *argv, str(out)], check=True)
    return out


def _resized(ffmpeg: str, folder: Path, name: str, sizes: tuple[str, ...], *codec: str) -> Path:
    """Clips of different sizes, concatenated into one file."""
    parts = [
        _make(
            ffmpeg,
            folder / f"{at}.{name}.part.ts",
            *("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d=1", *codec, "-f", "mpegts"),
        )
        for at, size in enumerate(sizes)
    ]
    joined = folder / f"{name}.part"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    out = _make(ffmpeg, folder / name, "-fflags", "+genpts", "-i", str(joined), "-c", "copy")
    for part in (joined, *parts):
        part.unlink()
    return out


def _rewrite(path: Path, **changes: Any) -> None:
    with FileRanges(path) as source:
        movie = read_movie(source)
        track = passthrough(movie, movie.tracks[0], source)
        changed: OutputTrack = replace(track, **changes)
        write_mp4(path.with_suffix(".new"), [changed], timescale=movie.timescale)
    path.with_suffix(".new").replace(path)


def _make_sources(ffmpeg: str, folder: Path) -> dict[str, int]:
    """Create all sources; returns the number of frames that FFmpeg decodes from each."""
    _resized(ffmpeg, folder, "sizes.mp4", ("160x90", "90x160", "320x180"), *_H264)
    _resized(ffmpeg, folder, "sizes.mkv", ("160x90", "96x96"), "-c:v", "mpeg2video")
    _make(ffmpeg, folder / "vp8.webm", *_VIDEO, "-c:v", "libvpx", "-auto-alt-ref", "1")
    _make(ffmpeg, folder / "png.mov", *_VIDEO, "-c:v", "png")
    _make(ffmpeg, folder / "flash.mov", *_VIDEO, "-c:v", "flashsv")
    _make(ffmpeg, folder / "exr.mov", *_VIDEO, "-t", "0.2", "-c:v", "exr")
    _make(ffmpeg, folder / "wmv.wmv", *_VIDEO, "-c:v", "wmv2")
    _make(ffmpeg, folder / "raw.avi", *_VIDEO, "-c:v", "rawvideo", "-pix_fmt", "yuv420p")
    empty = _make(ffmpeg, folder / "stss.mp4", *_VIDEO, *_H264)
    _rewrite(empty, sync=np.zeros(50, bool))
    shared = _make(ffmpeg, folder / "shared.mp4", *_VIDEO, *_H264, "-bf", "0")
    duration = np.full(50, 512, np.int64)
    duration[[10, 20]] = 0
    _rewrite(shared, duration=duration)
    return {path.name: _count(ffmpeg, path) for path in folder.iterdir()}


def _count(ffmpeg: str, path: Path) -> int:
    argv = [ffmpeg, "-v", "fatal", "-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough"]
    done = subprocess.run([*argv, "-f", "framecrc", "-"], check=True, capture_output=True, text=True)
    return sum(not line.startswith("#") for line in done.stdout.splitlines())


@pytest.mark.slow
def test_every_frame_of_unusual_video_is_published(
    ffmpeg: str, eddyline: tuple[str, ...], tmp_path: Path
) -> None:
    folder = tmp_path / "sources"
    folder.mkdir()
    frames = _make_sources(ffmpeg, folder)
    assert frames["sizes.mp4"] == 75
    done = subprocess.run(
        [*eddyline, "run", str(folder), "--out", str(tmp_path / "out"), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    last = json.loads(done.stdout.splitlines()[-1])
    assert [(each["name"], each["reason"]) for each in last["failed"]] == []
    found = {}
    for path in (tmp_path / "out").glob("assets/*/manifest.json"):
        manifest = json.loads(path.read_text())
        found[manifest["source"]["name"]] = {
            _count(ffmpeg, path.parent / each["path"]) for each in manifest["renditions"]
        }
    assert found == {name: {count} for name, count in frames.items()}
