"""Connects the drain controller of a worker to its inputs: signals, instance metadata, commands."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from eddyline.app.observability import Observation
from eddyline.core.clock import SystemClock
from eddyline.core.stop import Stop
from eddyline.fleet.drain_controller import DrainController
from eddyline.fleet.drain_policy import DrainActions, DrainState
from eddyline.fleet.notices import Notice, NoticeKind, sigterm_notice
from eddyline.graph.worker.broker import Broker

if TYPE_CHECKING:
    from eddyline.observe.worker_metrics import WorkerMetrics

CTRL_C = "Ctrl-C"  # the reason that `cli.signals` gives
"""The reason of a stop that does not wait for running jobs."""


@contextmanager
def open_drain_controller(
    broker: Broker, told: Observation[WorkerMetrics], *, stop: Stop, asked: Stop
) -> Iterator[DrainController]:
    """Create the drain controller of a worker: `stop` ends its jobs, a signal requests `asked`."""
    with ExitStack() as stack:
        protection = stack.enter_context(_task_protection(told))
        drainer = DrainController(broker, stop=stop, busy=protection, on_actions=_log_actions(told))
        stack.callback(drainer.close)
        over = Stop()
        stack.callback(over.request, "the worker has ended")
        _watch_machine(drainer, told, over)
        threading.Thread(
            target=_forward_signal, args=(asked, drainer, over, told), name="asked", daemon=True
        ).start()
        yield drainer


@contextmanager
def _task_protection(told: Observation[WorkerMetrics]) -> Iterator[Callable[[bool], None]]:
    """ECS scale-in protection while jobs run; does nothing outside ECS."""
    from eddyline.aws.ecs_protection import TaskProtection  # not needed outside ECS

    protection = TaskProtection.from_environment(
        os.environ, lambda said: told.log.warning("task protection failed", error=said)
    )
    if protection is None:
        yield lambda _busy: None
        return
    try:
        yield protection.set_busy
    finally:
        protection.close()


def _watch_machine(drainer: DrainController, told: Observation[WorkerMetrics], over: Stop) -> None:
    """Poll the instance metadata for a notice of termination."""
    from eddyline.aws.ec2_metadata import InstanceMetadata, MetadataWatch  # needs no boto3

    metadata = InstanceMetadata.from_environment(os.environ)
    if metadata is None:
        return

    def noticed(notice: Notice) -> None:
        told.metrics.record_notice(str(notice.kind))
        told.log.warning(
            "interruption notice", kind=str(notice.kind), reason=notice.reason, deadline=notice.deadline
        )
        drainer.apply(notice)

    def troubled(said: str) -> None:
        told.log.info("instance metadata unavailable", error=said)

    MetadataWatch(metadata, noticed, stop=over, on_error=troubled).start()


def _forward_signal(
    asked: Stop, drainer: DrainController, over: Stop, told: Observation[WorkerMetrics]
) -> None:
    """Translate a signal to a notice: SIGTERM allows running jobs to finish, Ctrl-C does not."""
    while not asked.wait(1.0):
        if over.requested:
            return
    now = SystemClock().now()
    told.log.info("stop requested", reason=asked.reason)
    notice = sigterm_notice(now)
    if asked.reason == CTRL_C:
        notice = Notice(kind=NoticeKind.STOP, at=now, deadline=now, reason=asked.reason)
    told.metrics.record_notice(str(notice.kind))
    drainer.apply(notice)


def _log_actions(told: Observation[WorkerMetrics]) -> Callable[[DrainActions, DrainState], None]:
    def act(actions: DrainActions, state: DrainState) -> None:
        told.metrics.set_takes_work(takes_new=actions.accepts_jobs)
        told.log.info(
            "drain phase",
            phase=str(actions.phase),
            reason=state.reason,
            finish=len(actions.finish),
            hand_back=len(actions.hand_back),
            exit_by=actions.exit_by,
        )

    return act
