"""Runs `eddyline simulate SCENARIO.yaml`: the comparison, and its report."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from eddyline.core.atomic_output import atomic_output
from eddyline.sim.comparison.compare import compare
from eddyline.sim.comparison.figures import Comparison
from eddyline.sim.comparison.json_figures import comparison_json, shown_deadline
from eddyline.sim.comparison.tables import COLUMNS, notes_of, rows_of, title_of
from eddyline.sim.report.report import ReportTable, SimulationReport
from eddyline.sim.report.write import write_report
from eddyline.sim.scenario import Scenario, read_scenario
from eddyline.sim.simulation import run_policy, world_of


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
    written = [] if options.report is None else _write_report(scenario, found, options.report)
    return found, written


def _write_report(scenario: Scenario, found: Comparison, directory: Path) -> list[Path]:
    """The HTML page, its tables and data, and the figures as JSON, which the fleet page shows."""
    shown = shown_deadline(found)
    world = world_of(scenario, found.seeds[0])
    runs = {
        each.label: run_policy(world, each.policy, deadline_s=shown.deadline_s, backlog_s=each.backlog_s)
        for each in shown.policies
    }
    report = SimulationReport(
        title=found.name,
        facts=(
            *found.facts.items(),
            ("seeds", ", ".join(map(str, found.seeds))),
            ("charts", f"seed {found.seeds[0]}, {title_of(shown)}"),
            ("Eddyline", version("eddyline")),
        ),
        tables=tuple(
            ReportTable(
                title=title_of(each),
                columns=COLUMNS,
                rows=tuple(rows_of(each)),
                note="; ".join(notes_of(each)),
            )
            for each in found.deadlines
        ),
        runs=runs,
        deadlines_s=tuple(each.deadline_s for each in found.deadlines),
    )
    paths = write_report(report, directory)
    path = directory / "simulation.json"
    text = json.dumps({"created": datetime.now(UTC).isoformat(), **comparison_json(found)}, indent=2)
    with atomic_output(path) as output:
        output.file.write_text(text + "\n", "utf-8")
    return [paths[-1], *paths[:-1], path]  # the page first
