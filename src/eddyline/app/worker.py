"""A worker of a fleet: jobs of one class, until this machine is taken away or somebody says so."""

from __future__ import annotations

import os
import platform
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from eddyline.app.drain import open_drain_controller
from eddyline.app.observability import Observation, observe, watch_backlog
from eddyline.app.optional_dependencies import require_extra
from eddyline.app.shared_services import SharedServices
from eddyline.core.errors import TransientError
from eddyline.core.process import Runner
from eddyline.core.stop import Stop
from eddyline.fleet.command_listener import CommandListener
from eddyline.fleet.pool_coverage import worker_name
from eddyline.fleet.pools import Pools
from eddyline.fleet.slots import measure_machine
from eddyline.graph.events import WorkerEvent
from eddyline.graph.job import Job
from eddyline.graph.worker.broker import Broker
from eddyline.graph.worker.direct import DirectBroker
from eddyline.graph.worker.worker import Worker
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.planning.routing import fleet_router
from eddyline.pipeline.runtime import history
from eddyline.pipeline.runtime.history import History
from eddyline.pipeline.runtime.runtime import Runtime
from eddyline.pipeline.runtime.scratch import scratch_directory
from eddyline.pipeline.runtime.store_outage import StoreOutage
from eddyline.pipeline.runtime.worker_assignment import assign
from eddyline.pipeline.steps.table import handlers
from eddyline.store.store import Store

if TYPE_CHECKING:
    from eddyline.observe.worker_metrics import WorkerMetrics

_LONGEST_POLL_S = 20.0
_STORE_AWAY_S = 120.0  # longer, and it is for somebody else to see to
_STORE_AGAIN_S = 2.0


@dataclass(frozen=True, kw_only=True)
class WorkerRequest:
    """A worker of class `pool`. `slots`: None for as many as this machine has room for.

    `lease_s`: after so long without a word, others get its jobs. `metrics`: "[HOST:]PORT", or "" for none.
    """

    pool: str
    shared: SharedServices
    slots: int | None = None
    work: Path | None = None
    lease_s: float = 30.0
    metrics: str = ""
    log_level: str = "info"


def run_worker(request: WorkerRequest, *, asked: Stop, stream: TextIO) -> None:
    """Work until `asked` is raised (then drain), or a notice of this machine's end came, or a person's order.

    Logs to `stream`. Raises `UsageError` or `UnsupportedError` for what would never work on this machine.
    """
    with require_extra("fleet", "a worker"):
        from eddyline.observe.worker_metrics import WorkerMetrics  # it may not be there
    pools, settings = request.shared.pools(), request.shared.settings
    task = assign(pools, request.pool, measure_machine(), ffmpeg=settings.ffmpeg, slots=request.slots)
    tools = Toolchain.find(task.ffmpeg, settings.ffprobe, settings.packager)
    name = f"{worker_name(request.pool, platform.node(), os.getpid())}-{secrets.token_hex(3)}"
    always = {"worker": name, "pool": request.pool}
    with ExitStack() as stack:
        told = stack.enter_context(
            observe(
                WorkerMetrics(),
                stream=stream,
                level=request.log_level,
                metrics=request.metrics,
                always=always,
            )
        )
        scratch = stack.enter_context(scratch_directory(_work_folder(request)))
        task.verify(tools.ffmpeg, scratch, Runner())
        stop = Stop()
        store = _reached(request.shared, told, stop=stop, asked=asked)
        if store is None:
            return
        broker, history_of = stack.enter_context(_broker(request, pools, told))
        drainer = stack.enter_context(open_drain_controller(broker, told, stop=stop, asked=asked))
        obedience = CommandListener(
            broker,
            worker=name,
            on_notice=drainer.apply,
            on_error=lambda said: told.log.warning("orders", said=said),
        )
        stack.callback(obedience.close)
        runtime = Runtime(
            store=store,
            tools=tools,
            scratch=scratch,
            history=history_of,
            pools=pools,
            router=fleet_router(pools),
            limits=task.limits,
            upload_cleanup=request.shared.upload_cleanup(lambda said: told.log.info("uploads", said=said)),
        )
        outage = StoreOutage(
            store,
            on_unavailable=lambda error: told.log.warning("store unavailable", error=error),
            on_available=lambda: told.log.warning("store available"),
        )
        told.metrics.set_slots(task.slots)
        told.log.info("worker ready", slots=task.slots, pools=list(task.pools), store=request.shared.store)
        Worker(
            name,
            drainer.broker,
            drainer.wrap_handlers(handlers(runtime, outage)),
            slots=task.slots,
            pools=task.pools,
            stop=stop,
            lease_s=request.lease_s,
            on_event=_heard(told),
        ).run()
        told.log.info("worker ended", why=stop.reason or drainer.state.reason)


def _reached(
    shared: SharedServices, told: Observation[WorkerMetrics], *, stop: Stop, asked: Stop
) -> Store | None:
    """The media store; None if a stop was asked for first.

    One that is away for a moment is waited for, as the ledger and the queues are.
    """
    until = time.monotonic() + _STORE_AWAY_S
    while not asked.requested:
        try:
            return shared.open_store(stop=stop)
        except TransientError as error:
            if time.monotonic() >= until:
                raise
            told.log.warning("store unavailable", error=str(error))
        asked.wait(_STORE_AGAIN_S)
    return None


def _work_folder(request: WorkerRequest) -> Path:
    given = request.work or request.shared.settings.work
    return given or Path(tempfile.gettempdir()) / f"eddyline-{os.getuid()}"


def _heard(told: Observation[WorkerMetrics]) -> Callable[[WorkerEvent], None]:
    from eddyline.observe.logs import worker_event_logger  # needs the extra, which `observe` has seen to

    log = worker_event_logger(told.log)

    def hear(event: WorkerEvent) -> None:
        told.metrics.record_event(event)
        log(event)

    return hear


@contextmanager
def _broker(
    request: WorkerRequest, pools: Pools, told: Observation[WorkerMetrics]
) -> Iterator[tuple[Broker, Callable[[Job], History]]]:
    """Where jobs come from: queues where there are any, and no database is opened then; else the ledger."""
    shared = request.shared
    if shared.queues:
        queues = shared.open_queues(tuple(pools.pools))
        with require_extra("aws", "SQS"):
            from eddyline.aws.sqs.broker import SqsBroker
        broker = SqsBroker(queues, visibility_s=request.lease_s, wait_s=_LONGEST_POLL_S)
        try:
            yield broker, history.history_from_spec
        finally:
            broker.close()
        return
    with shared.open_plain_ledger() as ledger, ExitStack() as stack:
        if request.metrics:
            stack.enter_context(watch_backlog(shared, told, pools))
        yield DirectBroker(ledger), history.read_history(ledger)
