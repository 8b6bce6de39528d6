"""An encoder is available only if a test encode succeeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from eddyline.core.errors import ToolError, UnsupportedError
from eddyline.core.processes.runner import Runner
from eddyline.fleet.encoder_check import check_encoders, device_command, encode_command
from eddyline.fleet.pools import load_pools


def test_the_packaged_ffmpeg_has_the_encoders_of_the_cpu_pool(ffmpeg: str) -> None:
    check_encoders(Path(ffmpeg), load_pools().required_encoders("cpu"), pool="cpu", runner=Runner())


def test_all_encoders_that_fail_are_named(ffmpeg: str) -> None:
    with pytest.raises(UnsupportedError, match="encoders that pool mine needs") as caught:
        check_encoders(Path(ffmpeg), {"libx264", "libnothing", "h264_v4l2m2m"}, pool="mine", runner=Runner())
    assert "libnothing (" in caught.value.message
    assert "h264_v4l2m2m (" in caught.value.message
    assert "libx264 (" not in caught.value.message


def test_a_missing_program_is_a_tool_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="was not found"):
        check_encoders(tmp_path / "ffmpeg", {"libx264"}, pool="cpu", runner=Runner())


def _fake(tmp_path: Path, lines: str) -> Path:
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\nprintf '{lines}'\n")
    program.chmod(0o755)
    return program


_KEY, _OTHER = "0, 0, 0, 1, 9, 0xff\\n", "0, 0, 0, 1, 9, 0xff, F=0x0\\n"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((_KEY + _OTHER * 3) * 2, "wrote 8 of 12 frames"),
        (_KEY + _OTHER * 11, r"keyframes are frames \[0\], not every 4th"),
        (_KEY * 12, "keyframes are frames"),
    ],
)
def test_an_encoder_of_a_gpu_that_loses_frames_or_keyframes_is_refused(
    tmp_path: Path, lines: str, reason: str
) -> None:
    with pytest.raises(UnsupportedError, match=reason) as caught:
        check_encoders(_fake(tmp_path, lines), {"hevc_nvenc"}, pool="gpu", runner=Runner())
    assert "nvidia-smi" in caught.value.remedy


def test_an_encoder_of_a_gpu_with_all_frames_and_keyframes_is_accepted(tmp_path: Path) -> None:
    fake = _fake(tmp_path, "#comment\\n" + (_KEY + _OTHER * 3) * 3)
    check_encoders(fake, {"hevc_nvenc", "h264_qsv", "av1_vaapi"}, pool="gpu", runner=Runner())


def test_nvenc_is_tested_with_decode_and_scale_on_the_device() -> None:
    argv = device_command(Path("/bin/ffmpeg"), "h264_nvenc", Path("/work/clip.mkv"))
    assert argv.index("-hwaccel") < argv.index("-i") < argv.index("-vf") < argv.index("h264_nvenc")
    assert any(each.startswith("scale_cuda=") for each in argv)
    vaapi = encode_command(Path("/bin/ffmpeg"), "hevc_vaapi", Path("/work/clip.mkv"))
    assert ("-init_hw_device" in vaapi, "format=nv12,hwupload" in vaapi) == (True, True)
