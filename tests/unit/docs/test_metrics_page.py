"""The page about metrics lists exactly the exported metrics and their labels."""

from __future__ import annotations

import re
from pathlib import Path

from eddyline.core.clock import SystemClock
from eddyline.core.stop import Stop
from eddyline.fleet.scaling.metric_names import METRICS
from eddyline.ingest.decisions import Cause
from eddyline.observe.backlog import Backlog, BacklogWatch, Queue
from eddyline.observe.coordinator_metrics import CoordinatorMetrics
from eddyline.observe.ingest_metrics import Depths, IngestMetrics
from eddyline.observe.metrics import Metrics
from eddyline.observe.polled_values import PolledValues
from eddyline.observe.pool_gauges import Gauge, PoolGauges
from eddyline.observe.web_metrics import WebMetrics
from eddyline.observe.worker_metrics import WorkerMetrics

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "metrics.md").read_text("utf-8")


def all_metrics() -> list[Metrics]:
    stop = Stop()
    worker, coordinator, ingest = WorkerMetrics(), CoordinatorMetrics(), IngestMetrics()
    backlog = BacklogWatch(
        lambda now: Backlog(at=now, queues=(Queue(pool="cpu"),), waiting=0, late=0, workers=(), overdue=0),
        stop=stop,
        on_value=lambda _: stop.request("once"),
    )
    backlog.run()
    coordinator.watch_backlog(backlog)
    dead_letters_stop = Stop()
    dead_letters = PolledValues(
        lambda _now: 1, stop=dead_letters_stop, on_value=lambda _: dead_letters_stop.request("once")
    )
    dead_letters.run()
    coordinator.watch_dead_letters(dead_letters)
    gauges = (Gauge(name=metric.gauge, meaning=metric.meaning) for metric in METRICS if metric.gauge)
    pools = PoolGauges(gauges, clock=SystemClock())
    pools.update({}, at=0.0)
    coordinator.registry.register(pools)
    depths_stop = Stop()
    depths = PolledValues(
        lambda _now: Depths(events={"visible": 1}, parked={"visible": 0}),
        stop=depths_stop,
        on_value=lambda _: depths_stop.request("once"),
    )
    depths.run()
    ingest.watch_depths(depths)
    web = WebMetrics()
    web.watch_library(lambda: {"ready": 1}, lambda: 0)
    web.watch_worker(lambda: (True, 0))
    return [worker, coordinator, ingest, web]


def exported_names() -> set[str]:
    return {
        family.name + ("_total" if family.type == "counter" else "")
        for metrics in all_metrics()
        for family in metrics.registry.collect()
    }


def test_the_page_lists_exactly_the_exported_metrics() -> None:
    assert set(re.findall(r"`(eddyline_[a-z_]+)` ?[|,]", PAGE)) == exported_names()


def test_counters_and_units_follow_the_naming_rules_of_prometheus() -> None:
    for metrics in all_metrics():
        for family in metrics.registry.collect():
            assert re.fullmatch(r"eddyline_[a-z_]+", family.name)
            assert family.documentation
            assert not family.name.endswith("_total"), "the format appends _total to counters"
            assert not re.search(r"_(ms|minutes|s|mib)$", family.name), "units are not abbreviated"


def test_the_page_lists_each_cause() -> None:
    assert f"cause: {', '.join(Cause)}" in PAGE


def test_the_page_lists_the_metrics_of_cloudwatch() -> None:
    listed = re.findall(r"^\| `([A-Za-z]+)` \| (\w+) \| (\w+) \|", PAGE, re.MULTILINE)
    assert listed == [(metric.name, metric.unit, metric.statistic) for metric in METRICS]
