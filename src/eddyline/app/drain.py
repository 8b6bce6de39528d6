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
from eddyline.fleet.drain.choice import DrainRules
from eddyline.fleet.drain.controller import DrainController
from eddyline.fleet.drain.policy import DrainActions, DrainState
from eddyline.fleet.notices import Notice, NoticeKind, sigterm_notice
from eddyline.graph.worker.broker import Broker

if TYPE_CHECKING:
    from eddyline.aws.ec2_metadata import MetadataWatch
    from eddyline.observe.worker_metrics import WorkerMetrics

CTRL_C = "Ctrl-C"  # the reason that `cli.signals` gives
"""The reason of a stop that does not wait for running jobs."""


@contextmanager
def open_drain_controller(
    broker: Broker,
    observation: Observation[WorkerMetrics],
    *,
    stop: Stop,
    requested_stop: Stop,
    rules: DrainRules,
    instance: str,
) -> Iterator[DrainController]:
    """Create the drain controller of a worker on `instance` ("" outside EC2): `stop` ends its jobs.

    A signal requests `requested_stop`, which drains the worker by the `rules` of its pool.
    """
    with ExitStack() as stack:
        protection = stack.enter_context(_task_protection(observation))
        drainer = DrainController(
            broker,
            stop=stop,
            rules=rules,
            instance=instance,
            busy=protection,
            on_actions=_log_actions(observation),
        )
        stack.callback(drainer.close)
        ended = Stop()
        stack.callback(ended.request, "the worker has ended")
        watch = _watch_machine(drainer, observation, ended)
        threading.Thread(
            target=_forward_signal,
            args=(requested_stop, drainer, watch, ended, observation),
            name="stop signal",
            daemon=True,
        ).start()
        yield drainer


@contextmanager
def _task_protection(observation: Observation[WorkerMetrics]) -> Iterator[Callable[[bool], None]]:
    """ECS scale-in protection while jobs run; does nothing outside ECS."""
    from eddyline.aws.ecs_protection import TaskProtection  # not needed outside ECS

    protection = TaskProtection.from_environment(
        os.environ, lambda message: observation.log.warning("task protection failed", error=message)
    )
    if protection is None:
        yield lambda _busy: None
        return
    try:
        yield protection.set_busy
    finally:
        protection.close()


def _watch_machine(
    drainer: DrainController, observation: Observation[WorkerMetrics], ended: Stop
) -> MetadataWatch | None:
    """Poll the instance metadata for a notice of termination; None where settings disable it."""
    from eddyline.aws.ec2_metadata import InstanceMetadata, MetadataWatch  # needs no boto3

    metadata = InstanceMetadata.from_environment(os.environ)
    if metadata is None:
        return None

    def on_notice(notice: Notice) -> None:
        observation.metrics.record_notice(str(notice.kind))
        observation.log.warning(
            "interruption notice", kind=str(notice.kind), reason=notice.reason, deadline=notice.deadline
        )
        drainer.apply(notice)

    def on_error(message: str) -> None:
        observation.log.info("instance metadata unavailable", error=message)

    watch = MetadataWatch(metadata, on_notice, stop=ended, on_error=on_error)
    watch.start()
    return watch


def _forward_signal(
    requested_stop: Stop,
    drainer: DrainController,
    watch: MetadataWatch | None,
    ended: Stop,
    observation: Observation[WorkerMetrics],
) -> None:
    """Translate a signal to a notice: SIGTERM allows running jobs to finish, Ctrl-C does not."""
    while not requested_stop.wait(1.0):
        if ended.requested:
            return
    now = SystemClock().now()
    observation.log.info("stop requested", reason=requested_stop.reason)
    notice = sigterm_notice(now)
    if requested_stop.reason == CTRL_C:
        notice = Notice(kind=NoticeKind.STOP, at=now, deadline=now, reason=requested_stop.reason)
    observation.metrics.record_notice(str(notice.kind))
    drainer.apply(notice)
    if watch is not None:
        watch.poll_soon()  # the cause of the signal, such as a scale-in, changes the drain deadline


def _log_actions(observation: Observation[WorkerMetrics]) -> Callable[[DrainActions, DrainState], None]:
    def log_actions(actions: DrainActions, state: DrainState) -> None:
        observation.metrics.set_takes_work(takes_new=actions.accepts_jobs)
        observation.log.info(
            "drain phase",
            phase=str(actions.phase),
            reason=state.reason,
            finish=len(actions.finish),
            hand_back=len(actions.hand_back),
            exit_by=actions.exit_by,
        )

    return log_actions
