"""Measures the time from the start of the program to the poster of a 30-minute file, and by FFmpeg."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.clips import CACHE
from benchmarks.encode import run_timed
from eddyline.media.toolchain import Toolchain

MINUTES = 30
ROUNDS = 5


def measure(work: Path, rounds: int = ROUNDS) -> dict[str, float]:
    """Return the smallest times of `rounds` rounds, in seconds: until the poster exists, and of FFmpeg."""
    tools = Toolchain.find()
    clip = make_long_clip(tools)
    ours, plain = [], []
    for _ in range(rounds):
        ours.append(_time_to_poster(clip, work / "poster"))
        plain.append(_plain_command(clip, work, tools))
    return {"poster_s": min(ours), "poster.plain_command_s": min(plain)}


def _time_to_poster(clip: Path, out: Path) -> float:
    shutil.rmtree(out, ignore_errors=True)
    started = time.monotonic()
    process = subprocess.Popen(
        (sys.executable, "-m", "eddyline", "run", str(clip), "--out", str(out), "--slots", "2", "--json"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not list(out.glob("assets/*/pictures/poster.jpg")):
            if process.poll() is not None or time.monotonic() - started > 60:
                raise RuntimeError("no poster within a minute")
            time.sleep(0.005)
        return time.monotonic() - started
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _plain_command(clip: Path, work: Path, tools: Toolchain) -> float:
    """Seconds of one FFmpeg command that chooses among the 16 keyframes after the middle of the clip."""
    options = ("-vf", "thumbnail=16,scale=1280:-2", "-frames:v", "1", str(work / "plain.jpg"))
    return run_timed(
        (
            *(str(tools.ffmpeg), "-v", "error", "-nostdin", "-y", "-skip_frame", "nokey"),
            *("-ss", str(MINUTES * 30), "-i", str(clip), "-an", *options),
        )
    ).wall_s


def make_long_clip(tools: Toolchain) -> Path:
    """Return a 30-minute 1080p file: one encoded minute, repeated by copying its packets."""
    CACHE.mkdir(exist_ok=True)
    out = CACHE / f"long-{MINUTES}min.mp4"
    if out.is_file():
        return out
    minute, listing = CACHE / "minute.mp4", CACHE / "minute.txt"
    subprocess.run(
        [
            *(str(tools.ffmpeg), "-v", "error", "-nostdin", "-y"),
            *(
                "-f",
                "lavfi",
                "-i",
                "testsrc2=s=1920x1080:r=30000/1001:d=60",
                "-f",
                "lavfi",
                "-i",
                "sine=997:d=60",
            ),
            *("-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-c:a", "aac", str(minute)),
        ],
        check=True,
    )
    listing.write_text(f"file '{minute.name}'\n" * MINUTES)
    subprocess.run(
        [str(tools.ffmpeg), "-v", "error", "-y", "-f", "concat", "-i", str(listing), "-c", "copy", str(out)],
        check=True,
    )
    minute.unlink()
    return out
