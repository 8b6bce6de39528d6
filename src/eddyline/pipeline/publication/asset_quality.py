"""Measures the quality of a published asset again: all frames, other metrics, or at the source's size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np

from eddyline.core.errors import InputError, MissingError, UnsupportedError, UsageError
from eddyline.core.processes.runner import Runner
from eddyline.media.ladder.chunks import Grid
from eddyline.media.quality.metrics import SAMPLED, Metric
from eddyline.media.quality.report import HDR, Method, measured, not_measured
from eddyline.media.quality.sampling import SamplingCosts, batches, interval, plan_windows
from eddyline.media.quality.windows import (
    MARGIN,
    RenditionVideo,
    SourceVideo,
    Window,
    WindowValues,
    measure_windows,
)
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.publication.published import read_manifest
from eddyline.pipeline.publication.published_video import open_rendition_video, open_source_video
from eddyline.store.store import Store

_FULL_FRAMES: Final = 600  # of one FFmpeg command: its decoders start at keyframes before the first one
_SDR: Final = "sdr"


@dataclass(frozen=True, kw_only=True)
class QualityRequest:
    """What to measure: these metrics of the renditions `rungs` (names; none: all).

    `full`: all frames instead of a sample. `at_source`: at the displayed frame size of the source, to which
    renditions are scaled up. `source`: a copy of the source (None: where it was submitted from).
    """

    metrics: Sequence[Metric] = SAMPLED
    rungs: Sequence[str] = ()
    full: bool = False
    at_source: bool = False
    source: Path | None = None


def published_quality(store: Store, asset: str, rungs: Sequence[str] = ()) -> dict[str, Any]:
    """The quality in the manifest by rendition; renditions of earlier releases have none.

    Raises `MissingError` for an asset that is not published, `UsageError` for unknown renditions.
    """
    chosen = _renditions(_manifest(store, asset), rungs)
    return {each["name"]: each["quality"] for each in chosen if isinstance(each.get("quality"), dict)}


def measure_asset(
    store: Store,
    asset: str,
    request: QualityRequest,
    *,
    tools: Toolchain,
    runner: Runner,
    work: Path,
    threads: int,
    on_progress: Callable[[float], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure a published asset: the quality by rendition, in the form of the manifest.

    `on_progress` receives the part that is done, from 0 to 1. The directory `work` gets temporary files.
    Raises `MissingError` if the asset or its source is missing, `InputError` if the source has changed,
    `UsageError` for unknown renditions, `UnsupportedError` for cropped ones, `ToolError`, `Interrupted`,
    `TransientError`.
    """
    manifest = _manifest(store, asset)
    chosen = [each["name"] for each in _renditions(manifest, request.rungs)]
    with ExitStack() as stack:
        opened: list[RenditionVideo] = []
        for each in manifest["renditions"]:
            if each.get("transfer", _SDR) == _SDR:
                opening = open_rendition_video(
                    store, asset, manifest, each, tools=tools, runner=runner, work=work
                )
                opened.append(stack.enter_context(opening))
        if any(each.rung.name in chosen for each in opened):
            source = stack.enter_context(
                open_source_video(
                    store, asset, manifest, copy=request.source, tools=tools, runner=runner, work=work
                )
            )
            found = _Measurement(source=source, opened=opened, chosen=chosen, request=request).run(
                tools=tools, runner=runner, work=work / "windows", threads=threads, on_progress=on_progress
            )
        else:
            found = {}
    return {name: found.get(name, not_measured(HDR)) for name in chosen}


