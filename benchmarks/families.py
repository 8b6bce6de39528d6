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

FRAMES = 90
_FPS = Fraction(30)
_TRIALS = (
    ("libsvtav1", "9", (30, 38, 46, 54)),
    ("libsvtav1", "8", (30, 38, 46, 54)),
    ("libx265", "superfast", (20, 25, 30)),
)
_CODECS = {"libsvtav1": "av1", "libx265": "hevc", "libx264": "h264"}


@dataclass(frozen=True, kw_only=True)
class Encode:
    """One encode: CPU seconds, bytes, mean VMAF."""

    cpu_s: float
    size: int
    vmaf: float


PROFILES = {"modern": "9", "modern_hq": "8"}
_FALLBACK = (720, 360)  # the H.264 rungs of these profiles


@dataclass(frozen=True, kw_only=True)
class Rungs:
    """All rungs of one clip: bytes and CPU seconds of H.264, and of AV1 at the same VMAF by its preset."""

    h264: dict[int, Encode]
    av1: dict[str, dict[int, tuple[float, float]]]


def measure(work: Path, clips: list[Path] | None = None) -> dict[str, float]:
    """Delivered bits and CPU time of the AV1 profiles, against `default`, at equal VMAF; prints a table."""
    tools = Toolchain.find()
    sources = clips or [make_natural_clip(seconds=4, rate=30, tools=tools)]
    print("| clip | rung | VMAF | encoder, preset | CRF | bits | CPU |", flush=True)
    print("|---|---|---|---|---|---|---|", flush=True)
    found = [_measure_clip(clip, work, tools) for clip in sources]
    values: dict[str, float] = {}
    for name, preset in PROFILES.items():
        bits = [_ratio(each, preset, fallback=False) for each in found]
        cpu = [_ratio(each, preset, fallback=True) for each in found]
        values[f"families.{name}_bits"] = float(np.mean(bits))
        values[f"families.{name}_cpu"] = float(np.mean(cpu))
    return values


def _ratio(clip: Rungs, preset: str, *, fallback: bool) -> float:
    """The AV1 ladder against the H.264 ladder: bits, or CPU time including that of the H.264 fallback."""
    if not fallback:
        return sum(size for size, _ in clip.av1[preset].values()) / sum(
            each.size for each in clip.h264.values()
        )
    extra = sum(each.cpu_s for height, each in clip.h264.items() if height in _FALLBACK)
    av1 = sum(cpu for _, cpu in clip.av1[preset].values())
    return (av1 + extra) / sum(each.cpu_s for each in clip.h264.values())


def _measure_clip(clip: Path, work: Path, tools: Toolchain) -> Rungs:
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
    rows = Rungs(h264={}, av1={preset: {} for preset in PROFILES.values()})
    for rung in rungs(load_profile("default"), facts):
        reference = _reference(clip, rung, work, tools)
        base = rows.h264[rung.height] = _encode(reference, rung, grid, work, tools)
        for encoder, preset, crfs in _TRIALS:
            other = replace(rung, codec=_CODECS[encoder], encoder=encoder, preset=preset, level=None)
            trials = [_encode(reference, replace(other, crf=crf), grid, work, tools) for crf in crfs]
            crf, bits, cpu = _at_quality(base, crfs, trials)
            print(
                f"| {clip.stem} | {rung.height} | {base.vmaf:.1f} | {encoder.removeprefix('lib')} {preset} |"
                f" {crf:.1f} | {bits:.2f} | {cpu:.2f} |",
                flush=True,
            )
            if preset in rows.av1:
                rows.av1[preset][rung.height] = (bits * base.size, cpu * base.cpu_s)
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
    with tempfile.TemporaryDirectory() as folder:
        for name, value in measure(Path(folder), [Path(each) for each in sys.argv[1:]] or None).items():
            print(f"{name} {value:.3f}")
