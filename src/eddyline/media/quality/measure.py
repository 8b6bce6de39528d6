"""Measures encoded files against the source's frames, with one FFmpeg command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from eddyline.core.errors import ProofError, UnsupportedError
from eddyline.core.files import translate_errors
from eddyline.core.processes.runner import Limits, Runner
from eddyline.media.quality.command import Log, measure_command
from eddyline.media.quality.comparison import Distorted, Reference, is_measurable
from eddyline.media.quality.metrics import Metric, highest_psnr
from eddyline.media.quality.pooling import FrameValues
from eddyline.media.quality.score_logs import read_log
from eddyline.media.toolchain import Toolchain

_BASE_S, _PIXELS_PER_S = 120.0, 200_000  # time limit: with all metrics, 10 million pixels take a second
# Address space: the program, and the frames that decoders and comparisons hold, per pixel.
_MEMORY_BASE, _MEMORY_INPUT, _MEMORY_COMPARISON = 3 * 1024**3, 200, 800
_DB: Final = frozenset({Metric.PSNR, Metric.XPSNR})


def measure(
    reference: Reference,
    distorted: Sequence[Distorted],
    *,
    metrics: Sequence[Metric],
    tools: Toolchain,
    runner: Runner,
    work: Path,
    threads: int = 1,
) -> dict[str, FrameValues]:
    """The values of the wanted frames of each file, by its name; metrics that its size rules out are missing.

    The directory `work` gets temporary files. The values do not depend on `threads`. Raises
    `UnsupportedError` for a rung that keeps HDR, `ProofError` if a file does not have one frame for each of
    the reference, `ToolError`, `Interrupted`, `TransientError`.
    """
    for each in distorted:
        if not is_measurable(reference.facts, each.rung):
            raise UnsupportedError(f"{each.name} is HDR, for which VMAF is not defined")
    command = measure_command(reference, distorted, metrics, tools, threads)
    try:
        runner.run(command.argv, limits=_limits(reference, distorted), cwd=work)
        with translate_errors("reading the measurements"):
            found: dict[str, dict[Metric, Sequence[float]]] = {each.name: {} for each in distorted}
            for log in command.logs:
                found[distorted[log.number].name].update(_values(work, log, reference, distorted[log.number]))
    finally:
        for log in command.logs:
            (work / log.name).unlink(missing_ok=True)
    return dict(found)


def _values(work: Path, log: Log, reference: Reference, file: Distorted) -> Mapping[Metric, Sequence[float]]:
    expected = range(file.rung.frame_count(reference.frames))
    highest = highest_psnr(file.rung)
    values: dict[Metric, Sequence[float]] = {}
    for metric, by_frame in read_log(work / log.name, log.metrics).items():
        every = 1 if metric in {Metric.PSNR, Metric.SSIM, Metric.XPSNR} else file.interval
        count = len(expected[::every])
        if list(by_frame) != list(expected[::every]):
            raise ProofError(f"{file.name}: {len(by_frame)} frames were compared with {count} of the source")
        wanted = [by_frame[number] for number in file.wanted]
        values[metric] = [min(value, highest) for value in wanted] if metric in _DB else wanted
    return values


def _limits(reference: Reference, distorted: Sequence[Distorted]) -> Limits:
    source = reference.facts.width * reference.facts.height
    sizes = [each.rung.width * each.rung.height for each in distorted]
    decoded = sum(max(piece.samples, piece.frames) for piece in reference.pieces)
    memory = _MEMORY_INPUT * (len(reference.pieces) * source + sum(sizes)) + _MEMORY_COMPARISON * sum(sizes)
    return Limits(
        wall_s=_BASE_S + decoded * (source + sum(sizes)) / _PIXELS_PER_S,
        memory=_MEMORY_BASE + memory,
    )
