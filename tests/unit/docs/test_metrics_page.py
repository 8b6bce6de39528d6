"""The page about metrics names all that are shown, with their labels, and none that is not."""

from __future__ import annotations

import re
from pathlib import Path

from eddyline.core.stop import Stop
from eddyline.ingest.decisions import Cause
from eddyline.observe.backlog import Backlog, BacklogWatch, Queue
from eddyline.observe.coordinator_metrics import CoordinatorMetrics
from eddyline.observe.ingest_metrics import Depths, IngestMetrics
from eddyline.observe.metrics import Metrics
from eddyline.observe.polled_values import PolledValues
from eddyline.observe.worker_metrics import WorkerMetrics

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "metrics.md").read_text("utf-8")


def _all() -> list[Metrics]:
    stop = Stop()
    worker, coordinator, ingest = WorkerMetrics(), CoordinatorMetrics(), IngestMetrics()
    backlog = BacklogWatch(
        lambda now: Backlog(at=now, queues=(Queue(pool="cpu"),), waiting=0, late=0, workers=(), overdue=0),
        stop=stop,
        on_value=lambda _: stop.request("once"),
    )
    backlog.run()
    coordinator.watch_backlog(backlog)
    counted = Stop()
    dead = PolledValues(lambda _now: 1, stop=counted, on_value=lambda _: counted.request("once"))
    dead.run()
    coordinator.watch_dead_letters(dead)
    over = Stop()
    depths = PolledValues(
        lambda _now: Depths(events={"visible": 1}, parked={"visible": 0}),
        stop=over,
        on_value=lambda _: over.request("once"),
    )
    depths.run()
    ingest.watch_depths(depths)
    return [worker, coordinator, ingest]


def _shown() -> set[str]:
    return {
        family.name + ("_total" if family.type == "counter" else "")
        for metrics in _all()
        for family in metrics.registry.collect()
    }


def test_it_names_all_and_only_what_is_shown() -> None:
    assert set(re.findall(r"`(eddyline_[a-z_]+)` ?[|,]", PAGE)) == _shown()


def test_counters_and_units_are_named_as_prometheus_wants_them() -> None:
    for metrics in _all():
        for family in metrics.registry.collect():
            assert re.fullmatch(r"eddyline_[a-z_]+", family.name)
            assert family.documentation
            assert not family.name.endswith("_total"), "a counter's total is added by the format"
            assert not re.search(r"_(ms|minutes|s|mib)$", family.name), "seconds and bytes are written out"


def test_it_names_each_cause() -> None:
    assert f"cause: {', '.join(Cause)}" in PAGE
