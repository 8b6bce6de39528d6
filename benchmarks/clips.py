"""Test clips for benchmarks, made from small natural clips and kept in benchmarks/cache (not committed)."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from benchmarks.presets import fetch_clips, make_mosaic
from eddyline.core.processes.runner import Runner
from eddyline.media.toolchain import Toolchain

CACHE = Path(__file__).parent / "cache"


def make_natural_clip(*, seconds: int, rate: int, tools: Toolchain) -> Path:
    """Return a 1080p clip with natural texture and a 997 Hz tone, in H.264 with one GOP a second."""
    CACHE.mkdir(exist_ok=True)
    out = CACHE / f"natural-{seconds}s-{rate}.mp4"
    if out.is_file():
        return out
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        clips = fetch_clips(directory / "clips")
        # Two seconds of mosaic, repeated with a slow drift so that no two seconds are equal.
        tile = directory / "mosaic.mp4"
        make_mosaic(clips, 120, tile, tools, Runner())
        drift = f"crop=1920:1080:'32+32*sin(n/{rate * 3})':'18+18*cos(n/{rate * 5})'"
        graph = (
            f"[0:v]loop=loop=-1:size=120:start=0,setpts=N/{rate}/TB,fps={rate},scale=1984:1116,{drift},"
            f"noise=alls=2:allf=t:all_seed=11,format=yuv420p,trim=end_frame={seconds * rate}[v]"
        )
        subprocess.run(
            [
                *(str(tools.ffmpeg), "-v", "error", "-nostdin", "-y", "-i", str(tile)),
                *("-f", "lavfi", "-i", f"sine=997:r=48000:d={seconds}", "-filter_complex", graph),
                *("-map", "[v]", "-map", "1:a", "-c:v", "libx264", "-preset", "veryfast", "-crf", "18"),
                *("-g", str(rate), "-bf", "2", "-c:a", "aac", "-ac", "2", str(directory / "out.mp4")),
            ],
            check=True,
        )
        out.write_bytes((directory / "out.mp4").read_bytes())
    return out
