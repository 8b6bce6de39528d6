"""An encoder is available only if a test encode succeeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from eddyline.core.errors import ToolError, UnsupportedError
from eddyline.core.processes.runner import Runner
from eddyline.fleet.encoder_check import check_encoders
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
