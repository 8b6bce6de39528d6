"""The metrics of workers, coordinators and the ledger; an unavailable ledger does not delay a scrape."""

from __future__ import annotations

import random
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from tests.waiting import wait_until

from eddyline.core.clock import ManualClock
from eddyline.core.errors import InputError, TransientError, UsageError
from eddyline.core.stop import Stop
from eddyline.graph.db.transactions import Database, as_url
from eddyline.graph.events import WorkerEvent, WorkerEventKind
from eddyline.graph.job import Done, Failed, Job, NewJob, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.retry import RetryPolicy
from eddyline.graph.worker.direct import DirectBroker
from eddyline.graph.worker.handler import JobContext
from eddyline.graph.worker.worker import Worker
from eddyline.observe.backlog import Backlog, BacklogWatch, Queue, backlog_reader
from eddyline.observe.coordinator_metrics import CoordinatorMetrics
from eddyline.observe.metrics import LedgerMetrics, Metrics
from eddyline.observe.metrics_server import serve_metrics
from eddyline.observe.worker_metrics import WorkerMetrics

NOW = 1_700_000_000.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def ledger(tmp_path: Path, clock: ManualClock) -> Iterator[Ledger]:
    policy = RetryPolicy(base_s=100, jitter=0)
    with Ledger.open(tmp_path / "ledger.db", clock=clock, rng=random.Random(1), policy=policy) as opened:
        yield opened


@pytest.fixture
def read(tmp_path: Path, ledger: Ledger) -> Iterator[Callable[[float], Backlog]]:
    assert ledger
    database = Database(as_url(tmp_path / "ledger.db"), random.Random(1))
    yield backlog_reader(database)
    database.close()


def _new(name: str, pool: str = "cpu", *dependencies: str, deadline: float | None = None) -> NewJob:
    return NewJob(
        id=name, asset="a", kind="chunk", spec={}, pool=pool, dependencies=dependencies, deadline=deadline
    )


def _samples(metrics: Metrics) -> dict[str, float]:
    """The value of every sample, by name and labels."""
    text = generate_latest(metrics.registry).decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {_name(sample.name, sample.labels): sample.value for sample in samples}


def _name(name: str, labels: dict[str, str]) -> str:
    return " ".join([name, *(f"{key}={value}" for key, value in sorted(labels.items()))])


def test_a_backlog_counts_jobs_by_pool_and_state(
    ledger: Ledger, read: Callable[[float], Backlog], clock: ManualClock
) -> None:
    ledger.submit([_new("a"), _new("b"), _new("c"), _new("late", deadline=NOW + 5)])
    ledger.submit([_new("g", "gpu"), _new("after", "light", "a")])
    (claim,) = ledger.claim("ada", pools=("gpu",), limit=1, lease_s=30)
    assert claim.job.id == "g"
    claims = ledger.claim("bob", pools=("cpu",), limit=4, lease_s=100)
    by = {each.job.id: each for each in claims}
    ledger.settle(
        [Settlement(job_id="b", fence=by["b"].fence, outcome=Failed(error={"message": "no"}, retry=True))]
    )
    ledger.release_worker("bob")
    clock.advance(40)
    backlog = read(clock.now())
    assert backlog.queues == (
        Queue(pool="cpu", due=3, delayed=1, running=0, oldest_s=40.0),
        Queue(pool="gpu", running=1),
    )
    assert (backlog.waiting, backlog.late) == (1, 1)
    assert (backlog.workers, backlog.overdue) == (("bob",), 1)


def test_an_empty_ledger_has_an_empty_backlog(read: Callable[[float], Backlog]) -> None:
    assert read(NOW) == Backlog(at=NOW, queues=(), waiting=0, late=0, workers=(), overdue=0)


