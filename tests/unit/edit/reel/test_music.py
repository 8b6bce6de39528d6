"""Music is cut to the length of a reel and fades at its end."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from eddyline.core.errors import InputError
from eddyline.core.processes.runner import Runner
from eddyline.edit.reel.music import read_music, write_faded_music
from eddyline.media.toolchain import Toolchain


def test_the_beats_of_the_music_are_read(music: Path, tmp_path: Path, tools: Toolchain) -> None:
    found = read_music(music, 20.0, work=tmp_path, tools=tools, runner=Runner())
    assert found.length_s == pytest.approx(22, abs=0.01)
    assert found.beats.tempo == pytest.approx(120, abs=1)
    errors = np.abs((found.beats.times - 0.2) * 2 - np.rint((found.beats.times - 0.2) * 2)) / 2
    assert np.median(errors) < 0.01
    assert not list(tmp_path.iterdir())


def test_the_music_ends_with_a_fade(music: Path, tmp_path: Path, tools: Toolchain, ffmpeg: str) -> None:
    out = tmp_path / "out.wav"
    write_faded_music(music, out, 10.25, tools=tools, runner=Runner())
    argv = [ffmpeg, "-v", "error", "-i", str(out), "-f", "f32le", "-"]
    audio = np.frombuffer(subprocess.run(argv, check=True, capture_output=True).stdout, "<f4")
    assert len(audio) == round(10.25 * 48_000)
    level = np.abs(audio).reshape(-1, 12_000).max(axis=1)
    assert level[-2] < level[-9] / 3
    assert level[:30].min() > 0


def test_a_file_without_audio_is_rejected(tmp_path: Path, tools: Toolchain) -> None:
    text = tmp_path / "text.wav"
    text.write_bytes(b"text")
    with pytest.raises(InputError, match=r"text\.wav"):
        write_faded_music(text, tmp_path / "out.wav", 5.0, tools=tools, runner=Runner())
