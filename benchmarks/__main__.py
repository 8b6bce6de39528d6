"""Runs the benchmarks, prints a table of their figures and writes benchmarks/results.json.

python -m benchmarks            all benchmarks in SUITES (one to one and a half hours on 2 cores)
python -m benchmarks graph      the named benchmarks
python -m benchmarks starts     only run by name: the ledger with 10^6 rows of the start history (5 minutes)
python -m benchmarks growth     only run by name: the ledger with up to 10^6 jobs (about 5 minutes)
python -m benchmarks validation only run by name: the simulator against real runs (about 7 minutes)
python -m benchmarks simulate_month   only run by name: a month of 10 million clips by the exact engine
python -m benchmarks requests   only run by name: requests to S3 and SQS for one asset (about 2 minutes)
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

RESULTS = Path(__file__).parent / "results.json"
# By name of the benchmark: its figures, each with its target ("at most" or "at least", value) or None.
SUITES: dict[str, dict[str, tuple[str, float] | None]] = {
    "encode": {
        "encode.cpu_vs_single": ("at most", 0.98),
        "encode.wall_vs_single": ("at most", 0.96),
        "encode.cpu_vs_per_rung": ("at most", 0.75),
        "encode.frames_per_cpu_s": None,
        "quality.vmaf_delta": ("at most", 0.2),
        "quality.bytes_ratio": ("at most", 1.005),
        "quality.vbv_underflows": ("at most", 0),
        "memory.peak_mb": ("at most", 300),
        "proof.cpu_share": ("at most", 0.02),
    },
    "quality_sampling": {
        "quality_sampling.cpu_share": ("at most", 0.1),
        "quality_sampling.vmaf_error": ("at most", 0.5),
        "quality_sampling.psnr_error": None,
        "quality_sampling.ssim_error": None,
    },
    "graph": {
        "graph.jobs_per_s": ("at least", 2500),
        "graph.jobs_per_s_backlog": ("at least", 2000),
    },
    "catalogue": {
        "catalogue.insert_assets_per_s": None,
        **{
            f"catalogue.{name}_ms.{point}": ("at most", 50) if point == "p99" else None
            for name in (
                *("first_page", "later_page", "of_one_state", "of_two_states", "of_a_camera"),
                *("of_no_camera", "oldest_day", "in_a_box", "search_common", "search_some"),
                *("search_one", "search_none", "counts"),
            )
            for point in ("p50", "p99")
        },
        "catalogue.search_short_ms.p50": None,
        "catalogue.search_short_ms.p99": None,
    },
    "postgres": {
        "postgres.jobs_per_s_4": ("at least", 3000),
        "postgres.jobs_per_s_16": ("at least", 3000),
        "ready_to_start_ms.p50": None,
        "ready_to_start_ms.p99": None,
    },
    "sqs": {
        "sqs.jobs_per_s": None,
        "sqs.server_messages_per_s": None,
        "sqs.jobs_vs_server": ("at least", 0.6),
        "sqs.sustained_jobs_per_s": None,
        "sqs.server_peak_messages_per_s": None,
        "sqs.sustained_vs_peak": None,
    },
    "kill": {
        "kill_to_restart_s": ("at most", 7),
        "kill_to_restart_sqs_s": ("at most", 7),
        "handback_to_restart_s": ("at most", 0.2),
        "handback_to_restart_sqs_s": ("at most", 0.2),
    },
    "scaling": {
        "scaling.read_sqlite_ms": ("at most", 1000),
        "scaling.read_postgres_ms": ("at most", 1000),
        "scaling.week_cpu_s": ("at most", 10),
        "scaling.week_capacity_used": ("at least", 0.8),
    },
    "lambdas": {
        "lambdas.zip_kb": ("at most", 100),
        "lambdas.general_drain_cold_ms": None,
        "lambdas.general_drain_own_ms": ("at most", 50),
        "lambdas.spot_drain_cold_ms": None,
        "lambdas.spot_drain_own_ms": ("at most", 50),
        "lambdas.spot_metrics_cold_ms": None,
        "lambdas.spot_metrics_own_ms": ("at most", 50),
    },
    "fleet_page": {
        f"fleet_page.{database}_{name}_{unit}": ("at most", 200) if name == "report" else None
        for database in ("sqlite", "postgres")
        for name in ("cold", "refresh", "report")
        for unit in ("ms", "cpu_ms")
    },
    "web": {
        "web.list_p50_ms": None,
        "web.list_p99_ms": ("at most", 50),
        "web.search_p50_ms": None,
        "web.search_p99_ms": ("at most", 50),
        "web.library_page_kb": ("at most", 100),
        "web.interactive_ms": ("at most", 1000),
        "web.jobs_page_ms": ("at most", 1000),
    },
    "simulate": {
        "simulate.exact_events_per_cpu_s": ("at least", 200_000),
        "simulate.exact_events_per_s": None,
        "simulate.aggregate_to_exact_cost": None,
        "simulate.aggregate_to_exact_p99": None,
        "simulate.month_s": ("at most", 60),
        "simulate.month_cpu_s": None,
        "simulate.month_mb": ("at most", 500),
        "simulate.large_month_s": ("at most", 60),
        "simulate.large_month_cpu_s": None,
        "simulate.large_month_mb": ("at most", 500),
        "simulate.large_month_instances": None,
        "simulate.large_month_launches": None,
    },
    "publish": {"publish.hour_s": ("at most", 0.5), "publish.renames_s": None},
    "audio": {"audio.hour_vs_plain": ("at most", 1.115), "audio.hour_cpu_s": None},
    "startup": {
        "startup.help_s": ("at most", 0.12),
        "startup.probe_s": ("at most", 0.3),
        "startup.run_s": ("at most", 0.6),
        "startup.run_cpu_s": ("at most", 0.7),
        "startup.run_children": ("at most", 10),
        "startup.plain_command_s": None,
        "startup.ffprobe_s": None,
    },
    "codecs": {
        f"codecs.{codec}.{figure}": target
        for codec in ("h264", "hevc", "av1")
        for figure, target in (
            ("cpu_vs_single", ("at most", 1.0)),
            ("cpu_vs_per_rung", ("at most", 1.0)),
            ("cpu_vs_shaka_streamer", ("at most", 1.0)),
            ("vmaf_vs_single", ("at least", -0.2)),
            ("vmaf_vs_shaka_streamer", None),
        )
    },
    "families": {
        "families.modern_bits": ("at most", 0.8),
        "families.modern_cpu": ("at most", 1.6),
        "families.modern_hq_bits": ("at most", 0.7),
        "families.modern_hq_cpu": ("at most", 2.2),
    },
    "smart": {
        "smart.mean_error": ("at most", 1.0),
        "smart.p5_below": ("at most", 5.0),
        "smart.mean_bits": ("at most", 0.75),
        "smart.total_bits": ("at most", 0.8),
        "smart.cpu_share": ("at most", 0.15),
        "smart.median_cpu_share": None,
    },
    "poster": {"poster_s": ("at most", 0.5), "poster.plain_command_s": None},
    "first_segment": {
        "first_segment_s": ("at most", 3),
        "first_segment.cpu_s": None,
        "first_segment.load": None,
    },
    "index": {"index.hour_s": ("at most", 0.1), "index.hour_mb": ("at most", 100)},
    "highlights": {
        "highlights.hour_cpu_s": ("at most", 1),
        "highlights.hour_score_cpu_s": None,
        "highlights.hour_events": None,
    },
    "telemetry": {"telemetry.hour_cpu_s": ("at most", 0.15)},
    "event_streams": {
        "event_streams.kb_per_stream": ("at most", 60),
        "event_streams.reach_all_ms": None,
    },
    "telemetry_api": {
        "telemetry_api.cold_ms": ("at most", 1000),
        "telemetry_api.page_ms": None,
        "telemetry_api.warm_ms": ("at most", 50),
    },
    "telemetry_vs": {
        "telemetry.hour_json_cpu_s": ("at most", 0.5),
        "telemetry.vs.py-gpmf-parser": ("at least", 1),
        "telemetry.vs.telemetry-parser": ("at least", 1),
        "telemetry.vs.mapillary_tools": ("at least", 1),
        "telemetry.vs.gopro-telemetry": ("at least", 1),
        "telemetry.vs.exiftool": ("at least", 1),
    },
}

# Benchmarks that take minutes, and are only run by name.
BY_NAME: dict[str, dict[str, tuple[str, float] | None]] = {
    "validation": {
        "validation.makespan_s_off": ("at most", 0.1),
        "validation.redone_s_off": ("at most", 0.1),
        "validation.drain_s_off": ("at most", 0.1),
        "validation.false_losses": ("at most", 0),
    },
}


def main() -> int:
    """Run the benchmarks named on the command line; return 1 if a target was missed, else 0."""
    names = sys.argv[1:] or list(SUITES)
    unknown = [name for name in names if not Path(__file__).with_name(f"{name}.py").is_file()]
    if unknown:
        sys.stderr.write(f"{__doc__}\nunknown: {' '.join(unknown)}\n")
        return 2
    results: dict[str, float] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {}
    missed: list[str] = []
    for name in names:
        print(f"running {name}", flush=True)
        figures = _run(importlib.import_module(f"benchmarks.{name}").measure)
        results.update(figures)
        RESULTS.write_text(json.dumps(dict(sorted(results.items())), indent=2) + "\n", "utf-8")
        for figure, value in figures.items():
            target = {**SUITES, **BY_NAME}.get(name, {}).get(figure)
            ok = target is None or (value <= target[1] if target[0] == "at most" else value >= target[1])
            limit = "" if target is None else f"{target[0]} {target[1]:g}"
            print(f"  {figure:<32} {value:>12.4g}   {limit:<18} {'' if ok else 'MISSED'}", flush=True)
            if not ok:
                missed.append(f"{figure}: {value:.4g}, promised {limit}")
    print("\n".join(["missed:", *(f"  {each}" for each in missed)]) if missed else "no promise was missed")
    return 1 if missed else 0


def _run(measure: Callable[..., dict[str, float]]) -> dict[str, float]:
    """Call `measure`, with a temporary directory if it takes one."""
    if not measure.__code__.co_argcount:
        return measure()
    with tempfile.TemporaryDirectory(prefix="eddyline-bench-") as work:
        return measure(Path(work))


if __name__ == "__main__":
    sys.exit(main())
