"""Measures the exact engine with a month of 10 million clips: every chunk on every slot.

`python -m benchmarks simulate_month` takes ten minutes or more. The clips are short (see
`simulated_month`), 35 million chunks; `python -m benchmarks.simulated_month 1.5 1 30 1` runs those of the
default length, 117 million chunks, and prints its figures as JSON. The goals are 900 s and 2048 MB.
"""

from __future__ import annotations

from benchmarks.simulated_month import SHORT, measured


def measure() -> dict[str, float]:
    """Return time and memory of the month, and what the aggregate engine finds relative to the exact one."""
    exact = measured(SHORT.median_minutes, exact=True)
    aggregate = measured(SHORT.median_minutes, exact=False)
    return {
        "simulate_month.exact_s": round(exact.wall_s, 1),
        "simulate_month.exact_cpu_s": round(exact.cpu_s, 1),
        "simulate_month.exact_mb": round(exact.peak_mb, 1),
        "simulate_month.exact_events": exact.events,
        "simulate_month.aggregate_to_exact_cost": round(aggregate.cost_usd / exact.cost_usd, 4),
        "simulate_month.aggregate_to_exact_p99": round(aggregate.p99_s / exact.p99_s, 4),
    }
