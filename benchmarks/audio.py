"""Measures what audio costs beside a plain FFmpeg command that encodes the same audio to AAC.

    python -m benchmarks audio

The audio is ten minutes of pink noise, whose level changes, in one channel and a tone in the other. The plain
command decodes and encodes it at the same bit rate. Ours is the whole step: it also fills gaps, resamples,
measures loudness and true peak, counts samples, and writes the MP4 with its edit list.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from benchmarks.encode import run_timed
from eddyline.core.processes.runner import Runner
from eddyline.media.audio.encode import encode_track
from eddyline.media.ladder.profile import load_profile
from eddyline.media.source.source import AudioFacts
from eddyline.media.toolchain import Toolchain

_MINUTES = 10
_ROUNDS = 5
_FACTS = AudioFacts(track=1, codec="aac", channels=2, sample_rate=48_000, language="und", title="")


def measure(work: Path) -> dict[str, float]:
    """Return the median ratio of CPU times of alternating runs, and the CPU seconds for an hour."""
    tools, settings = Toolchain.find(), load_profile("default").audio
    source = _make_audio(tools, work / "source.mp4")
    plain = (
        *(str(tools.ffmpeg), "-v", "error", "-nostdin", "-y", "-i", str(source), "-map", "0:a:0"),
        *("-c:a", "aac", "-b:a", f"{settings.kbps_per_channel * _FACTS.channels}k", str(work / "plain.mp4")),
    )
    ratios, hours = [], []
    for _ in range(_ROUNDS):
        alone = run_timed(plain).cpu_s
        runner, started = Runner(), time.process_time()
        encode_track(source, _FACTS, settings, tools=tools, runner=runner, out=work / "ours.mp4")
        ours = runner.cpu_s + time.process_time() - started
        ratios.append(ours / alone)
        hours.append(ours * 60 / _MINUTES)
        print(f"  plain {alone:.2f} CPU s, ours {ours:.2f}", flush=True)
    return {
        "audio.hour_vs_plain": sorted(ratios)[_ROUNDS // 2],
        "audio.hour_cpu_s": sorted(hours)[_ROUNDS // 2],
    }


def _make_audio(tools: Toolchain, out: Path) -> Path:
    """Return a new file with the audio alone."""
    seconds = _MINUTES * 60
    graph = (
        f"anoisesrc=color=pink:r=48000:a=0.25:seed=1:d={seconds},tremolo=f=0.5:d=0.7[noise];"
        f"sine=997:r=48000:d={seconds}[tone];[noise][tone]amerge=2,aformat=channel_layouts=stereo"
    )
    subprocess.run(
        [
            *(str(tools.ffmpeg), "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", graph),
            *("-c:a", "aac", "-b:a", "192k", str(out)),
        ],
        check=True,
    )
    return out
