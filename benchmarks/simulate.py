"""Measures the simulator: the speed of the exact engine, a month of 10 million clips by the aggregate one.

`python -m benchmarks simulate` takes about two minutes; `python -m benchmarks simulate_month` runs the month
by the exact engine. Times are of one process on one core. `cpu` figures are processor time, which
other load of the machine changes less.

`simulate.large_month_*` is the same month with an encode that takes 50 times as long (a ladder of AV1 up to
5.3K, say): tens of thousands of instances at a time.
"""

from __future__ import annotations

from benchmarks.simulated_month import DEFAULT, SHORT, measured

_EXACT_DAYS = 0.5
_LARGE = 50.0


def measure() -> dict[str, float]:
    """Return events a second of the exact engine, and time and memory of the months."""
    exact = measured(DEFAULT.median_minutes, exact=True, days=_EXACT_DAYS)
    same = measured(DEFAULT.median_minutes, exact=False, days=_EXACT_DAYS)
    month = measured(SHORT.median_minutes, exact=False)
    large = measured(DEFAULT.median_minutes, exact=False, encode_factor=_LARGE)
    return {
        "simulate.exact_events_per_cpu_s": round(exact.events / exact.cpu_s),
        "simulate.exact_events_per_s": round(exact.events / exact.wall_s),
        "simulate.aggregate_to_exact_cost": round(same.cost_usd / exact.cost_usd, 4),
        "simulate.aggregate_to_exact_p99": round(same.p99_s / exact.p99_s, 4),
        "simulate.month_s": round(month.wall_s, 1),
        "simulate.month_cpu_s": round(month.cpu_s, 1),
        "simulate.month_mb": round(month.peak_mb, 1),
        "simulate.large_month_s": round(large.wall_s, 1),
        "simulate.large_month_cpu_s": round(large.cpu_s, 1),
        "simulate.large_month_mb": round(large.peak_mb, 1),
        "simulate.large_month_instances": large.most_instances,
        "simulate.large_month_launches": large.launches,
    }


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key} {value:g}")
