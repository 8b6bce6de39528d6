"""Encode quality: VMAF against a reference, and underflows of a decoder's buffer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from eddyline.core.errors import ProofError, UnsupportedError, UsageError
from eddyline.core.files import translate_errors
from eddyline.core.processes.runner import Limits, Runner
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.mp4.index import read_movie
from eddyline.mp4.presentation import build_presentation
from eddyline.store.ranges import FileRanges

_LOG = "vmaf.json"
_BASE_S, _FRAME_S = 120.0, 2.0
# Fullness of the buffer at the start of playback, as x264 assumes.
INITIAL_FULLNESS = Fraction(9, 10)


@dataclass(frozen=True, kw_only=True)
class Vmaf:
    """VMAF (0 to 100) over `frames` frames; `minimum` is that of the worst frame."""

    mean: float
    minimum: float
    harmonic_mean: float
    frames: int


@dataclass(frozen=True, kw_only=True)
class BufferFullness:
    """The result of a buffer simulation.

    `underflows` are the frames, in decode order, that arrive too late; `lowest` is the lowest fullness, as a
    fraction of the size, right after a frame is removed (negative: the missing part).
    """

    underflows: tuple[int, ...]
    lowest: float


def measure_vmaf(
    reference: Path,
    distorted: Path,
    *,
    tools: Toolchain,
    runner: Runner,
    work: Path,
    threads: int = 2,
    step: int = 1,
) -> Vmaf:
    """VMAF (model v0.6.1) of the MP4 `distorted` against the MP4 `reference`, of every `step`-th frame.

    Frames are matched by number; distorted frames are scaled to the reference's size, as on a screen. Raises
    `ProofError` if the numbers of frames differ, `UnsupportedError` if FFmpeg was built without libvmaf.
    """
    frames, (width, height) = _frames_and_size(reference)
    others, _ = _frames_and_size(distorted)
    if frames != others:
        raise ProofError(f"{distorted.name} has {others} frames, {reference.name} {frames}")
    with translate_errors("measuring VMAF"):
        argv = vmaf_command(
            reference, distorted, tools, width=width, height=height, threads=threads, step=step
        )
        _require_vmaf(tools, runner)
        log = work / _LOG
        log.unlink(missing_ok=True)
        runner.run(argv, cwd=work, limits=Limits(wall_s=_BASE_S + _FRAME_S * frames))
        measured = json.loads(log.read_text("utf-8"))
        log.unlink()
    pooled = measured["pooled_metrics"]["vmaf"]
    expected = -(-frames // step)
    if len(measured["frames"]) != expected:
        raise ProofError(f"VMAF measured {len(measured['frames'])} of {expected} frames")
    return Vmaf(
        mean=float(pooled["mean"]),
        minimum=float(pooled["min"]),
        harmonic_mean=float(pooled["harmonic_mean"]),
        frames=expected,
    )


def vmaf_command(
    reference: Path, distorted: Path, tools: Toolchain, *, width: int, height: int, threads: int, step: int
) -> tuple[str, ...]:
    """The command, which runs in the directory of the log, because its path cannot be escaped safely."""
    # By number: the timescales may differ, and the nearest time may be that of another frame.
    same = f"settb=1/1000,setpts=N*10,scale={width}:{height}:flags=bicubic,format=yuv420p"
    return (
        str(tools.ffmpeg),
        *FFMPEG_BASE,
        *input_args(distorted),
        *input_args(reference),
        "-lavfi",
        (
            f"[0:v:0]{same}[distorted];[1:v:0]{same}[reference];"
            f"[distorted][reference]libvmaf=log_fmt=json:log_path={_LOG}:n_threads={threads}"
            f":n_subsample={step}:shortest=1"
        ),
        *("-fps_mode", "passthrough", "-an", "-f", "null", "-"),
    )


def vbv_underflows(
    path: Path,
    maxrate_kbps: int,
    bufsize_kbps: int,
    fps: Fraction,
    initial: Fraction | float = INITIAL_FULLNESS,
) -> tuple[int, ...]:
    """The frames of the MP4 `path`, in decode order, that arrive too late (see `simulate_buffer`)."""
    return simulate_file(path, maxrate_kbps, bufsize_kbps, fps, initial).underflows


def simulate_file(
    path: Path,
    maxrate_kbps: int,
    bufsize_kbps: int,
    fps: Fraction,
    initial: Fraction | float = INITIAL_FULLNESS,
) -> BufferFullness:
    """`simulate_buffer` for the video samples of an MP4."""
    with FileRanges(path) as source:
        video = read_movie(source).first_track("video")
    if video is None:
        raise UsageError(f"{path} has no video")
    sizes = [int(size) * 8 for size in video.samples.size]
    return simulate_buffer(sizes, maxrate_kbps * 1000, bufsize_kbps * 1000, fps, initial)


def simulate_buffer(
    sizes: Sequence[int],
    maxrate: int,
    bufsize: int,
    fps: Fraction,
    initial: Fraction | float = INITIAL_FULLNESS,
) -> BufferFullness:
    """The hypothetical reference decoder (ITU-T H.264, Annex C) with a variable rate.

    `sizes` in bits, in decode order; `maxrate` in bit/s, `bufsize` in bits, `initial` fullness from 0 to 1.
    Each frame removes its bits at once, then the channel fills the buffer for the duration of one frame.
    After an underflow the simulation continues with an empty buffer, so that one late frame counts once.
    """
    if maxrate <= 0 or bufsize <= 0 or fps <= 0 or not 0 <= initial <= 1:
        raise UsageError("the buffer needs a positive rate, size and frame rate, and a fullness from 0 to 1")
    # Integers in units of 1/fps.numerator bit: over an hour, rounding errors would add up to a frame.
    scale = fps.numerator
    capacity, step = bufsize * scale, maxrate * fps.denominator
    full = int(Fraction(initial) * capacity)
    lowest, late = full, []
    for number, bits in enumerate(sizes):
        full -= bits * scale
        lowest = min(lowest, full)
        if full < 0:
            late.append(number)
            full = 0
        full = min(capacity, full + step)
    return BufferFullness(underflows=tuple(late), lowest=lowest / capacity)


def _frames_and_size(path: Path) -> tuple[int, tuple[int, int]]:
    with FileRanges(path) as source:
        movie = read_movie(source)
    video = movie.first_track("video")
    if video is None:
        raise UsageError(f"{path} has no video")
    width, height = video.width, video.height
    return len(build_presentation(movie, video)), (height, width) if video.rotation in {90, 270} else (
        width,
        height,
    )


def _require_vmaf(tools: Toolchain, runner: Runner) -> None:
    stdout = runner.run((str(tools.ffmpeg), "-hide_banner", "-filters"), limits=Limits(wall_s=30)).stdout
    if b" libvmaf " not in stdout:
        raise UnsupportedError(
            f"{tools.ffmpeg} was built without libvmaf",
            remedy="use the FFmpeg of the imageio-ffmpeg wheel, or one configured with --enable-libvmaf",
        )
