"""Measured encoding speed of instance types, and what a machine full of jobs achieves.

The file maps each type to `ffmpeg.fps` (frames per second of one FFmpeg job), `ffmpeg.cuda_used` and
`cpu.threads`. A single job does not fill a large machine, so the rate per vCPU is taken from the sizes of the
family up to `FILLED_VCPU` vCPU; a machine whose slots are all busy is assumed to achieve it on every vCPU.
Jobs on a GPU have the measured rate.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from eddyline.fleet.catalogue.files import read_json, wrong_file
from eddyline.fleet.catalogue.instance_types import MAX_TYPES
from eddyline.fleet.instance_types import family

FILLED_VCPU = 8
"""A machine of this many vCPU is nearly filled by one FFmpeg job."""
_MAX_FPS = 1_000_000.0
_MAX_THREADS = 10_000


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Frames per second of one FFmpeg job on a type with `vcpu`; `gpu`: it encoded on the GPU."""

    fps: float
    vcpu: int
    gpu: bool


@dataclass(frozen=True)
class Throughput:
    """Measurements by type."""

    measured: Mapping[str, Measurement]

    def machine_fps(self, instance_type: str, vcpu: int) -> float | None:
        """Frames per second of a machine full of jobs; None if neither it nor its family was measured."""
        own = self.measured.get(instance_type)
        if own is not None and own.gpu:
            return own.fps
        rate = self._rate_per_vcpu(family(instance_type))
        return None if rate is None else rate * vcpu

    def _rate_per_vcpu(self, name: str) -> float | None:
        relatives = [each for kind, each in self.measured.items() if family(kind) == name and not each.gpu]
        small = [each for each in relatives if each.vcpu <= FILLED_VCPU]
        if small:
            return statistics.median(each.fps / each.vcpu for each in small)
        smallest = min(relatives, key=lambda each: each.vcpu, default=None)
        return None if smallest is None else smallest.fps / smallest.vcpu


def read_throughput(path: Path) -> Throughput:
    """The measurements of a file; types without a result are left out."""
    plain = read_json(path)
    if not isinstance(plain, Mapping) or len(plain) > MAX_TYPES:
        raise wrong_file(path, "expected a mapping of instance types to measurements")
    found = {
        str(name)[:60]: each for name, value in plain.items() if (each := _measurement(value)) is not None
    }
    if not found:
        raise wrong_file(path, "contains no measurement with ffmpeg.fps and cpu.threads")
    return Throughput(found)


def _measurement(plain: Any) -> Measurement | None:  # noqa: ANN401 - any JSON value
    ffmpeg = plain.get("ffmpeg") if isinstance(plain, Mapping) else None
    cpu = plain.get("cpu") if isinstance(plain, Mapping) else None
    if not isinstance(ffmpeg, Mapping) or not isinstance(cpu, Mapping):
        return None
    fps, threads = ffmpeg.get("fps"), cpu.get("threads")
    if not _is_positive(fps, _MAX_FPS) or not _is_positive(threads, _MAX_THREADS):
        return None
    return Measurement(fps=float(fps), vcpu=int(threads), gpu=ffmpeg.get("cuda_used") is True)


def _is_positive(value: object, most: float) -> TypeGuard[int | float]:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and 0 < value <= most
    )
