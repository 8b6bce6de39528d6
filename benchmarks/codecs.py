"""Compares the pipeline with single FFmpeg commands and with Shaka Streamer, for each codec.

    python -m benchmarks codecs

The clip is 10 s of 1080p30 with natural texture (see `clips`); each ladder has rungs of 1080, 720 and 360
lines of one codec. "single" is one FFmpeg command that decodes once, scales in a cascade and encodes all
rungs with the settings of the profile and default threads; "per rung" is one such command for each rung.
The pipeline's CPU includes Python, index, images, packaging and verification, but not the measurement of
quality, which the commands do not do either (`quality: off`). Shaka Streamer encodes the same sizes at the
bit rates that the pipeline reached, with its own presets. Ratios are medians of paired runs; VMAF is that
of the worst rung.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from statistics import median

from benchmarks.clips import make_natural_clip
from benchmarks.encode import Cost, clip_facts, renditions, run_timed, single_command
from benchmarks.quality_metrics import measure_vmaf
from eddyline.core.processes.runner import Runner
from eddyline.media.ladder import ladder
from eddyline.media.ladder.ladder import Rung
from eddyline.media.ladder.profile import load_profile
from eddyline.media.toolchain import Toolchain

SECONDS, RATE, ROUNDS = 10, 30, 3
_FPS = Fraction(RATE)
_VMAF_STEP = 3
_STREAMER = "shaka-streamer==1.5.1"
_STREAMER_HOME = Path(__file__).parents[1] / "build" / "shaka-streamer"
_PROFILES = {  # the settings of `default`, `hevc-hdr` and `modern` for these sizes
    "h264": (("veryfast", 22, 7500), ("veryfast", 22, 4000), ("faster", 23, 1000)),
    "hevc": (("superfast", 25, 6000), ("superfast", 25, 3200), ("superfast", 23, 900)),
    "av1": (("9", 38, 5600), ("9", 38, 3000), ("9", 35, 800)),
}
_SIZES = (1080, 720, 360)


def measure(work: Path, rounds: int = ROUNDS) -> dict[str, float]:
    """By codec: the ratios of CPU time, and the differences in VMAF (positive: the pipeline is better)."""
    tools = Toolchain.find()
    clip = make_natural_clip(seconds=SECONDS, rate=RATE, tools=tools)
    streamer = _installed_streamer()
    found: dict[str, float] = {}
    for codec in _PROFILES:
        folder = work / codec
        (folder / "per-rung").mkdir(parents=True)
        profile = folder / "profile.yaml"
        profile.write_text(_profile(codec), "utf-8")
        rungs = ladder.rungs(load_profile(str(profile)), clip_facts(SECONDS, RATE))
        single, each, streamed = [], [], []
        for _ in range(rounds):
            ours = _run_pipeline(clip, folder / "out", profile)
            one = run_timed(single_command(tools, clip, rungs, folder, _FPS))
            apart = [
                run_timed(single_command(tools, clip, [rung], folder / "per-rung", _FPS)) for rung in rungs
            ]
            single.append(ours / one.cpu_s)
            each.append(ours / sum(cost.cpu_s for cost in apart))
            line = f"  {codec}: pipeline {ours:.1f} CPU s, single {one.cpu_s:.1f},"
            line += f" per rung {sum(cost.cpu_s for cost in apart):.1f}"
            if streamer is not None:
                other = _run_streamer(
                    streamer, clip, renditions(folder / "out"), rungs, folder / "shaka", tools
                )
                streamed.append(ours / other.cpu_s)
                line += f", Shaka Streamer {other.cpu_s:.1f}"
            print(line, flush=True)
        found[f"codecs.{codec}.cpu_vs_single"] = median(single)
        found[f"codecs.{codec}.cpu_vs_per_rung"] = median(each)
        if streamed:
            found[f"codecs.{codec}.cpu_vs_shaka_streamer"] = median(streamed)
        found |= _quality(codec, clip, folder, rungs, tools, streamed=bool(streamed))
        shutil.rmtree(folder)
    return found


def _profile(codec: str) -> str:
    rungs = [
        f"  - {{height: {height}, codec: {codec}, crf: {crf}, preset: {preset},"
        f" maxrate_kbps: {kbps}, bufsize_kbps: {2 * kbps}}}"
        for height, (preset, crf, kbps) in zip(_SIZES, _PROFILES[codec], strict=True)
    ]
    return "\n".join(["rungs:", *rungs, "quality: off", ""])


def _run_pipeline(clip: Path, out: Path, profile: Path) -> float:
    """CPU seconds of the pipeline."""
    shutil.rmtree(out, ignore_errors=True)
    argv = (sys.executable, "-m", "eddyline", "run", str(clip), "--out", str(out))
    return run_timed((*argv, "--profile", str(profile), "--slots", "2", "--json")).cpu_s


def _quality(
    codec: str, clip: Path, folder: Path, rungs: Sequence[Rung], tools: Toolchain, *, streamed: bool
) -> dict[str, float]:
    ours = renditions(folder / "out")
    others = {"single": {rung.name: folder / f"single-{rung.name}.mp4" for rung in rungs}}
    if streamed:
        others["shaka_streamer"] = {rung.name: _streamed(folder / "shaka", rung) for rung in rungs}
    found: dict[str, float] = {}
    for rung in rungs:
        own = _vmaf(clip, ours[rung.name], folder, tools)
        for name, files in others.items():
            other = _vmaf(clip, files[rung.name], folder, tools)
            bits = ours[rung.name].stat().st_size / files[rung.name].stat().st_size
            print(f"  {codec} {rung.name}: VMAF {own:.2f}, {name} {other:.2f}; bytes {bits:.3f}", flush=True)
            key = f"codecs.{codec}.vmaf_vs_{name}"
            found[key] = min(found.get(key, 100.0), own - other)
    return found


def _vmaf(clip: Path, file: Path, work: Path, tools: Toolchain) -> float:
    return measure_vmaf(clip, file, tools=tools, runner=Runner(), work=work, step=_VMAF_STEP).mean


def _installed_streamer() -> Path | None:
    """The Python of an environment with Shaka Streamer, which is installed first; None if it cannot be."""
    python = _STREAMER_HOME / "bin" / "python"
    if not (_STREAMER_HOME / ".installed").is_file():
        venv.create(_STREAMER_HOME, with_pip=True, clear=True)
        done = subprocess.run([str(python), "-m", "pip", "install", "-q", _STREAMER], check=False)
        if done.returncode:
            print("  Shaka Streamer cannot be installed: it is not compared", flush=True)
            return None
        (_STREAMER_HOME / ".installed").touch()
    return python


def _streamed(out: Path, rung: Rung) -> Path:
    (path,) = (path for path in out.glob("*.mp4") if f"_{rung.height}p_" in path.name)
    return path


def _run_streamer(
    python: Path,
    clip: Path,
    ours: Mapping[str, Path],
    rungs: Sequence[Rung],
    out: Path,
    tools: Toolchain,
) -> Cost:
    """Run Shaka Streamer with the same programs, and for each size the pipeline's bit rate."""
    shutil.rmtree(out, ignore_errors=True)
    programs = out.with_name("programs")  # the output directory is emptied
    shutil.rmtree(programs, ignore_errors=True)
    programs.mkdir()
    for name, program in (("ffmpeg", tools.ffmpeg), ("ffprobe", tools.ffprobe), ("packager", tools.packager)):
        (programs / name).symlink_to(program)
    sizes = {
        f"{rung.height}p": {
            "max_width": rung.width,
            "max_height": rung.height,
            "max_frame_rate": RATE,
            "bitrates": {rung.codec: str(8 * ours[rung.name].stat().st_size // SECONDS)},
        }
        for rung in rungs
    }
    configuration = {
        "input.yaml": {"inputs": [{"name": str(clip), "media_type": kind} for kind in ("video", "audio")]},
        "pipeline.yaml": {
            "streaming_mode": "vod",
            "resolutions": list(sizes),
            "channel_layouts": ["stereo"],
            "audio_codecs": ["aac"],
            "video_codecs": [rungs[0].codec],
            "manifest_format": ["dash", "hls"],
            "segment_size": 4,
            "segment_per_file": False,
        },
        "bitrates.yaml": {"video_resolutions": sizes},
    }
    for name, values in configuration.items():
        (programs / name).write_text(json.dumps(values), "utf-8")  # JSON is YAML
    script = python.with_name("shaka-streamer")
    argv = [str(python), str(script), "--use-system-binaries", "--skip-deps-check", "-o", str(out)]
    argv += ["-i", str(programs / "input.yaml"), "-p", str(programs / "pipeline.yaml")]
    argv += ["-b", str(programs / "bitrates.yaml")]
    search = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return run_timed(("env", f"PATH={search}", *argv))
