"""Measures the time from the start of the program to the poster of a 30-minute file."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.clips import CACHE
from eddyline.media.toolchain import Toolchain

MINUTES = 30


def measure(work: Path) -> dict[str, float]:
    """Return `poster_s`: seconds until pictures/poster.jpg exists."""
    clip, out = _make_long_clip(Toolchain.find()), work / "poster"
    shutil.rmtree(out, ignore_errors=True)
    started = time.monotonic()
    process = subprocess.Popen(
        (
            sys.executable,
            "-m",
            "eddyline",
            "run",
            str(clip),
            "--out",
            str(out),
            "--slots",
            "2",
            "--json",
        ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not list(out.glob("assets/*/pictures/poster.jpg")):
            if process.poll() is not None or time.monotonic() - started > 60:
                raise RuntimeError("no poster within a minute")
            time.sleep(0.01)
        return {"poster_s": time.monotonic() - started}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _make_long_clip(tools: Toolchain) -> Path:
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
