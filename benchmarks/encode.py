"""Compares the complete pipeline with FFmpeg alone, for the same rungs and settings.

    python -m benchmarks encode

The clip is 30 s of 1080p60 with natural texture (see `clips`). "single" is one FFmpeg command that decodes
once, scales in a cascade and encodes all rungs, and the audio once, with FFmpeg's default number of threads;
"per rung" is one such command for each rung, each with the audio. The pipeline includes everything: Python,
index, images, loudness, packaging and verification. The figures are medians of five paired runs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from benchmarks.clips import make_natural_clip
from benchmarks.quality import compare
from eddyline.media.ladder import chunks, ladder, profile
from eddyline.media.ladder.ladder import Rung
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import Toolchain

SECONDS, RATE = 30, 60
ROUNDS = 5
VMAF_STEP = 5  # VMAF of every fifth frame
_AUDIO = ("-c:a", "aac", "-b:a", "128k")


@dataclass(frozen=True)
class Cost:
    """CPU and wall-clock seconds of a process and its children."""

    cpu_s: float
    wall_s: float


def clip_facts(seconds: int, rate: int) -> VideoFacts:
    """The facts of the clip that `make_natural_clip` makes."""
    return VideoFacts(
        codec="h264",
        width=1920,
        height=1080,
        fps=Fraction(rate),
        frames=seconds * rate,
        pixel_format="yuv420p",
        timescale=15360,
    )


def measure(work: Path, rounds: int = ROUNDS) -> dict[str, float]:
    """Return the ratios and the frames for a CPU second: medians over `rounds` of alternating runs."""
    tools = Toolchain.find()
    clip = make_natural_clip(seconds=SECONDS, rate=RATE, tools=tools)
    rungs = ladder.rungs(profile.load_profile("default"), clip_facts(SECONDS, RATE))
    ratios: dict[str, list[float]] = {
        "encode.cpu_vs_single": [],
        "encode.wall_vs_single": [],
        "encode.cpu_vs_per_rung": [],
        "encode.frames_per_cpu_s": [],
    }
    peak_mb, shares = 0.0, []
    # Not beside the files of the single command, whose quality is measured: it scales in a cascade, as we do,
    # and one command for each rung scales each from the source (0.35 VMAF more at 360p).
    separate = work / "per-rung"
    separate.mkdir(parents=True, exist_ok=True)
    for _ in range(rounds):
        ours, peak_mb = run_pipeline(clip, work / "out")
        shares.append(proof_share(work / "out"))
        single = run_timed(single_command(tools, clip, rungs, work))
        each = [run_timed(single_command(tools, clip, [rung], separate)) for rung in rungs]
        per_rung = sum(cost.cpu_s for cost in each)
        ratios["encode.cpu_vs_single"].append(ours.cpu_s / single.cpu_s)
        ratios["encode.wall_vs_single"].append(ours.wall_s / single.wall_s)
        ratios["encode.cpu_vs_per_rung"].append(ours.cpu_s / per_rung)
        ratios["encode.frames_per_cpu_s"].append(SECONDS * RATE / ours.cpu_s)
        print(
            f"  pipeline {ours.cpu_s:.1f} CPU s, {ours.wall_s:.1f} s;"
            f" single {single.cpu_s:.1f}, {single.wall_s:.1f};"
            f" per rung {per_rung:.1f}, {sum(cost.wall_s for cost in each):.1f};"
            f" frame samples {shares[-1]:.2%} of the pipeline's CPU",
            flush=True,
        )
    found = {name: sorted(values)[len(values) // 2] for name, values in ratios.items()}
    found["proof.cpu_share"] = sorted(shares)[len(shares) // 2]
    return {**found, **_quality(clip, work, rungs, tools), "memory.peak_mb": peak_mb}


def _quality(clip: Path, work: Path, rungs: Sequence[Rung], tools: Toolchain) -> dict[str, float]:
    """Return the cost of joining chunks, as that of the worst rung: VMAF, bytes, and buffer underflows."""
    chunked_files = renditions(work / "out")
    deltas, ratios, late = [], [], 0
    for rung in rungs:
        chunked, one_shot = chunked_files[rung.name], work / f"single-{rung.name}.mp4"
        both = compare(clip, chunked, one_shot, rung, Fraction(RATE), tools=tools, step=VMAF_STEP)
        print(
            f"  VMAF of {rung.name}: chunked {both.chunked.mean:.2f}, one shot {both.one_shot.mean:.2f};"
            f" bytes {both.bytes_ratio:.4f}; lowest buffer {both.buffer.lowest:.2f}",
            flush=True,
        )
        deltas.append(both.delta)
        ratios.append(both.bytes_ratio)
        late += len(both.buffer.underflows)
    return {
        "quality.vmaf_delta": max(deltas),
        "quality.bytes_ratio": max(ratios),
        "quality.vbv_underflows": late,
    }


def run_pipeline(clip: Path, out: Path) -> tuple[Cost, float]:
    """Run Eddyline with an empty output directory and two slots; return its cost and peak memory (MB)."""
    shutil.rmtree(out, ignore_errors=True)
    peak = [0.0]

    def watch(pid: int) -> None:
        while True:
            try:
                status = Path(f"/proc/{pid}/status").read_text("utf-8")
            except OSError:
                return
            line = next((each for each in status.splitlines() if each.startswith("VmHWM")), "VmHWM: 0")
            peak[0] = max(peak[0], int(line.split()[1]) / 1024)
            time.sleep(0.2)

    cost = run_timed(
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
        watch,
    )
    return cost, peak[0]


def renditions(out: Path) -> dict[str, Path]:
    """Return the renditions of the only asset in `out`, by name."""
    (path,) = out.glob("assets/*/manifest.json")
    manifest = json.loads(path.read_text("utf-8"))
    return {each["name"]: path.parent / each["path"] for each in manifest["renditions"]}


def proof_share(out: Path) -> float:
    """Return the share of CPU time spent on comparing frames with FFmpeg's decode of the original."""
    (path,) = out.glob("assets/*/manifest.json")
    run = json.loads(path.read_text("utf-8"))["run"]
    return float(run["proof_cpu_seconds"] / run["cpu_seconds"])


