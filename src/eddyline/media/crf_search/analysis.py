"""Probes the runs of some chunks of one codec family, each at the CRF that the probes before it suggest.

So most probes are close to the target, where they say most; the last ones repeat the runs whose CRF was
furthest away, which gives the slope.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from eddyline.core.processes.runner import Runner
from eddyline.media.crf_search.model import RungModel
from eddyline.media.crf_search.probe import Probe, probe_run
from eddyline.media.crf_search.probe_runs import Run
from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.ladder import Rung
from eddyline.media.ladder.smart_settings import SmartSettings
from eddyline.media.quality.windows import SourceVideo
from eddyline.media.toolchain import Toolchain

_MIN_APART = 1.5  # the change of the CRF for which a run is probed again


def repeat_count(count: int) -> int:
    """How many of `count` probes repeat a run with another CRF."""
    return count // 4 if count > 4 else int(count > 1)  # noqa: PLR2004 - few probes repeat one run


def probe_chunks(
    source: SourceVideo,
    runs: Sequence[Run],
    repeats: int,
    rungs: Sequence[Rung],
    grid: Grid,
    settings: SmartSettings,
    *,
    tools: Toolchain,
    runner: Runner,
    work: Path,
    on_progress: Callable[[float], None] = lambda _: None,
) -> dict[str, list[Probe]]:
    """The probes of each rung, by name: of all runs, and `repeats` more at most.

    The directory `work` gets temporary files. Raises the errors of `probe_run`.
    """
    found: dict[str, list[Probe]] = {rung.name: [] for rung in rungs}

    def probe(run: Run, crfs: Mapping[str, float]) -> None:
        probes = probe_run(source, run, rungs, crfs, grid, tools=tools, runner=runner, work=work)
        for name, each in probes.items():
            found[name].append(each)
        done = max(len(probes) for probes in found.values())
        on_progress(min(done / (len(runs) + repeats), 1.0))

    for run in runs:
        probe(run, suggested_crfs(rungs, settings, found))
    for _ in range(repeats):
        crfs = suggested_crfs(rungs, settings, found)
        again = furthest_run(runs, found, crfs)
        if again is None:
            break
        probe(again, crfs)
    return found


def suggested_crfs(
    rungs: Sequence[Rung], settings: SmartSettings, found: Mapping[str, Sequence[Probe]]
) -> dict[str, float]:
    """The CRF at which each rung is probed next."""
    return {
        rung.name: RungModel(rung=rung, settings=settings, probes=found[rung.name]).title_crf()
        for rung in rungs
    }


def furthest_run(
    runs: Sequence[Run], found: Mapping[str, Sequence[Probe]], crfs: Mapping[str, float]
) -> Run | None:
    """The run whose probes are furthest from `crfs`; None if all are close."""

    def apart(run: Run) -> float:
        return sum(
            min(abs(probe.crf - crf) for probe in found[name] if probe.start == run.start)
            for name, crf in crfs.items()
        ) / len(crfs)

    furthest = max(runs, key=apart)
    return furthest if apart(furthest) >= _MIN_APART else None
