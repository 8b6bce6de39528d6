"""Compares the simulator with real runs of small scenarios: worker processes, notices, SIGKILL.

`python -m benchmarks.validation` prints the figures; `measure()` returns them. All times are a tenth of those
in production. Each run has another scenario (440 jobs, 24 interrupted machines with 4 slots, on a ledger in
PostgreSQL) and takes about a minute. The simulator runs the same scenarios on machines that lived as long.
Deviations are of means over all runs. See docs/explanation/simulator-validation.md.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from tests.unit.graph.postgres_server import Server
from tests.validation.comparison import deviations, means
from tests.validation.real_run import RealRun, run_for_real
from tests.validation.scenario import LEASE_S, Figures, generated
from tests.validation.simulated_run import SEEDS, simulate

RUNS = 6


def measure() -> dict[str, float]:
    """Return the deviations of the simulator, and the real and simulated means."""
    real: list[RealRun] = []
    simulated: list[Figures] = []
    for run in range(RUNS):
        scenario = generated(run)
        with tempfile.TemporaryDirectory(prefix="eddyline-bench-") as folder, Server() as server:
            found = run_for_real(scenario, server.url, Path(folder))
        if found.figures.done != len(scenario.jobs):
            raise AssertionError(f"{found.figures.done} of {len(scenario.jobs)} jobs were done")
        real.append(found)
        simulated += [simulate(scenario, found.machines, seed=seed) for seed in range(SEEDS)]
    figures = [each.figures for each in real]
    found_after = [seconds for each in real for seconds in each.found_after_s]
    result = {f"validation.{name}_off": round(off, 4) for name, off in deviations(figures, simulated).items()}
    for kind, runs in (("real", figures), ("simulated", simulated)):
        mean = means(runs)
        result |= {
            f"validation.{kind}.makespan_s": round(mean.makespan_s, 2),
            f"validation.{kind}.redone_slot_s": round(mean.redone_s, 2),
            f"validation.{kind}.drain_s": round(mean.drain_s, 3),
            f"validation.{kind}.handed_back": round(statistics.fmean(each.handed_back for each in runs), 2),
            f"validation.{kind}.lost": round(statistics.fmean(each.lost for each in runs), 2),
        }
    return result | {
        "validation.lost_found_after_leases": round(statistics.fmean(found_after) / LEASE_S, 3),
        "validation.false_losses": sum(each.false_losses for each in real),
    }


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key} {value}")
