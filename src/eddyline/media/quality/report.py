"""The quality of a rendition as JSON values, for the manifest and for `eddyline quality`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from statistics import fmean, stdev
from typing import Any, Final, Literal

from eddyline.media.ladder.ladder import Rung
from eddyline.media.quality.metrics import Metric, model, scale
from eddyline.media.quality.pooling import pool

Method = Literal["sampled", "full"]
"""Whether windows of frames were measured, or all frames."""

HDR: Final = "HDR: VMAF is not defined for it"
"""Why a rendition that keeps HDR is not measured."""
SPHERE: Final = "the source shows a sphere in two tracks"
"""Why a rendition of such a source is not measured."""


def measured(
    rung: Rung, fps: Fraction, windows: Mapping[Metric, Sequence[Sequence[float]]], method: Method
) -> dict[str, Any]:
    """The quality of a rendition that was compared at the size of `rung`, from the values of each window.

    `fps` is its frame rate. `standard_error` is that of a sampled mean (at least two windows): in two of
    three cases, the mean of all frames differs by less.
    """
    frames = max((sum(map(len, values)) for values in windows.values()), default=0)
    if not frames:
        return not_measured(f"{rung.width}x{rung.height} pixels are too small for the metrics")
    return {
        "method": method,
        "frames": frames,
        "width": rung.width,
        "height": rung.height,
        "metrics": {
            metric.value: _metric(metric, values, rung, fps, method) for metric, values in windows.items()
        },
    }


def not_measured(reason: str) -> dict[str, Any]:
    """The entry of a rendition that was not measured."""
    return {"not_measured": reason}


def _metric(
    metric: Metric, windows: Sequence[Sequence[float]], rung: Rung, fps: Fraction, method: Method
) -> dict[str, Any]:
    name = model(metric, rung.width, rung.height, fps)
    means = [fmean(values) for values in windows if values]
    found: dict[str, Any] = {"model": name} if name else {}
    found.update(pool(metric, [value for values in windows for value in values]))
    if method == "sampled" and len(means) > 1:
        error = stdev(means) / len(means) ** 0.5
        found["standard_error"] = round(error, scale(metric).digits)
    return found
