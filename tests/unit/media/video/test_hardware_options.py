"""The installed FFmpeg has every encoder, option and value that is passed for hardware encoders.

Without a GPU nothing is encoded: options are compared with FFmpeg's own lists, and FFmpeg parses them.
"""

from __future__ import annotations

import subprocess
from dataclasses import replace
from fractions import Fraction

import pytest
from tests.unit.media.video.ffmpeg_options import listed_options, wrong_options

from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.encoder_options import encoder_options
from eddyline.media.ladder.encoders import ENCODERS
from eddyline.media.ladder.ladder import Rung

_GRID = Grid(gop=60, segment=120, fps=Fraction(30000, 1001))
_RUNG = Rung(
    name="360p",
    codec="h264",
    encoder="h264_nvenc",
    width=640,
    height=360,
    crf=23,
    preset="p5",
    maxrate_kbps=6000,
    bufsize_kbps=12000,
    pixel_format="yuv420p",
    level="4.0",
)
_HARDWARE = [row.name for row in ENCODERS.values() if row.hardware]
_CASES = [(name, pixels) for name in _HARDWARE for pixels in ENCODERS[name].pixel_formats]
_NO_DEVICE = ("Cannot load", "MFX", "Device creation failed")


def _rung_of(name: str, preset: str, pixels: str = "yuv420p") -> Rung:
    row = ENCODERS[name]
    level = "4.0" if row.codec == "h264" else None
    return replace(_RUNG, codec=row.codec, encoder=name, level=level, preset=preset, pixel_format=pixels)


@pytest.mark.parametrize(("name", "pixels"), _CASES)
def test_the_build_lists_every_option_and_value(ffmpeg: str, name: str, pixels: str) -> None:
    assert listed_options(ffmpeg, "encoder", name), f"the build has no {name}"
    for preset in ENCODERS[name].presets:
        options = encoder_options(_rung_of(name, preset, pixels), _GRID, 120, threads=1)
        assert wrong_options(ffmpeg, name, options) == []


def test_a_wrong_option_or_value_is_found(ffmpeg: str) -> None:
    wrong = ("-preset", "p9", "-cq", "99", "-rc", "vbr", "-no-such-thing", "1", "-g", "60", "-g", "x")
    assert wrong_options(ffmpeg, "h264_nvenc", wrong) == ["-preset p9", "-cq 99", "-no-such-thing 1", "-g x"]


# VAAPI's encoders need frames of a device before they parse anything.
@pytest.mark.parametrize(("name", "pixels"), [case for case in _CASES if "vaapi" not in case[0]])
def test_ffmpeg_parses_every_option(ffmpeg: str, name: str, pixels: str) -> None:
    options = encoder_options(_rung_of(name, ENCODERS[name].presets[2], pixels), _GRID, 120, threads=1)
    video_input = ("-f", "lavfi", "-i", "color=size=640x360:rate=25:duration=0.2")
    argv = [ffmpeg, "-hide_banner", "-nostdin", "-v", "error", *video_input, *options]
    done = subprocess.run([*argv, "-f", "null", "-"], capture_output=True, text=True, check=False)
    # With a driver it encodes; without one, the missing driver is its first error.
    first = next(iter(done.stderr.splitlines()), "")
    assert done.returncode == 0 or any(each in done.stderr for each in _NO_DEVICE), done.stderr
    for message in ("Unable to parse", "out of range", "Unrecognized", "not found", "has not been used"):
        assert message not in done.stderr, first


@pytest.mark.parametrize("name", [name for name in _HARDWARE if "nvenc" not in name])
def test_quick_sync_and_vaapi_have_a_quality_within_a_rate_and_closed_gops(name: str) -> None:
    options = encoder_options(_rung_of(name, "veryfast"), _GRID, 120, threads=1)
    values = dict(zip(options[::2], options[1::2], strict=True))
    assert (values["-g"], values["-flags:v"], values["-bf"]) == ("60", "+cgop", "2")
    assert values["-global_quality"] == "23"
    assert values["-b:v"] == values["-maxrate"] == "4501k"
    assert values.get("-tag:v") == ("hvc1" if "hevc" in name else None)
    assert values.get("-level:v") == ("40" if "h264" in name else None)
    # Every I frame is an IDR frame. AV1 of Quick Sync has no such option: its I frames are key frames.
    assert values.get("-idr_interval") == (None if name == "av1_qsv" else "0")
    if "vaapi" in name:
        assert (values["-rc_mode"], values["-compression_level"]) == ("QVBR", "7")
    assert encoder_options(_rung_of(name, "veryfast"), _GRID, 7, threads=8) == options
