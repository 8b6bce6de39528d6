"""Generated clips for the acceptance tests."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path


def noisy(
    ffmpeg: str,
    out: Path,
    *,
    seconds: float,
    size: str = "640x360",
    rate: str = "30000/1001",
    options: Sequence[str] = (),
) -> Path:
    """A test pattern with noise and a 997 Hz tone, in GOPs that align with no chunk."""
    subprocess.run(
        [
            *(ffmpeg, "-v", "error", "-y"),
            *("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds},noise=alls=12:allf=t"),
            *("-f", "lavfi", "-i", f"sine=997:d={seconds}"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-g", "61", "-bf", "2", *options),
            *("-c:a", "aac", str(out)),
        ],
        check=True,
    )
    return out


def plain(ffmpeg: str, out: Path, *, seconds: float, size: str = "640x360") -> Path:
    """A test pattern of few bytes, without audio."""
    source = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r=30000/1001:d={seconds}")
    encode = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "45", "-g", "61", str(out))
    subprocess.run([ffmpeg, "-v", "error", "-y", *source, *encode], check=True)
    return out


def looped(ffmpeg: str, clip: Path, out: Path, *, times: int) -> Path:
    """A clip repeated `times` times without encoding it again."""
    loop = ("-stream_loop", str(times - 1), "-i", str(clip), "-c", "copy", str(out))
    subprocess.run([ffmpeg, "-v", "error", "-y", *loop], check=True)
    return out
