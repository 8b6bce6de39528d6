"""Lossless audio that `combine --copy` adds: the same samples in the same channels for every layout."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from eddyline.edit.combine.combine import CombineRequest, combine
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges


def run(ffmpeg: str, *argv: str) -> str:
    command = [ffmpeg, "-y", "-v", "error", *argv]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def layout_of(ffmpeg: str, path: Path) -> str:
    lines = run(
        ffmpeg, "-i", f"{path}", "-map", "0:a:0", "-c:a", "pcm_f64le", "-f", "framecrc", "-"
    ).splitlines()
    return next(line for line in lines if "channel_layout" in line)


@pytest.mark.parametrize("container", ["mp4", "mov"])
@pytest.mark.parametrize(
    ("codec", "layout", "channels", "written"),
    [
        ("pcm_s16le", "stereo", 2, "alac"),
        ("pcm_s24le", "mono", 1, "alac"),
        ("pcm_s32le", "stereo", 2, "pcm_s32le"),
        ("pcm_f32le", "stereo", 2, "pcm_f32le"),
        ("pcm_f64le", "mono", 1, "pcm_f64le"),
        ("pcm_s16le", "FL", 1, "pcm_s16le"),
        ("pcm_s16le", "quad", 4, "pcm_s16le"),
        ("pcm_s24le", "7.1", 8, "pcm_s24le"),
        ("pcm_s24le", "9.1.6", 16, "pcm_s24le"),
    ],
)
def test_lossless_audio_keeps_its_samples_and_channels(
    ffmpeg: str,
    tools: Toolchain,
    tmp_path: Path,
    *,
    codec: str,
    layout: str,
    channels: int,
    written: str,
    container: str,
) -> None:
    video, added, out = tmp_path / f"a.{container}", tmp_path / "a.wav", tmp_path / f"out.{container}"
    run(ffmpeg, "-f", "lavfi", "-i", "testsrc2=size=64x36:rate=25:d=1", "-c:v", "libx264", f"{video}")
    wave = "|".join(f"{(n + 1) / channels / 2}*sin(2000*t)" for n in range(channels))
    source = f"aevalsrc={wave}:s=48000:d=0.6001:c={layout}"
    run(ffmpeg, "-f", "lavfi", "-i", source, "-c:a", codec, f"{added}")
    result = combine(video, out, CombineRequest(audio=(added,), copy=True), tools=tools)
    assert [(each.codec, each.encoded) for each in result.audio] == [(written, False)]
    options = ("-map", "0:a:0", "-c:a", "pcm_f64le", "-f", "md5", "-")
    assert run(ffmpeg, "-i", f"{out}", *options) == run(ffmpeg, "-i", f"{added}", *options)
    if (layout, container) != ("FL", "mp4"):  # FFmpeg's MP4 muxer writes any single channel as mono
        assert layout_of(ffmpeg, out) == layout_of(ffmpeg, added)
    with FileRanges(out) as src:
        track = read_movie(src).tracks_of_kind("audio")[0]
    assert track.channels == channels
