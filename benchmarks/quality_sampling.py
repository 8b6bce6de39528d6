"""Measures what sampling the quality costs, and how far its means are from those of all frames.

    python -m benchmarks quality_sampling

The clip is 24 s of 1080p30 with natural texture (see `clips`), encoded with the default profile. The share is
that of the CPU time of `quality` jobs in that of `chunk` jobs. It takes about 5 CPU minutes.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from benchmarks.clips import make_natural_clip
from benchmarks.encode import run_pipeline
from eddyline.core.processes.runner import Runner
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.publication.asset_quality import QualityRequest, measure_asset
from eddyline.store.local import LocalStore

SECONDS, RATE = 24, 30


def measure(work: Path) -> dict[str, float]:
    """Return the share of the CPU time, and the largest error among the renditions in VMAF, PSNR and SSIM."""
    tools = Toolchain.find()
    clip = make_natural_clip(seconds=SECONDS, rate=RATE, tools=tools)
    out = work / "out"
    run_pipeline(clip, out)
    (path,) = out.glob("assets/*/manifest.json")
    manifest = json.loads(path.read_text("utf-8"))
    kinds = manifest["run"]["cost"]["kinds"]
    full = measure_asset(
        LocalStore(out),
        manifest["asset"],
        QualityRequest(full=True),
        tools=tools,
        runner=Runner(),
        work=work,
        threads=os.cpu_count() or 1,
    )
    errors: dict[str, list[float]] = {}
    for each in manifest["renditions"]:
        for metric, sampled in each["quality"]["metrics"].items():
            exact = full[each["name"]]["metrics"][metric]["mean"]
            errors.setdefault(metric, []).append(abs(sampled["mean"] - exact))
            print(
                f"  {each['name']} {metric}: {sampled['mean']:.4g} of {each['quality']['frames']} frames"
                f" (standard error {sampled['standard_error']:.2g}), {exact:.4g} of all",
                flush=True,
            )
    return {
        "quality_sampling.cpu_share": kinds["quality"]["cpu_seconds"] / kinds["chunk"]["cpu_seconds"],
        **{f"quality_sampling.{metric}_error": max(values) for metric, values in errors.items()},
    }
