"""Runs for the tests of reports."""

from __future__ import annotations

import numpy as np

from eddyline.sim.engine.result import Life, RunResult, Sample, Totals
from eddyline.sim.report.report import ReportTable, SimulationReport


def run(seed: int = 1, *, samples: int = 200, interruptions: int = 7) -> RunResult:
    """A run of `samples` minutes that is not simulated, but consistent."""
    rng = np.random.default_rng(seed)
    busy = rng.uniform(0, 50, samples)
    ready = np.sort(rng.lognormal(5.5, 0.8, 500))
    return RunResult(
        seed=seed,
        end_s=samples * 60.0,
        totals=Totals(cost_usd=12.5 + seed, interruptions=interruptions, done=100.0, spot=80.0),
        ready_s=ready,
        samples=[
            Sample(
                at=60.0 * number,
                spot=40.0,
                on_demand=10.0,
                booting=number % 5,
                busy=float(busy[number]),
                waiting=float(busy[number] * 60),
                cost_usd=(12.5 + seed) * number / samples,
                interruptions=interruptions * number // samples,
            )
            for number in range(samples)
        ],
        lives=[Life(600.0 * (number + 1), number % 3 == 0) for number in range(30)],
    )


def empty_run() -> RunResult:
    return RunResult(seed=1, end_s=60.0, totals=Totals(), ready_s=np.array([]))


def report(**runs: RunResult) -> SimulationReport:
    return SimulationReport(
        title="Calm",
        facts=(("Scenario", "calm.yaml"), ("Seeds", "1 to 20")),
        tables=(
            ReportTable(
                title="Policies",
                columns=("policy", "cost"),
                rows=(("a", "$1.50"), ("=cmd()", "-2 %")),
                note="Means.",
            ),
        ),
        runs=runs or {"ours": run(1), "theirs": run(2, interruptions=0)},
        deadlines_s=(900.0,),
    )