def test_a_scrape_exposes_the_backlog_and_its_age(
    ledger: Ledger, read: Callable[[float], Backlog], clock: ManualClock
) -> None:
    ledger.submit([_new("a"), _new("b")])
    metrics = LedgerMetrics()
    stop = Stop()
    watch = BacklogWatch(read, stop=stop, clock=clock, every_s=60)
    metrics.watch_backlog(watch, ("cpu", "gpu"))
    assert "eddyline_jobs_waiting" not in _samples(metrics)
    thread = watch.start()
    wait_until(lambda: watch.latest)
    clock.advance(7)
    samples = _samples(metrics)
    assert samples["eddyline_queue_jobs class=cpu state=due"] == 2
    assert samples["eddyline_queue_jobs class=gpu state=due"] == 0, "an alarm must not lose its series"
    assert samples["eddyline_queue_oldest_seconds class=cpu"] == 0
    assert samples["eddyline_leases state=live"] == 0
    assert samples["eddyline_backlog_age_seconds"] == 7
    stop.request("enough")
    thread.join(5)


def test_an_unavailable_ledger_is_exposed_as_an_old_reading(clock: ManualClock) -> None:
    stop = Stop()
    readings: list[Backlog] = []

    def read(now: float) -> Backlog:
        if readings:
            raise TransientError("the server is unavailable")
        return Backlog(at=now, queues=(), waiting=3, late=0, workers=(), overdue=0)

    metrics = LedgerMetrics()
    watch = BacklogWatch(read, stop=stop, clock=clock, every_s=0.01, on_value=readings.append)
    metrics.watch_backlog(watch)
    thread = watch.start()
    wait_until(lambda: watch.failures > 1)
    clock.advance(100)
    samples = _samples(metrics)
    assert samples["eddyline_jobs_waiting"] == 3
    assert samples["eddyline_backlog_age_seconds"] == 100
    assert samples["eddyline_ledger_read_failures_total"] > 1
    stop.request("enough")
    thread.join(5)
    assert not thread.is_alive()


def test_events_of_a_worker_are_counted(tmp_path: Path) -> None:
    metrics = WorkerMetrics()
    stop = Stop()

    def work(job: Job, context: JobContext) -> Done:
        context.progress(0.5)
        if job.id == "bad":
            raise InputError("on purpose")
        if job.id == "flaky" and context.attempt == 1:
            raise TransientError("on purpose")
        if job.id == "stopped":
            stop.request("enough")
            context.stop.wait(10)
            context.stop.check()
        return Done(result={"frames": {"1080p": 48, "720p": 48}, "other": "x"})

    with Ledger.open(tmp_path / "l.db", policy=RetryPolicy(base_s=0.01), rng=random.Random(1)) as ledger:
        ledger.submit([_new("good"), _new("bad"), _new("flaky")])
        broker = DirectBroker(ledger)
        for names, until in ((("good",), lambda: not ledger.has_open()), (("stopped",), lambda: False)):
            if names == ("stopped",):
                ledger.submit([_new("stopped")])
            Worker(
                "ada",
                broker,
                {"chunk": work},
                slots=1,
                pools=("cpu",),
                stop=stop,
                on_event=metrics.record_event,
                exit_when=until,
            ).run()
    samples = _samples(metrics)
    job = "class=cpu kind=chunk"
    assert samples[f"eddyline_job_starts_total {job}"] == 5
    assert samples[f"eddyline_jobs_total {job} outcome=done"] == 2
    assert samples[f"eddyline_jobs_total {job} outcome=dead"] == 1
    assert samples[f"eddyline_jobs_total {job} outcome=retried"] == 1
    assert samples[f"eddyline_jobs_total {job} outcome=interrupted"] == 1
    assert samples[f"eddyline_job_retries_total {job}"] == 1
    assert samples[f"eddyline_job_interruptions_total {job}"] == 1
    assert samples[f"eddyline_frames_total {job}"] == 2 * 96
    assert samples[f"eddyline_job_seconds_count {job}"] == 5
    assert samples["eddyline_slots_busy"] == 0


def test_a_slot_is_busy_from_the_start_to_the_end_of_a_job(ledger: Ledger) -> None:
    ledger.submit([_new("a")])
    (job,) = ledger.jobs()
    metrics = WorkerMetrics()
    metrics.set_slots(4)
    metrics.record_event(WorkerEvent(kind=WorkerEventKind.STARTED, job=job, worker="ada", at=NOW))
    samples = _samples(metrics)
    assert (samples["eddyline_slots"], samples["eddyline_slots_busy"]) == (4, 1)
    metrics.record_event(
        WorkerEvent(kind=WorkerEventKind.FINISHED, job=job, worker="ada", at=NOW, result={"frames": True})
    )
    assert _samples(metrics)["eddyline_slots_busy"] == 0


