"""Footage to measure with: made from small natural clips, kept in benchmarks/cache, never committed."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from benchmarks.presets import fetched, mosaic
from eddyline.core.process import Runner
from eddyline.media.toolchain import Toolchain

CACHE = Path(__file__).parent / "cache"


def natural(work: Path, *, seconds: int, rate: int, tools: Toolchain) -> Path:
    """1080p with natural texture and a 997 Hz tone, as a camera would write it (H.264, a GOP a second)."""
    del work
    CACHE.mkdir(exist_ok=True)
    out = CACHE / f"natural-{seconds}s-{rate}.mp4"
    if out.is_file():
        return out
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        clips = fetched(folder / "clips")
        # Two seconds of mosaic, played on and on with a slow drift so that no two seconds are alike.
        tile = folder / "mosaic.mp4"
        mosaic(clips, 120, tile, tools, Runner())
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
                *("-g", str(rate), "-bf", "2", "-c:a", "aac", "-ac", "2", str(folder / "out.mp4")),
            ],
            check=True,
        )
        out.write_bytes((folder / "out.mp4").read_bytes())
    return out
