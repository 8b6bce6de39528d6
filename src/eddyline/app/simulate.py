"""Runs `eddyline simulate SCENARIO.yaml`: the comparison, and its report."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from eddyline.sim.comparison.compare import compare
from eddyline.sim.comparison.figures import Comparison
from eddyline.sim.scenario import Scenario, read_scenario


@dataclass(frozen=True, kw_only=True)
class SimulateOptions:
    """What the command line says: the first seed, and how many (None: as the scenario says)."""

    seed: int = 1
    seeds: int | None = None
    processes: int | None = None
    report: Path | None = None


def simulate_scenario(
    path: Path | None, options: SimulateOptions, progress: Callable[[str], None]
) -> tuple[Comparison, list[Path]]:
    """Compare the policies of a scenario (None: of the default one); returns also the files of the report.

    Raises `UsageError` for a scenario that is wrong.
    """
    scenario = Scenario(name="default") if path is None else read_scenario(path)
    count = options.seeds or scenario.seeds
    processes = options.processes or min(os.cpu_count() or 1, 16)
    found = compare(
        scenario,
        seeds=range(options.seed, options.seed + count),
        processes=processes,
        report=progress,
    )
    return found, []
