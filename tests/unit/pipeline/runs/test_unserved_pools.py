from __future__ import annotations

from eddyline.fleet.pool_coverage import UnservedPool, describe_unserved, worker_name
from eddyline.fleet.pools import load_pools
from eddyline.observe.backlog import Backlog, Queue
from eddyline.observe.metrics import LedgerMetrics
from eddyline.pipeline.runs.unserved_pools import UnservedPoolMonitor, find_unserved_pools


def _backlog(*workers: str, gpu: int = 3, oldest_s: float = 300.0) -> Backlog:
    queues = (Queue(pool="cpu", due=2, oldest_s=oldest_s), Queue(pool="gpu", due=gpu, oldest_s=oldest_s))
    return Backlog(at=0.0, queues=queues, waiting=0, late=0, workers=workers, overdue=0)


_CPU = worker_name("cpu", "host", 7)


def test_pools_without_workers_are_found() -> None:
    assert [each.pool for each in find_unserved_pools(_backlog(_CPU), load_pools())] == ["gpu"]
    assert [each.pool for each in find_unserved_pools(_backlog(), load_pools())] == ["cpu", "gpu"]
    assert find_unserved_pools(_backlog(_CPU, oldest_s=10.0), load_pools()) == ()


def test_the_description_is_one_line() -> None:
    (missing,) = find_unserved_pools(_backlog(_CPU, gpu=1), load_pools())
    assert describe_unserved(missing) == (
        "1 job of pool gpu waits, the oldest for 300 s, and no worker serves the pool: "
        "start a worker with `eddyline worker --pool gpu`"
    )


def test_a_pool_is_reported_once_a_minute_and_immediately_after_it_was_served() -> None:
    times = iter((0.0, 10.0, 59.0, 60.0, 61.0, 62.0))
    warned: list[UnservedPool] = []
    monitor = UnservedPoolMonitor(load_pools(), warn=warned.append, monotonic=lambda: next(times))
    for _ in range(4):
        monitor.update(_backlog(_CPU))
    assert len(warned) == 2
    monitor.update(_backlog(_CPU, worker_name("gpu", "host", 8)))
    monitor.update(_backlog(_CPU))
    assert len(warned) == 3


def test_the_metric_counts_waiting_jobs_and_returns_to_zero() -> None:
    metrics = LedgerMetrics()
    monitor = UnservedPoolMonitor(load_pools(), warn=lambda _: None, show=metrics.set_unserved)

    def metric() -> float | None:
        return metrics.registry.get_sample_value("eddyline_unserved_jobs", {"class": "gpu"})

    monitor.update(_backlog(_CPU))
    assert metric() == 3
    monitor.update(_backlog("embedded-1"))
    assert metric() == 0
