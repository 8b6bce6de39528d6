"""The audio of parts is joined without gaps, and ends each part with a fade of a few milliseconds."""

from __future__ import annotations

import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest

from eddyline.core.errors import InputError
from eddyline.core.processes.runner import Runner
from eddyline.edit.reel.joined_audio import write_joined_audio
from eddyline.media.toolchain import Toolchain


def test_parts_follow_each_other_to_the_sample(tmp_path: Path, tools: Toolchain, ffmpeg: str) -> None:
    paths = []
    for number, frequency in enumerate((440, 880)):
        paths.append(tmp_path / f"part-{number}.mp4")
        tone = ("-f", "lavfi", "-i", f"sine=frequency={frequency}:duration=1:sample_rate=48000")
        subprocess.run([ffmpeg, "-v", "error", *tone, "-c:a", "aac", "-ac", "2", str(paths[-1])], check=True)
    out, lengths = tmp_path / "out.wav", [0.5005, 1.2]
    write_joined_audio(paths, lengths, 0, out, tools=tools, runner=Runner())
    with wave.open(str(out), "rb") as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 48_000, 3)
        assert file.getnframes() == round(1.7005 * 48_000)
    argv = [ffmpeg, "-v", "error", "-i", str(out), "-ac", "1", "-f", "f32le", "-"]
    audio = np.frombuffer(subprocess.run(argv, check=True, capture_output=True).stdout, "<f4")
    join = round(0.5005 * 48_000)
    assert np.abs(audio[join - 20 : join + 20]).max() < 0.02 < np.abs(audio[join - 400 : join]).max()
    for first, frequency in ((2000, 440), (join + 2000, 880)):
        spectrum = np.abs(np.fft.rfft(audio[first : first + 9600]))
        assert int(np.argmax(spectrum)) * 5 == frequency
    assert np.abs(audio[-4800:]).max() < 1e-4  # the second part is shorter than its length
    assert sorted(each.suffix for each in tmp_path.iterdir()) == [".mp4", ".mp4", ".wav"]


def test_a_part_without_audio_is_rejected(tmp_path: Path, tools: Toolchain, plain: Path) -> None:
    with pytest.raises(InputError, match="cannot be decoded"):
        write_joined_audio([plain], [1.0], 3, tmp_path / "out.wav", tools=tools, runner=Runner())
