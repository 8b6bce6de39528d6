"""A worker on queues sends its progress with heartbeats, at most every six seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.waiting import wait_until

from eddyline.aws.sqs.client import SqsClient
from eddyline.aws.sqs.message_body import decode_body
from eddyline.aws.sqs.reporter import Reporter
from eddyline.core.clock import ManualClock
from eddyline.graph.coordinator.wire import report_from_json
from eddyline.graph.messages import Heartbeat


class _Queue:
    """Keeps the reports that were sent."""

    def __init__(self) -> None:
        self.naming = SimpleNamespace(reports="reports")
        self.sent: list[Heartbeat] = []

    def send(self, _queue: str, bodies: Sequence[str]) -> list[bool]:
        for body in bodies:
            for each in decode_body(body)["facts"]:
                report = report_from_json(each)
                assert isinstance(report, Heartbeat)
                self.sent.append(report)
        return [True] * len(bodies)

    def progress(self) -> list[dict[str, float]]:
        return [{each.job_id: each.fraction for each in report.progress} for report in self.sent]


@pytest.fixture
def queue() -> _Queue:
    return _Queue()


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def reporter(queue: _Queue, now: list[float]) -> Iterator[Reporter]:
    made = Reporter(cast("SqsClient", queue), ManualClock(), monotonic=lambda: now[0])
    made.register("ada", "h", 7)
    yield made
    made.close()


def _report(reporter: Reporter, fraction: float, **held: int) -> None:
    reporter.add_progress({"a-1": (1, fraction)})
    if reporter.is_progress_due:
        reporter.repeat_heartbeat(lambda: held or {"a-1": 1})


def test_progress_is_sent_with_heartbeats_at_most_every_six_seconds(
    reporter: Reporter, queue: _Queue, now: list[float]
) -> None:
    reporter.add_progress({"a-1": (1, 0.1)})
    assert not reporter.is_progress_due, "before the worker has registered there is nothing to repeat"
    reporter.heartbeat(30.0, lambda: {"a-1": 1})
    wait_until(lambda: len(queue.sent) == 1)
    for fraction in (0.2, 0.3, 0.4):
        now[0] += 1.5
        _report(reporter, fraction)
    now[0] += 1.5
    _report(reporter, 0.5)
    wait_until(lambda: len(queue.sent) == 2)
    assert queue.progress() == [{"a-1": 0.1}, {"a-1": 0.5}]
    assert [report.lease_s for report in queue.sent] == [90.0, 90.0]
    assert not reporter.is_heartbeat_due
    assert not reporter.is_progress_due, "unchanged progress is not sent again"


def test_progress_of_a_job_that_is_not_held_any_more_is_not_sent(
    reporter: Reporter, queue: _Queue, now: list[float]
) -> None:
    reporter.heartbeat(30.0, dict)
    now[0] += 6
    _report(reporter, 0.5, other=1)
    wait_until(lambda: any(report.holds == ("other",) for report in queue.sent))
    assert queue.progress()[-1] == {}


def test_the_report_says_nothing_of_the_machine_that_was_not_measured(
    reporter: Reporter, queue: _Queue
) -> None:
    reporter.end_lease()
    wait_until(lambda: queue.sent)
    sent: Any = queue.sent[0]
    assert (sent.lease_s, sent.machine.is_known) == (0.0, False)