def single_command(
    tools: Toolchain, clip: Path, rungs: Sequence[Rung], work: Path, fps: Fraction = Fraction(RATE)
) -> tuple[str, ...]:
    """Return one FFmpeg command for all `rungs`, with the settings of the pipeline and default threads.

    `fps` is the frame rate of the clip, on which the number of frames of a GOP depends.
    It writes the audio once: into the file of the rung, or to a separate file if there are several rungs.
    """
    grid = chunks.frame_grid(gop_s=2.0, segment_s=4.0, fps=fps)
    parts, source = [], "0:v"
    for index, rung in enumerate(rungs):
        scale = (
            ""
            if (rung.width, rung.height) == (1920, 1080)
            else f"scale={rung.width}:{rung.height}:flags=bicubic,"
        )
        split = "" if index == len(rungs) - 1 else f",split=2[v{index}][u{index}]"
        parts.append(f"[{source}]{scale}setsar=1" + (split or f"[v{index}]"))
        source = f"u{index}"
    argv = [
        str(tools.ffmpeg),
        "-v",
        "error",
        "-nostdin",
        "-y",
        "-i",
        str(clip),
        "-filter_complex",
        ";".join(parts),
    ]
    for index, rung in enumerate(rungs):
        argv += ["-map", f"[v{index}]", *_usual_options(rung, grid)]
        argv += ["-map", "0:a", *_AUDIO] if len(rungs) == 1 else []
        argv += ["-movflags", "+faststart", str(work / f"single-{rung.name}.mp4")]
    if len(rungs) > 1:
        argv += ["-map", "0:a", *_AUDIO, "-movflags", "+faststart", str(work / "single-audio.m4a")]
    return tuple(argv)


def _usual_options(rung: Rung, grid: chunks.Grid) -> tuple[str, ...]:
    """Return the usual options of the rung: the same preset, CRF, maximum rate, level and fixed GOP."""
    return (
        *("-c:v", rung.encoder, "-preset", rung.preset, "-crf", str(rung.crf), "-pix_fmt", rung.pixel_format),
        *("-maxrate", f"{rung.maxrate_kbps}k", "-bufsize", f"{rung.bufsize_kbps}k"),
        *(("-level:v", rung.level) if rung.level else ()),
        *("-g", str(grid.gop), "-keyint_min", str(grid.gop), "-sc_threshold", "0"),
    )


def run_timed(argv: Sequence[str], watch: Callable[[int], None] | None = None) -> Cost:
    """Run a command to completion; CPU time is from the operating system, including children."""
    start = time.monotonic()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    if watch is not None:
        threading.Thread(target=watch, args=(process.pid,), daemon=True).start()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{argv[0]} failed with {process.returncode}")
    return Cost(usage.ru_utime + usage.ru_stime, time.monotonic() - start)
