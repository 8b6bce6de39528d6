"""The footage of chaos tests: generated clips, real samples if present, and a profile for each wave."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
from tests.shared_files import SAMPLES

from eddyline.pipeline.demo_clip import make_clip

# Small frames and a slow preset: short jobs are hardly ever disturbed.
_PROFILE = """\
name: chaos-{wave}
rungs:
  - {{height: 180, crf: 30, preset: slower, maxrate_kbps: 400, bufsize_kbps: 800}}
  - {{height: 90, crf: 30, preset: slower, maxrate_kbps: 200, bufsize_kbps: 400}}
gop_s: 1.0
segment_s: 2.0
pictures:
  poster_width: 320
  thumbs: 3
  thumb_width: 160
  storyboard: {{width: 80, columns: 4, rows: 4, interval_s: 2.0, most: {most}}}
"""
_MOST_SHEETS = 3000
REAL = ("karma.mp4", "max-heromode.mp4")


def clips(folder: Path, *, long: bool) -> list[Path]:
    """Small camera-like clips with telemetry, of several lengths, and one without."""
    folder.mkdir(parents=True, exist_ok=True)
    lengths = (5, 12, 25, 40) if long else (3, 6, 10)
    generated = [make_clip(folder / f"trip-{s}.mp4", seconds=s, width=320, height=180) for s in lengths]
    return [*generated, _noisy(folder / "noise.mp4", seconds=20 if long else 4)]


def real() -> list[Path]:
    """The real camera files that are present."""
    return [SAMPLES / name for name in REAL if (SAMPLES / name).is_file()]


def profile(folder: Path, wave: int) -> Path:
    """The profile of a wave: gives the same footage another asset id, but the same outputs.

    The storyboards of these clips have far fewer sheets than the limit, which is all that varies.
    """
    path = folder / f"wave-{wave}.yaml"
    path.write_text(_PROFILE.format(wave=wave, most=_MOST_SHEETS - wave))
    return path


def _noisy(out: Path, *, seconds: int) -> Path:
    subprocess.run(
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"),
            *("-f", "lavfi", "-i", f"testsrc2=s=320x180:r=25:d={seconds},noise=alls=12:allf=t"),
            *("-f", "lavfi", "-i", f"sine=440:d={seconds}"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-g", "61", "-bf", "2", "-c:a", "aac", str(out)),
        ],
        check=True,
    )
    return out
