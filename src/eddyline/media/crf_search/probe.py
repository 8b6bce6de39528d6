"""Encodes one run of frames as a chunk is encoded, and measures it as a finished rendition is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eddyline.core.processes.runner import Runner
from eddyline.media.crf_search.probe_runs import LENGTH, MEASURED, Run
from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.ladder import Rung
from eddyline.media.quality.comparison import Distorted, Reference
from eddyline.media.quality.measure import measure
from eddyline.media.quality.metrics import Metric
from eddyline.media.quality.windows import SourceVideo
from eddyline.media.source.eac_pair import write_video_slice
from eddyline.media.source.open_source import main_video
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.encode import encode_chunk
from eddyline.mp4.index import read_movie
from eddyline.mp4.slice import Slice
from eddyline.store.ranges import FileRanges

_DIGITS = 3


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One run of chunk number `chunk`, encoded for a rung with `crf`.

    `vmaf` are the values of its measured frames, `key_bits` the bits of its keyframe, `frame_bits` the mean
    of its other frames.
    """

    chunk: int
    start: int
    crf: float
    vmaf: tuple[float, ...]
    key_bits: int
    frame_bits: int

    def kbps(self, grid: Grid) -> float:
        """The bitrate of GOPs of such frames, to compare rungs. `grid` is that of the rung.

        It is too low, by up to a half, because encoders spend few bits at the end of a short encode.
        """
        return float((self.key_bits + (grid.gop - 1) * self.frame_bits) / grid.gop * grid.fps / 1000)

    def to_json(self) -> list[Any]:
        """A list of JSON values."""
        return [self.chunk, self.start, self.crf, list(self.vmaf), self.key_bits, self.frame_bits]

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> Probe:
        """The probe that `to_json` wrote."""
        chunk, start, crf, vmaf, key_bits, frame_bits = values
        return cls(
            chunk=chunk, start=start, crf=crf, vmaf=tuple(vmaf), key_bits=key_bits, frame_bits=frame_bits
        )


def probe_run(
    source: SourceVideo,
    run: Run,
    rungs: Sequence[Rung],
    crfs: Mapping[str, float],
    grid: Grid,
    *,
    tools: Toolchain,
    runner: Runner,
    work: Path,
) -> dict[str, Probe]:
    """The probe of each rung, by name, with the CRF that `crfs` has for it.

    Filters, encoder, preset and threads are those of chunks. Raises the errors of `encode_chunk` and
    `measure`.
    """
    piece = _slice(source, run.start, run.stop, work / "run.mp4")
    # The frames that are measured: comparing all of them would cost as much as encoding.
    shown = -(-(run.stop - run.start) * MEASURED.stop // LENGTH)
    reference = _slice(source, run.start, run.start + shown, work / "shown.mp4")
    probed = [replace(rung, crf=crfs[rung.name]) for rung in rungs]
    encoded = encode_chunk(piece, source.facts, probed, grid, tools=tools, runner=runner, out_dir=work)
    paths = {each.rung: each.path for each in encoded}
    values = measure(
        Reference(pieces=[reference], facts=source.facts, rungs=rungs, grid=grid),
        [
            Distorted(
                name=rung.name,
                rung=rung,
                path=paths[rung.name],
                wanted=_wanted(rung.frame_count(reference.frames)),
            )
            for rung in rungs
        ],
        metrics=(Metric.VMAF,),
        tools=tools,
        runner=runner,
        work=work,
    )
    probes = {}
    for rung in rungs:
        sizes = _frame_sizes(paths[rung.name])
        others = sizes[1:] or sizes
        probes[rung.name] = Probe(
            chunk=run.chunk,
            start=run.start,
            crf=crfs[rung.name],
            vmaf=tuple(round(value, _DIGITS) for value in values[rung.name][Metric.VMAF]),
            key_bits=8 * sizes[0],
            frame_bits=8 * sum(others) // len(others),
        )
        paths[rung.name].unlink()
    for each in (*piece.tracks, *reference.tracks):
        each.path.unlink()
    return probes


def _slice(source: SourceVideo, start: int, stop: int, out: Path) -> Slice:
    return write_video_slice(
        source.src, source.movie, source.track, source.shown, source.second, start=start, stop=stop, out=out
    )


def _wanted(frames: int) -> list[int]:
    """The measured frames; all of a source with fewer frames than a run has measured ones."""
    return list(range(min(MEASURED.start, frames - 1), frames))


def _frame_sizes(path: Path) -> list[int]:
    with FileRanges(path) as src:
        return [int(size) for size in main_video(read_movie(src)).samples.size]
