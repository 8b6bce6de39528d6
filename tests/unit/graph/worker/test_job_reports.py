"""Reports of running jobs: which jobs, how often, and what an outage of the broker costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from eddyline.core.errors import TransientError
from eddyline.core.processes.cpu_meter import CpuMeter
from eddyline.graph.job import Claim, Done, Job
from eddyline.graph.worker.broker import Broker
from eddyline.graph.worker.handler import JobContext
from eddyline.graph.worker.job_reports import JobReports
from eddyline.graph.worker.slots import RunningJob


@dataclass
class _Broker:
    """Keeps the reports; is unavailable while `fails`."""

    progress: list[dict[str, tuple[int, float]]] = field(default_factory=list)
    cpu: list[dict[str, tuple[int, float]]] = field(default_factory=list)
    fails: bool = False

    def report_progress(self, worker: str, progress: Mapping[str, tuple[int, float]]) -> None:
        assert worker == "ada"
        self._raise()
        self.progress.append(dict(progress))

    def report_cpu(self, worker: str, spent: Mapping[str, tuple[int, float]]) -> None:
        assert worker == "ada"
        self._raise()
        self.cpu.append(dict(spent))

    def _raise(self) -> None:
        if self.fails:
            raise TransientError("the ledger is unavailable")


class _Time:
    now = 100.0


def _job(name: str, *, cpu_s: float = 0.0, fence: int = 3, **state: Any) -> RunningJob:
    meter = CpuMeter()
    meter.add_share(cpu_s)
    claim = Claim(job=cast("Job", SimpleNamespace(id=name)), fence=fence)
    return RunningJob(claim=claim, context=JobContext(attempt=1, cpu=meter), **{"started": 0.0, **state})


def _reports(broker: _Broker) -> JobReports:
    return JobReports("ada", cast("Broker", broker), monotonic=lambda: _Time.now, process_share=None)


def test_progress_is_reported_when_it_changed_and_at_most_every_1_5_seconds() -> None:
    _Time.now = 100.0
    broker, job, still = _Broker(), _job("a-1", fraction=0.25), _job("a-2")
    reports = _reports(broker)
    reports.send([job, still])
    job.fraction = 0.5
    reports.send([job, still])
    _Time.now += 1.5
    reports.send([job, still])
    _Time.now += 1.5
    reports.send([job, still])
    assert broker.progress == [{"a-1": (3, 0.25)}, {"a-1": (3, 0.5)}]


def test_cpu_time_is_reported_every_3_seconds_of_jobs_that_run_and_took_some() -> None:
    _Time.now = 100.0
    broker = _Broker()
    reports = _reports(broker)
    jobs = [
        _job("a-1", cpu_s=7.5),
        _job("a-2", cpu_s=0.1),
        _job("a-3", cpu_s=7.5, revoked=True),
        _job("a-4", cpu_s=7.5, outcome=Done(result={})),
        _job("a-5", cpu_s=7.5, started=None),
    ]
    reports.send(jobs)
    for _ in range(6):
        _Time.now += 1.0
        reports.send(jobs)
    assert broker.cpu == [{"a-1": (3, 7.5)}] * 2


def test_an_outage_of_the_broker_loses_a_report_and_nothing_else() -> None:
    _Time.now = 100.0
    broker = _Broker(fails=True)
    reports, job = _reports(broker), _job("a-1", cpu_s=7.5, fraction=0.25)
    _Time.now += 3.0
    reports.send([job])
    broker.fails = False
    job.fraction = 0.5
    _Time.now += 3.0
    reports.send([job])
    assert (broker.progress, broker.cpu) == ([{"a-1": (3, 0.5)}], [{"a-1": (3, 7.5)}])
