"""Probes the runs of some chunks of one codec family, each at the CRF that the probes before it suggest.

So most probes are close to the target, where they say most. Runs whose CRF was far from it are repeated,
which gives the slope; as long as none was, further runs are probed instead, because content differs more.
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

_MIN_APART = 3.0  # the change of the CRF for which a run is probed again


def repeat_count(count: int) -> int:
    """How many of `count` probes may repeat a run with another CRF."""
    return count // 4 if count > 4 else int(count > 1)  # noqa: PLR2004 - few probes repeat one run


def probe_chunks(
    source: SourceVideo,
    runs: Sequence[Run],
    rungs: Sequence[Rung],
    grid: Grid,
    settings: SmartSettings,
    *,
    tools: Toolchain,
    runner: Runner,
    work: Path,
    on_progress: Callable[[float], None] = lambda _: None,
) -> dict[str, list[Probe]]:
    """The probes of each rung, by name: as many as there are runs.

    The directory `work` gets temporary files. Raises the errors of `probe_run`.
    """
    found: dict[str, list[Probe]] = {rung.name: [] for rung in rungs}

    def probe(run: Run, crfs: Mapping[str, float]) -> None:
        probes = probe_run(source, run, rungs, crfs, grid, tools=tools, runner=runner, work=work)
        for name, each in probes.items():
            found[name].append(each)
        done = max(len(probes) for probes in found.values())
        on_progress(done / len(runs))

    fresh = len(runs) - repeat_count(len(runs))
    for run in runs[:fresh]:
        probe(run, suggested_crfs(rungs, settings, found))
    for run in runs[fresh:]:
        crfs = suggested_crfs(rungs, settings, found)
        probe(furthest_run(runs[:fresh], found, crfs) or run, crfs)
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
