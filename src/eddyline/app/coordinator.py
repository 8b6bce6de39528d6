"""A coordinator: between the ledger and workers that see only queues."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from eddyline.app.observability import Observation, observe, watch_backlog
from eddyline.app.optional_dependencies import require_extra
from eddyline.app.shared_services import SharedServices
from eddyline.core.errors import TransientError
from eddyline.core.stop import Stop
from eddyline.graph.coordinator.coordinator import Coordinator
from eddyline.graph.events import CoordinatorEvent
from eddyline.graph.ledger.reconcile import ReconcileLimits
from eddyline.graph.ledger.spawned_jobs import SpawnRules
from eddyline.pipeline.planning.job_kinds import JOB_KINDS
from eddyline.pipeline.runtime.history import add_history

if TYPE_CHECKING:
    from eddyline.aws.sqs.client import SqsClient
    from eddyline.observe.coordinator_metrics import CoordinatorMetrics

_QUIET = frozenset({"counted", "published", "ordered"})  # what it does all the time
_TROUBLE = frozenset({"waiting", "parked", "refused", "unpublished", "no queue", "untidy"})  # for an operator
_DEAD_LETTERS_S = 30.0  # between two readings of the dead-letter queue's depth
_SILENT_LEASES = 3  # leases without a word before a worker is held for dead: as workers' own beats say


@dataclass(frozen=True, kw_only=True)
class CoordinatorRequest:
    """`lease_s` as the workers have it; `archive_after_s`: assets that ended so long ago are archived."""

    shared: SharedServices
    lease_s: float = 30.0
    archive_after_s: float | None = None
    metrics: str = ""
    log_level: str = "info"


def run_coordinator(request: CoordinatorRequest, *, stop: Stop, stream: TextIO) -> None:
    """Coordinate until told to stop. Raises `UsageError` for what would never work."""
    with require_extra("fleet", "a coordinator"):
        from eddyline.observe.coordinator_metrics import CoordinatorMetrics  # it may not be there
    shared = request.shared
    pools = shared.pools()
    names = tuple(pools.pools)
    always = {"coordinator": f"{platform.node()}:{os.getpid()}"}
    with ExitStack() as stack:
        told = stack.enter_context(
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
        stack.enter_context(watch_backlog(shared, told, pools))
        stack.enter_context(_dead_letters_watched(queues, told))
        try:
            queues.ensure_queues()
        except TransientError as error:  # it makes them later, once there is somebody to make them
            told.log.warning("queues", said=str(error))
        exchange = SqsTransport(queues)
        stack.callback(exchange.close)
        told.log.info("coordinator ready", queues=shared.queues, pools=list(names))
        Coordinator(
            ledger,
            exchange,
            pools=names,
            stop=stop,
            lease_s=_SILENT_LEASES * request.lease_s,
            bounds=ReconcileLimits(stale_s=shared.settings.sweep_stale_s),
            on_event=_noted(told),
            prepare=add_history(ledger),
            spawn=SpawnRules(kinds=frozenset(JOB_KINDS), pools=frozenset(names)),
            archive_after_s=request.archive_after_s,
        ).run()
        told.log.info("coordinator ended", why=stop.reason)


@contextmanager
def _dead_letters_watched(queues: SqsClient, told: Observation[CoordinatorMetrics]) -> Iterator[None]:
    """Read the depth of the dead-letter queue now and then; show it, and warn where it grows."""
    from eddyline.observe.polled_values import PolledValues

    over, seen = Stop(), 0

    def warn(depth: int) -> None:
        nonlocal seen
        if depth > seen:
            told.log.warning(
                "dead letters", queue=queues.naming.dead_letters, count=depth, remedy="eddyline jobs redrive"
            )
        seen = depth

    watch = PolledValues(
        lambda _now: queues.depth(queues.naming.dead_letters),
        stop=over,
        every_s=_DEAD_LETTERS_S,
        on_value=warn,
    )
    told.metrics.watch_dead_letters(watch)
    watch.start()
    try:
        yield
    finally:
        over.request("the process ends")


def _noted(told: Observation[CoordinatorMetrics]) -> Callable[[CoordinatorEvent], None]:
    def hear(note: CoordinatorEvent) -> None:
        told.metrics.record_action(note.kind, note.count)
        log = told.log
        say = log.debug if note.kind in _QUIET else log.warning if note.kind in _TROUBLE else log.info
        if note.count:
            say(note.kind, count=note.count, why=note.reason)

    return hear
