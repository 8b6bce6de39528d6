"""Audio is decoded from movie time 0 at a low rate."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from eddyline.core.errors import InputError, ToolError
from eddyline.core.processes.runner import Runner
from eddyline.media.audio.mono import decode_mono
from eddyline.media.toolchain import Toolchain


def test_audio_starts_at_movie_time_0_and_ends_at_the_limit(
    tmp_path: Path, tools: Toolchain, ffmpeg: str
) -> None:
    source = tmp_path / "late.mp4"
    tone = ("-f", "lavfi", "-i", "sine=frequency=1000:duration=3:sample_rate=48000", "-af", "adelay=0")
    late = ("-itsoffset", "0.5", *tone)
    subprocess.run([ffmpeg, "-v", "error", *late, "-c:a", "aac", str(source)], check=True)
    found = decode_mono(source, tmp_path / "out", rate=8000, tools=tools, runner=Runner(), longest_s=2)
    assert len(found) == 16_000
    assert np.abs(found[:3000]).max() < 1e-3
    assert np.abs(found[5000:6000]).max() > 0.05


def test_filters_apply_before_the_resampling(tmp_path: Path, tools: Toolchain, ffmpeg: str) -> None:
    source = tmp_path / "low.wav"
    tone = ("-f", "lavfi", "-i", "sine=frequency=60:duration=1:sample_rate=48000")
    subprocess.run([ffmpeg, "-v", "error", *tone, str(source)], check=True)
    plain, filtered = (
        decode_mono(source, tmp_path / f"{at}", rate=8000, tools=tools, runner=Runner(), filters=each)
        for at, each in enumerate(("", "highpass=frequency=1000"))
    )
    assert np.abs(filtered[4000:]).max() < np.abs(plain[4000:]).max() / 50


def test_a_file_without_audio_is_an_error(tmp_path: Path, tools: Toolchain) -> None:
    text = tmp_path / "text.wav"
    text.write_bytes(b"text")
    with pytest.raises((ToolError, InputError)):
        decode_mono(text, tmp_path / "out", rate=8000, tools=tools, runner=Runner())
