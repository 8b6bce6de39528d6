"""Runs a coordinator, which connects the ledger to workers that use only queues."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from eddyline.app.fleet.metrics import publish_fleet_metrics
from eddyline.app.fleet.record import keep_fleet_record
from eddyline.app.fleet.scaler_loop import scale_pools
from eddyline.app.observability import Observation, observe, watch_backlog
from eddyline.app.optional_dependencies import require_extra
from eddyline.app.shared_services import SharedServices
from eddyline.core.errors import TransientError
from eddyline.core.health import HealthFile
from eddyline.core.stop import Stop
from eddyline.graph.coordinator.coordinator import PROMPT_LOOPS, Coordinator
from eddyline.graph.events import CoordinatorEvent, CoordinatorEventKind
from eddyline.graph.ledger.outbox.reconcile import ReconcileLimits
from eddyline.graph.ledger.spawned_jobs import SpawnRules
from eddyline.pipeline.planning.job_kinds import JOB_KINDS
from eddyline.pipeline.runtime.history import add_history

if TYPE_CHECKING:
    from eddyline.aws.sqs.client import SqsClient
    from eddyline.observe.coordinator_metrics import CoordinatorMetrics

_DEBUG_EVENTS = frozenset(
    {
        CoordinatorEventKind.REPORTS_APPLIED,
        CoordinatorEventKind.JOBS_PUBLISHED,
        CoordinatorEventKind.COMMANDS_SENT,
    }
)
_WARNING_EVENTS = frozenset(
    {
        CoordinatorEventKind.STEP_FAILED,
        CoordinatorEventKind.REPORTS_PARKED,
        CoordinatorEventKind.JOBS_QUARANTINED,
        CoordinatorEventKind.PUBLISH_FAILED,
        CoordinatorEventKind.QUEUE_MISSING,
        CoordinatorEventKind.QUEUE_REMOVAL_FAILED,
    }
)
_DEAD_LETTERS_S = 30.0  # between two readings of the depth of the dead-letter queue
_SILENT_LEASES = 3  # leases without a heartbeat before a worker is lost


@dataclass(frozen=True, kw_only=True)
class CoordinatorRequest:
    """The options of a coordinator. It archives assets that ended more than `archive_after_s` ago."""

    shared: SharedServices
    lease_s: float = 30.0
    archive_after_s: float | None = None
    metrics: str = ""
    log_level: str = "info"


def run_coordinator(request: CoordinatorRequest, *, stop: Stop, stream: TextIO) -> None:
    """Run until `stop` is requested. Raises `UsageError` for settings that cannot work."""
    with require_extra("fleet", "a coordinator"):
        from eddyline.observe.coordinator_metrics import CoordinatorMetrics  # requires an extra
    shared = request.shared
    pools = shared.pools()
    names = tuple(pools.pools)
    always = {"coordinator": f"{platform.node()}:{os.getpid()}"}
    with ExitStack() as stack:
        observation = stack.enter_context(
            observe(
                CoordinatorMetrics(),
                stream=stream,
                level=request.log_level,
                metrics=request.metrics,
                always=always,
            )
        )
        queues = shared.open_queues(names)
        with require_extra("aws", "SQS"):
            from eddyline.aws.sqs.transport import SqsTransport
        ledger = stack.enter_context(shared.open_coordinator_ledger())
        stack.enter_context(watch_backlog(shared, observation, pools))
        stack.enter_context(publish_fleet_metrics(shared, observation, pools))
        stack.enter_context(_watch_dead_letters(queues, observation))
        try:
            queues.ensure_queues()
        except TransientError as error:  # the coordinator creates them later
            observation.log.warning("queue setup failed", error=str(error))
        stack.enter_context(keep_fleet_record(shared, ledger, queues, pools, observation))
        stack.enter_context(scale_pools(shared, ledger, pools, observation))
        transport = SqsTransport(queues)
        stack.callback(transport.close)
        health = HealthFile(shared.settings.health, loops=PROMPT_LOOPS)
        stack.callback(health.remove)
        observation.log.info("coordinator ready", queues=shared.queues, pools=list(names))
        Coordinator(
            ledger,
            transport,
            pools=names,
            stop=stop,
            lease_s=_SILENT_LEASES * request.lease_s,
            bounds=ReconcileLimits(stale_s=shared.settings.sweep_stale_s),
            on_event=_event_handler(observation),
            on_round=health.ran,
            prepare=add_history(ledger, pools),
            spawn=SpawnRules(kinds=frozenset(JOB_KINDS), pools=frozenset(names)),
            archive_after_s=request.archive_after_s,
        ).run()
        observation.log.info("coordinator stopped", reason=stop.reason)


@contextmanager
def _watch_dead_letters(queues: SqsClient, observation: Observation[CoordinatorMetrics]) -> Iterator[None]:
    """Poll the depth of the dead-letter queue, export it, and warn when it grows."""
    from eddyline.observe.polled_values import PolledValues

    over, seen = Stop(), 0

    def warn(depth: int) -> None:
        nonlocal seen
        if depth > seen:
            observation.log.warning(
                "dead letters", queue=queues.naming.dead_letters, count=depth, remedy="eddyline jobs redrive"
            )
        seen = depth

    watch = PolledValues(
        lambda _now: queues.depth(queues.naming.dead_letters),
        stop=over,
        every_s=_DEAD_LETTERS_S,
        on_value=warn,
    )
    observation.metrics.watch_dead_letters(watch)
    watch.start()
    try:
        yield
    finally:
        over.request("the process ends")


def _event_handler(
    observation: Observation[CoordinatorMetrics],
) -> Callable[[CoordinatorEvent], None]:
    log = observation.log

    def handle(event: CoordinatorEvent) -> None:
        observation.metrics.record_action(event.kind, event.count)
        is_warning = event.kind in _WARNING_EVENTS
        write = log.debug if event.kind in _DEBUG_EVENTS else log.warning if is_warning else log.info
        if event.count:
            write("coordinator action", action=event.kind, count=event.count, reason=event.reason)

    return handle
