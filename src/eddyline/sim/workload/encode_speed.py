"""How long encoding takes on a reference slot: measured frames a second, and their source."""

from __future__ import annotations

import json
import math
from pathlib import Path

from eddyline.core.errors import UsageError

REFERENCE_SLOT_VCPU = 2
"""The processors of a reference slot: half a c8g.xlarge."""

REFERENCE_FPS_PER_VCPU = 11.0
"""Frames a second of one vCPU: FFmpeg on c8g.xlarge encoded 44 frames/s on 4 vCPU.

Source: ec2-measured-throughput.json, measured 2025-12-10 (MIT).
"""

REFERENCE_ENCODE_FPS = REFERENCE_SLOT_VCPU * REFERENCE_FPS_PER_VCPU

BENCHMARK_FIGURE = "encode.frames_per_cpu_s"
"""The figure of `make bench`: source frames for a CPU second of the whole pipeline, default profile."""

_MAX_FILE_SIZE = 1024 * 1024
_MAX_FPS = 1e6
_REMEDY = "run `make bench` (or `python -m benchmarks encode`) and name its benchmarks/results.json"


def measured_encode_fps(path: Path) -> float:
    """The encode speed of a reference slot, from the results of `make bench` on this machine, in frames/s.

    The reference slot is then two processors of that machine. Raises `UsageError` if the file has no such
    figure.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_FILE_SIZE + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}", remedy=_REMEDY) from error
    if len(text) > _MAX_FILE_SIZE:
        raise UsageError(f"{path}: larger than {_MAX_FILE_SIZE // 1024} KiB", remedy=_REMEDY)
    try:
        results = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON: {str(error)[:200]}", remedy=_REMEDY) from error
    value = results.get(BENCHMARK_FIGURE) if isinstance(results, dict) else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise UsageError(f"{path}: has no number {BENCHMARK_FIGURE!r}", remedy=_REMEDY)
    if not math.isfinite(value) or not 0 < value <= _MAX_FPS:
        raise UsageError(
            f"{path}: {BENCHMARK_FIGURE} is {value:g}, not between 0 and {_MAX_FPS:g}", remedy=_REMEDY
        )
    return REFERENCE_SLOT_VCPU * float(value)
