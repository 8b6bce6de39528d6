"""Reads the values of frames from the logs of FFmpeg's filters libvmaf, psnr, ssim and xpsnr."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from eddyline.core.errors import ProofError
from eddyline.media.quality.metrics import Metric

_MAX_BYTES: Final = 512 * 1024**2
# The value of luma in a line of a statistics file.
_LUMA: Final = {
    Metric.PSNR: re.compile(r"\bpsnr_y:(\S+)"),
    Metric.SSIM: re.compile(r"\bY:(\S+)"),
    Metric.XPSNR: re.compile(r"\bXPSNR y: *(\S+)"),
}


def read_log(path: Path, metrics: tuple[Metric, ...]) -> dict[Metric, dict[int, float]]:
    """The value of each frame, by metric and frame number. Raises `ProofError` for an invalid log.

    PSNR of equal frames is infinite.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode("utf-8")
        if metrics[0] in _LUMA:
            return {metrics[0]: _read_lines(text, _LUMA[metrics[0]])}
        return _read_libvmaf(json.loads(text), metrics)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ProofError(f"FFmpeg's log of {', '.join(metrics)} is invalid: {error}") from error


def _read_lines(text: str, luma: re.Pattern[str]) -> dict[int, float]:
    values: dict[int, float] = {}
    for line in text.splitlines():
        match = luma.search(line)
        if line.startswith("n:") and match is not None:
            values[len(values)] = _number(float(match[1]))
    return values


def _read_libvmaf(log: Mapping[str, Any], metrics: tuple[Metric, ...]) -> dict[Metric, dict[int, float]]:
    frames = [(int(each["frameNum"]), each["metrics"]) for each in log["frames"]]
    return {
        metric: {number: _number(float(_value(values, metric))) for number, values in frames}
        for metric in metrics
    }


def _value(values: Mapping[str, Any], metric: Metric) -> Any:  # noqa: ANN401 - a value of JSON
    """The value of a metric; the name of a feature is followed by its options ("cambi_encw_640")."""
    if metric in values:
        return values[metric]
    found = next((name for name in values if name.startswith(f"{metric}_")), metric.value)
    return values[found]


def _number(value: float) -> float:
    if math.isnan(value):
        raise ValueError("a value is not a number")
    return value
