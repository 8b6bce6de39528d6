"""A worker's conscience about its end, and who tells it: signals, the machine, people's orders."""

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

CTRL_C = "Ctrl-C"  # as `cli.interrupt` says it
"""The reason of a stop for which nothing is to be finished first."""


@contextmanager
def open_drain_controller(
    broker: Broker, told: Observation[WorkerMetrics], *, stop: Stop, asked: Stop
) -> Iterator[DrainController]:
    """The drainer of a worker on `broker`: `stop` ends its jobs, `asked` is raised by a signal."""
    with ExitStack() as stack:
        protection = stack.enter_context(_protected(told))
        drainer = DrainController(broker, stop=stop, busy=protection, on_actions=_acted(told))
        stack.callback(drainer.close)
        over = Stop()
        stack.callback(over.request, "the worker has ended")
        _watch_machine(drainer, told, over)
        threading.Thread(target=_heed, args=(asked, drainer, over, told), name="asked", daemon=True).start()
        yield drainer


@contextmanager
def _protected(told: Observation[WorkerMetrics]) -> Iterator[Callable[[bool], None]]:
    """Protection against an ECS service's scale-in while jobs run; nothing elsewhere."""
    from eddyline.aws.ecs_protection import TaskProtection  # a worker elsewhere needs none of it

    protection = TaskProtection.from_environment(
        os.environ, lambda said: told.log.warning("task protection", said=said)
    )
    if protection is None:
        yield lambda _busy: None
        return
    try:
        yield protection.set_busy
    finally:
        protection.close()


def _watch_machine(drainer: DrainController, told: Observation[WorkerMetrics], over: Stop) -> None:
    """Ask the machine's own metadata, every few seconds, whether it is to be taken away."""
    from eddyline.aws.ec2_metadata import InstanceMetadata, MetadataWatch  # needs no boto3

    metadata = InstanceMetadata.from_environment(os.environ)
    if metadata is None:
        return

    def noticed(notice: Notice) -> None:
        told.metrics.record_notice(str(notice.kind))
        told.log.warning("notice", kind=str(notice.kind), why=notice.reason, deadline=notice.deadline)
        drainer.apply(notice)

    def troubled(said: str) -> None:
        told.log.info("metadata", said=said)

    MetadataWatch(metadata, noticed, stop=over, on_error=troubled).start()


def _heed(asked: Stop, drainer: DrainController, over: Stop, told: Observation[WorkerMetrics]) -> None:
    """A signal is a notice: SIGTERM leaves time to finish, Ctrl-C none."""
    while not asked.wait(1.0):
        if over.requested:
            return
    now = SystemClock().now()
    told.log.info("told to stop", why=asked.reason)
    notice = sigterm_notice(now)
    if asked.reason == CTRL_C:
        notice = Notice(kind=NoticeKind.STOP, at=now, deadline=now, reason=asked.reason)
    told.metrics.record_notice(str(notice.kind))
    drainer.apply(notice)


def _acted(told: Observation[WorkerMetrics]) -> Callable[[DrainActions, DrainState], None]:
    def act(actions: DrainActions, state: DrainState) -> None:
        told.metrics.set_takes_work(takes_new=actions.accepts_jobs)
        told.log.info(
            "drain phase",
            phase=str(actions.phase),
            why=state.reason,
            finish=len(actions.finish),
            hand_back=len(actions.hand_back),
            exit_by=actions.exit_by,
        )

    return act