@pytest.mark.parametrize(
    "result", [None, {}, {"frames": "many"}, {"frames": {"a": "x", "b": -3}}, {"frames": None}]
)
def test_a_result_without_frames_counts_zero(ledger: Ledger, result: dict[str, object] | None) -> None:
    ledger.submit([_new("a")])
    (job,) = ledger.jobs()
    metrics = WorkerMetrics()
    metrics.record_event(
        WorkerEvent(kind=WorkerEventKind.FINISHED, job=job, worker="ada", at=NOW, result=result)
    )
    assert _samples(metrics)["eddyline_frames_total class=cpu kind=chunk"] == 0


def test_notices_and_drain_phases_are_counted() -> None:
    metrics = WorkerMetrics()
    metrics.record_notice("interruption")
    metrics.set_takes_work(takes_new=False)
    samples = _samples(metrics)
    assert samples["eddyline_notices_total kind=interruption"] == 1
    assert samples["eddyline_worker_takes_work"] == 0


def test_a_coordinator_exposes_its_actions_and_no_metrics_of_a_worker() -> None:
    metrics = CoordinatorMetrics()
    metrics.record_action("reports applied", 200)
    metrics.record_action("reports applied", 0)
    samples = _samples(metrics)
    assert samples["eddyline_coordinator_actions_total what=reports applied"] == 200
    assert not [name for name in samples if name.startswith(("eddyline_slots", "eddyline_worker"))]


def test_cpu_time_of_the_process_and_its_children_is_exposed() -> None:
    samples = _samples(Metrics())
    assert samples["eddyline_cpu_seconds_total by=process"] > 0
    assert "eddyline_cpu_seconds_total by=programs" in samples


def test_two_registries_in_one_process_are_separate() -> None:
    one, other = WorkerMetrics(), WorkerMetrics()
    one.record_notice("stop")
    assert "eddyline_notices_total kind=stop" not in _samples(other)


def test_metrics_are_served_over_http() -> None:
    metrics = WorkerMetrics()
    metrics.record_notice("stop")
    with serve_metrics(metrics.registry, port=0) as port:
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
    assert 'eddyline_notices_total{kind="stop"} 1.0' in text


def test_a_port_in_use_is_rejected() -> None:
    with (
        serve_metrics(WorkerMetrics().registry, port=0) as port,
        pytest.raises(UsageError, match="choose another port"),
        serve_metrics(WorkerMetrics().registry, port=port),
    ):
        raise AssertionError


def test_a_closed_metrics_server_releases_its_port() -> None:
    with serve_metrics(WorkerMetrics().registry, port=0) as port:
        pass
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5)
    with serve_metrics(WorkerMetrics().registry, port=port):
        pass


def test_a_worker_without_a_ledger_counts_retries(ledger: Ledger) -> None:
    ledger.submit([_new("a")])
    (job,) = ledger.jobs()
    metrics = WorkerMetrics()
    for attempt in (1, 2):
        metrics.record_event(
            WorkerEvent(kind=WorkerEventKind.STARTED, job=replace(job, attempt=attempt), worker="ada", at=NOW)
        )
    assert _samples(metrics)["eddyline_job_retries_total class=cpu kind=chunk"] == 1


def test_only_chunks_count_as_encoded_frames(ledger: Ledger) -> None:
    ledger.submit([_new("a")])
    (job,) = ledger.jobs()
    metrics = WorkerMetrics()
    for kind in ("chunk", "assemble"):
        done = replace(job, kind=kind)
        metrics.record_event(
            WorkerEvent(kind=WorkerEventKind.FINISHED, job=done, worker="ada", at=NOW, result={"frames": 48})
        )
    samples = _samples(metrics)
    assert sum(value for name, value in samples.items() if name.startswith("eddyline_frames_total")) == 48
