"""The camera's own data, kept beside the pictures: raw GPMF payloads and the settings in udta."""

from __future__ import annotations

import hashlib
from pathlib import Path

from eddyline.core.errors import ProofError
from eddyline.mp4.slice import sample_bytes
from eddyline.pipeline.bench import Made, Task
from eddyline.pipeline.footage import Footage


def telemetry(task: Task) -> Made:
    """Write "payloads.gpmf" (all payloads in order) and "udta.bin", where the source has them."""
    made: dict[str, Path] = {}
    result: dict[str, object] = {"payloads": None, "udta": None}
    with task.footage() as source:
        if task.plan.facts.telemetry is not None:
            made["payloads.gpmf"] = _payloads(source, task)
            result["payloads"] = "payloads.gpmf"
        if source.movie.udta:
            made["udta.bin"] = task.work / "udta.bin"
            made["udta.bin"].write_bytes(source.movie.udta)
            result["udta"] = "udta.bin"
    return Made(files=made, result=result)


def _payloads(source: Footage, task: Task) -> Path:
    expected = task.plan.facts.telemetry
    track = source.movie.first("telemetry")
    if expected is None or track is None:
        raise ProofError("the source had a telemetry track when it was inspected and has none now")
    path, seen = task.work / "payloads.gpmf", hashlib.sha256()
    with path.open("wb") as file:
        for payload in sample_bytes(source.src, track):
            seen.update(payload)
            file.write(payload)
    if seen.hexdigest() != expected.sha256:
        raise ProofError("the telemetry written is not the telemetry that was inspected")
    return path
