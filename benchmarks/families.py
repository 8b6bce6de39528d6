"""Measures the encoders of codec families at equal quality, for docs/decisions/0021-codec-families.md.

    python -m benchmarks families [CLIP...]

For each rung of `default`, the CRF at which SVT-AV1 and x265 reach the VMAF (0.6.1, at the size of the rung)
of the H.264 rung is interpolated between encodes at several CRFs; bits and CPU time at that CRF are ratios to
those of the H.264 rung. Every encode has the options of a chunk, on one thread. Clips are the mosaic of
`benchmarks.clips` and files given by path.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from benchmarks.clips import make_natural_clip
from eddyline.media.ladder.chunks import Grid, frame_grid
from eddyline.media.ladder.encoder_options import encoder_options
from eddyline.media.ladder.ladder import Rung, rungs
from eddyline.media.ladder.profile import load_profile
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args

os.environ["SVT_LOG"] = "1"  # errors only

FRAMES = 120
_FPS = Fraction(30)
_TRIALS = (
    ("libsvtav1", "9", (26, 32, 38, 44)),
    ("libsvtav1", "8", (26, 32, 38, 44)),
    ("libx265", "superfast", (19, 23, 27)),
)
_CODECS = {"libsvtav1": "av1", "libx265": "hevc", "libx264": "h264"}


@dataclass(frozen=True, kw_only=True)
class Encode:
    """One encode: CPU seconds, bytes, mean VMAF."""

    cpu_s: float
    size: int
    vmaf: float


def main(clips: list[Path]) -> dict[str, float]:
    """Measure all rungs of all clips; print a table of Markdown."""
    tools = Toolchain.find()
    sources = clips or [make_natural_clip(seconds=4, rate=30, tools=tools)]
    found: dict[str, list[tuple[float, float]]] = {}
    print(
        "| clip | rung | VMAF | encoder, preset | CRF | bits | CPU |\n|---|---|---|---|---|---|---|",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        for clip in sources:
            for name, key, bits, cpu in _measure_clip(clip, Path(folder), tools):
                found.setdefault(key, []).append((bits, cpu))
                del name
    return {
        f"families.{key}_{what}": round(float(np.mean([each[place] for each in values])), 3)
        for key, values in found.items()
        for place, what in enumerate(("bits", "cpu"))
    }


def _measure_clip(clip: Path, work: Path, tools: Toolchain) -> list[tuple[str, str, float, float]]:
    width, height = _size(clip, tools)
    facts = VideoFacts(
        codec="h264",
        width=width,
        height=height,
        fps=_FPS,
        frames=FRAMES,
        pixel_format="yuv420p",
        timescale=15360,
    )
    grid = frame_grid(gop_s=2.0, segment_s=4.0, fps=_FPS)
    rows = []
    for rung in rungs(load_profile("default"), facts):
        reference = _reference(clip, rung, work, tools)
        base = _encode(reference, rung, grid, work, tools)
        for encoder, preset, crfs in _TRIALS:
            other = replace(rung, codec=_CODECS[encoder], encoder=encoder, preset=preset, level=None)
            trials = [_encode(reference, replace(other, crf=crf), grid, work, tools) for crf in crfs]
            crf, bits, cpu = _at_quality(base, crfs, trials)
            key = f"{encoder.removeprefix('lib')}_{preset}_{rung.height}"
            print(
                f"| {clip.stem} | {rung.height} | {base.vmaf:.1f} | {encoder.removeprefix('lib')} {preset} |"
                f" {crf:.1f} | {bits:.2f} | {cpu:.2f} |",
                flush=True,
            )
            rows.append((clip.stem, key, bits, cpu))
    return rows


def _at_quality(base: Encode, crfs: tuple[int, ...], trials: list[Encode]) -> tuple[float, float, float]:
    """CRF, and bits and CPU time relative to `base`, at its VMAF: linear in VMAF (bits: their logarithm)."""
    order = np.argsort([each.vmaf for each in trials])
    vmaf = np.asarray([trials[at].vmaf for at in order])

    def at(values: list[float]) -> float:
        return float(np.interp(base.vmaf, vmaf, np.asarray(values)[order]))

    bits = float(np.exp(at([float(np.log(each.size)) for each in trials]))) / base.size
    return at([float(crf) for crf in crfs]), bits, at([each.cpu_s for each in trials]) / base.cpu_s


def _reference(clip: Path, rung: Rung, work: Path, tools: Toolchain) -> Path:
    """The frames of the clip at the size of the rung, without loss."""
    out = work / "reference.mkv"
    subprocess.run(
        [
            *(str(tools.ffmpeg), *FFMPEG_BASE, "-y", *input_args(clip), "-an", "-frames:v", str(FRAMES)),
            *(
                "-vf",
                f"scale={rung.width}:{rung.height}:flags=bicubic,format=yuv420p,setsar=1,setpts=N/30/TB",
            ),
            *("-r", "30", "-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", str(out)),
        ],
        check=True,
    )
    return out


def _encode(reference: Path, rung: Rung, grid: Grid, work: Path, tools: Toolchain) -> Encode:
    out = work / "encoded.mp4"
    options = encoder_options(rung, grid, FRAMES, 1, is_first=True)
    started = os.times()
    subprocess.run(
        [
            *(str(tools.ffmpeg), *FFMPEG_BASE, "-y", "-threads", "1", *input_args(reference)),
            *(*options, str(out)),
        ],
        check=True,
    )
    ended = os.times()
    cpu = ended.children_user + ended.children_system - started.children_user - started.children_system
    return Encode(cpu_s=cpu, size=out.stat().st_size, vmaf=_vmaf(reference, out, tools))


def _vmaf(reference: Path, encoded: Path, tools: Toolchain) -> float:
    pair = (*input_args(encoded), *input_args(reference))
    graph = "[0:v]settb=1/30,setpts=N[a];[1:v]settb=1/30,setpts=N[b];[a][b]libvmaf=n_subsample=2:n_threads=1"
    argv = (str(tools.ffmpeg), "-hide_banner", "-nostdin", *pair, "-filter_complex", graph, "-f", "null", "-")
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    match = re.search(r"VMAF score: ([\d.]+)", done.stderr)
    if match is None:
        raise RuntimeError(done.stderr[-500:])
    return float(match[1])


def _size(clip: Path, tools: Toolchain) -> tuple[int, int]:
    shown = subprocess.run(
        [
            *(str(tools.ffprobe), "-v", "error", "-select_streams", "v:0", "-of", "csv=p=0"),
            *("-show_entries", "stream=width,height", str(clip)),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    width, height = (int(each) for each in shown.strip().strip(",").split(",")[:2])
    return width, height


if __name__ == "__main__":
    start = time.monotonic()
    for name, value in main([Path(each) for each in sys.argv[1:]]).items():
        print(f"{name} {value}")
    print(f"{time.monotonic() - start:.0f} s")