@dataclass(frozen=True, kw_only=True)
class _Measurement:
    """The renditions `chosen` (names), of all `opened` ones, with the source."""

    source: SourceVideo
    opened: Sequence[RenditionVideo]
    chosen: Sequence[str]
    request: QualityRequest

    def run(
        self,
        *,
        tools: Toolchain,
        runner: Runner,
        work: Path,
        threads: int,
        on_progress: Callable[[float], None],
    ) -> dict[str, Any]:
        self._require_whole_frames()
        grid, renditions = self._grid(), self._compared()
        groups, every = self._windows(grid)
        values: dict[str, WindowValues] = {each.rung.name: {} for each in renditions}
        for number, group in enumerate(groups):
            on_progress(number / len(groups))
            found = measure_windows(
                self.source,
                renditions,
                group,
                rungs=[each.compared_at or each.rung for each in renditions]
                if self.request.at_source
                else [each.rung for each in self.opened],
                grid=grid,
                metrics=self.request.metrics,
                interval=every,
                tools=tools,
                runner=runner,
                work=work,
                threads=threads,
            )
            for name, by_metric in found.items():
                for metric, windows in by_metric.items():
                    values[name].setdefault(metric, []).extend(windows)
        on_progress(1.0)
        method: Method = "full" if self.request.full else "sampled"
        return {
            each.rung.name: measured(
                each.compared_at or each.rung,
                grid.fps / each.rung.frame_step,
                values[each.rung.name],
                method,
            )
            for each in renditions
        }

    def _require_whole_frames(self) -> None:
        """Raise `UnsupportedError` for cropped renditions: the manifest does not say which part they show."""
        facts = self.source.facts
        shown = Fraction(facts.display_width, facts.display_height)
        for rung in (each.rung for each in self.opened):
            rounding = Fraction(2, min(rung.width, rung.height)) + Fraction(1, 200)
            if abs(Fraction(rung.width, rung.height) / shown - 1) > rounding:
                raise UnsupportedError(
                    f"{rung.name} shows a part of the source's frame, and cannot be compared again",
                    remedy="use the values of the manifest: omit --full, --metrics, --at and --source",
                )

    def _compared(self) -> list[RenditionVideo]:
        facts = self.source.facts
        width, height = facts.display_width // 2 * 2, facts.display_height // 2 * 2
        return [
            replace(each, compared_at=replace(each.rung, width=width, height=height))
            if self.request.at_source
            else each
            for each in self.opened
            if each.rung.name in self.chosen
        ]

    def _grid(self) -> Grid:
        """The distance of the renditions' keyframes, and the rate, in the frames that rungs count."""
        first = self.opened[0]
        count = len(self.source.shown)
        if any(len(each.shown) != each.rung.frame_count(count) for each in self.opened):
            raise InputError(f"the source has {count} frames, the renditions {len(first.shown)}")
        keyframes = np.flatnonzero(first.track.samples.sync[first.shown.sample])
        gop = int(keyframes[1]) if len(keyframes) > 1 else len(first.shown)
        gop = max(gop * first.rung.frame_step, first.rung.fields)
        return Grid(gop=gop, segment=gop, fps=self.source.facts.fps * first.rung.fields)

    def _windows(self, grid: Grid) -> tuple[list[list[Window]], int]:
        """The windows by FFmpeg command, and the interval of the measured frames."""
        source = self.source
        costs = SamplingCosts(facts=source.facts, rungs=[each.rung for each in self.opened], grid=grid)
        if not self.request.full:
            windows = plan_windows(source.shown, source.track, costs)
            return batches(windows, costs), interval(windows)
        count, margin = len(source.shown), MARGIN * costs.step
        length = max(_FULL_FRAMES // costs.gop, 1) * costs.gop
        starts = range(0, count, length)
        return [
            [
                Window(
                    start=max(start - margin, 0),
                    stop=min(start + length + margin, count),
                    first=start,
                    last=min(start + length, count),
                )
            ]
            for start in starts
        ], 1


def _manifest(store: Store, asset: str) -> dict[str, Any]:
    manifest = read_manifest(store, asset)
    if manifest is None:
        raise MissingError(
            f"asset {asset} is not published",
            remedy="check the id, --out and --store; or run the source first",
        )
    return manifest


def _renditions(manifest: Mapping[str, Any], names: Sequence[str]) -> list[dict[str, Any]]:
    known = [each["name"] for each in manifest["renditions"]]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(
            f"the asset has no rendition {unknown[0][:80]!r}", remedy=f"choose one of {', '.join(known)}"
        )
    return [each for each in manifest["renditions"] if not names or each["name"] in names]
