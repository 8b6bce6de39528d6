"""A small library of generated recordings, processed once for all browser tests."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

from eddyline.pipeline.demo_clip import make_clip

RIDE = "ride.mp4"
"""12 s with telemetry, HiLights and chapters, packaged for streaming, in four chunks."""
PLAIN = "plain.mp4"
"""3 s without audio and telemetry, not packaged, in one rendition."""

_PICTURES = "pictures: {thumbs: 3, poster_width: 640, thumb_width: 160}\n"
_RIDE_PROFILE = (
    "rungs:\n"
    "  - {height: 360, crf: 30, preset: veryfast, maxrate_kbps: 900, bufsize_kbps: 1800}\n"
    "  - {height: 180, crf: 30, preset: veryfast, maxrate_kbps: 300, bufsize_kbps: 600}\n"
    "segment_s: 2\n"
) + _PICTURES
_PLAIN_PROFILE = (
    "rungs:\n  - {height: 180, crf: 30, preset: veryfast, maxrate_kbps: 300, bufsize_kbps: 600}\n"
    "package: false\nquality: off\n"
) + _PICTURES


def make_library(root: Path, ffmpeg: str) -> Path:
    """The library in `root`, made by the first of several processes that call this; the others wait."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        out = root / "out"
        done = root / "done"
        if not done.exists():
            sources = root / "sources"
            sources.mkdir()
            make_clip(sources / RIDE, seconds=12, width=640, height=360)
            _make_plain(ffmpeg, sources / PLAIN)
            _run(sources / RIDE, out, root, _RIDE_PROFILE)
            _run(sources / PLAIN, out, root, _PLAIN_PROFILE)
            done.touch()
    return out


def asset_of(out: Path, name: str) -> str:
    """The id of the asset of a recording, found in the manifests of the library `out`."""
    quoted = f'"name": "{name}"'
    (manifest,) = (each for each in out.glob("assets/*/manifest.json") if quoted in each.read_text())
    return manifest.parent.name


def _make_plain(ffmpeg: str, out: Path) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=3")
    encode = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "40", str(out))
    subprocess.run([ffmpeg, "-v", "error", "-y", *source, *encode], check=True)


def _run(source: Path, out: Path, root: Path, profile: str) -> None:
    path = root / f"{source.stem}.yaml"
    path.write_text(profile)
    command = (sys.executable, "-m", "eddyline", "run", str(source), "--out", str(out))
    subprocess.run([*command, "--profile", str(path), "--json"], check=True, capture_output=True)
