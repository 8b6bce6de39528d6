"""Runs a worker of a fleet: executes jobs of one pool until a stop or the termination of its machine."""

from __future__ import annotations

import os
import platform
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from eddyline.app.content_keys import content_keys
from eddyline.app.drain import open_drain_controller
from eddyline.app.observability import Observation, observe, watch_backlog
from eddyline.app.optional_dependencies import require_extra
from eddyline.app.shared_services import SharedServices
from eddyline.aws.ec2_machine import MachineReading
from eddyline.aws.ec2_metadata import InstanceMetadata
from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.errors import TransientError
from eddyline.core.health import HealthFile
from eddyline.core.processes.runner import Runner
from eddyline.core.stop import Stop
from eddyline.fleet.drain.choice import DrainRules
from eddyline.fleet.drain.command_listener import CommandListener
from eddyline.fleet.pool_coverage import worker_name
from eddyline.fleet.pools import Pools
from eddyline.fleet.slots import measure_resources
from eddyline.graph.events import WorkerEvent
from eddyline.graph.job import Job
from eddyline.graph.machine import Machine
from eddyline.graph.worker.broker import Broker
from eddyline.graph.worker.direct import DirectBroker
from eddyline.graph.worker.worker import Worker
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.planning.routing import fleet_router
from eddyline.pipeline.runtime import history
from eddyline.pipeline.runtime.encoder_sessions import EncoderSessions
from eddyline.pipeline.runtime.history import History
from eddyline.pipeline.runtime.runtime import Runtime
from eddyline.pipeline.runtime.scratch import scratch_directory
from eddyline.pipeline.runtime.store_outage import StoreOutage
from eddyline.pipeline.runtime.worker_assignment import assign
from eddyline.pipeline.steps.table import handlers, import_job_modules
from eddyline.store.store import Store

if TYPE_CHECKING:
    from eddyline.observe.worker_metrics import WorkerMetrics

_MAX_POLL_S = 20.0
_LOOP = "worker"  # in the health file
_STORE_TIMEOUT_S = 120.0  # a longer outage needs an operator
_STORE_BACKOFF = BackoffPolicy(base_s=2.0, cap_s=2.0, jitter=0.0)


@dataclass(frozen=True, kw_only=True)
class WorkerRequest:
    """The options of a worker of `pool`. `slots` None means as many as fit this machine.

    `lease_s`: seconds without a heartbeat after which other workers get its jobs. `metrics`: "[HOST:]PORT",
    or "" for none.
    """

    pool: str
    shared: SharedServices
    slots: int | None = None
    work: Path | None = None
    lease_s: float = 30.0
    metrics: str = ""
    log_level: str = "info"


def run_worker(request: WorkerRequest, *, requested_stop: Stop, stream: TextIO) -> None:
    """Run until a stop (`requested_stop`), a notice of termination or a drain command, then drain.

    Logs to `stream`. Raises `UsageError` or `UnsupportedError` for settings that cannot work here.
    """
    with require_extra("fleet", "a worker"):
        from eddyline.observe.worker_metrics import WorkerMetrics  # requires an extra
    import_job_modules()
    reading = MachineReading(InstanceMetadata.from_environment(os.environ))
    pools, settings = request.shared.pools(), request.shared.settings
    resources = measure_resources()
    task = assign(pools, request.pool, resources, ffmpeg=settings.ffmpeg, slots=request.slots)
    tools = Toolchain.find(task.ffmpeg, settings.ffprobe, settings.packager)
    name = f"{worker_name(request.pool, platform.node(), os.getpid())}-{secrets.token_hex(3)}"
    always = {"worker": name, "pool": request.pool}
    with ExitStack() as stack:
        observation = stack.enter_context(
            observe(
                WorkerMetrics(),
                stream=stream,
                level=request.log_level,
                metrics=request.metrics,
                always=always,
            )
        )
        scratch = stack.enter_context(scratch_directory(_work_directory(request)))
        task.verify(tools.ffmpeg, scratch, Runner())
        stop = Stop()
        store = _open_store(request.shared, observation, stop=stop, requested_stop=requested_stop)
        if store is None:
            return
        machine = replace(
            reading.result(), pool=request.pool, vcpu=max(int(resources.vcpus), 1), slots=task.slots
        )
        broker, history_of = stack.enter_context(_broker(request, pools, machine, observation))
        drainer = stack.enter_context(
            open_drain_controller(
                broker,
                observation,
                stop=stop,
                requested_stop=requested_stop,
                rules=DrainRules.for_pool(pools[request.pool].capacity, has_metadata=bool(machine.instance)),
                instance=machine.instance,
            )
        )
        listener = CommandListener(
            broker,
            worker=name,
            on_notice=drainer.apply,
            on_error=lambda message: observation.log.warning("commands unavailable", error=message),
        )
        stack.callback(listener.close)
        runtime = Runtime(
            store=store,
            tools=tools,
            scratch=scratch,
            history=history_of,
            pools=pools,
            router=fleet_router(pools),
            limits=task.limits,
            sessions=EncoderSessions(task.encoder_sessions),
            keys=content_keys(settings),
            upload_cleanup=request.shared.upload_cleanup(
                lambda message: observation.log.info("upload cleanup", message=message)
            ),
        )
        outage = StoreOutage(
            store,
            on_unavailable=lambda error: observation.log.warning("store unavailable", error=error),
            on_available=lambda: observation.log.warning("store available"),
        )
        health = HealthFile(settings.health, loops=(_LOOP,))
        stack.callback(health.remove)
        observation.metrics.set_slots(task.slots)
        observation.log.info(
            "worker ready",
            slots=task.slots,
            pools=list(task.pools),
            store=request.shared.store,
            instance=machine.instance,
            instance_type=machine.instance_type,
            zone=machine.zone,
            lifecycle=machine.lifecycle,
        )
        Worker(
            name,
            drainer.broker,
            drainer.wrap_handlers(handlers(runtime, outage)),
            slots=task.slots,
            pools=task.pools,
            stop=stop,
            lease_s=request.lease_s,
            on_event=_event_handler(observation),
            on_round=lambda: health.ran(_LOOP),
        ).run()
        observation.log.info("worker stopped", reason=stop.reason or drainer.state.reason)


def _open_store(
    shared: SharedServices, observation: Observation[WorkerMetrics], *, stop: Stop, requested_stop: Stop
) -> Store | None:
    """Open the media store; returns None if a stop was requested first.

    Retries while the store is unavailable, as for the ledger and the queues.
    """
    backoff = Backoff(_STORE_BACKOFF, wait=requested_stop.wait, deadline=time.monotonic() + _STORE_TIMEOUT_S)
    while not requested_stop.requested:
        try:
            return shared.open_store(stop=stop)
        except TransientError as error:
            observation.log.warning("store unavailable", error=str(error))
            if not backoff.pause():
                raise
    return None


def _work_directory(request: WorkerRequest) -> Path:
    directory = request.work or request.shared.settings.work
    return directory or Path(tempfile.gettempdir()) / f"eddyline-{os.getuid()}"


def _event_handler(observation: Observation[WorkerMetrics]) -> Callable[[WorkerEvent], None]:
    from eddyline.observe.logs import worker_event_logger  # requires an extra, which `observe` has checked

    log = worker_event_logger(observation.log)

    def handle(event: WorkerEvent) -> None:
        observation.metrics.record_event(event)
        log(event)

    return handle


@contextmanager
def _broker(
    request: WorkerRequest, pools: Pools, machine: Machine, observation: Observation[WorkerMetrics]
) -> Iterator[tuple[Broker, Callable[[Job], History]]]:
    """The source of jobs: the queues if set, without opening the database; else the ledger."""
    shared = request.shared
    if shared.queues:
        queues = shared.open_queues(tuple(pools.pools))
        with require_extra("aws", "SQS"):
            from eddyline.aws.sqs.broker import SqsBroker
        broker = SqsBroker(queues, visibility_s=request.lease_s, wait_s=_MAX_POLL_S, machine=machine)
        try:
            yield broker, history.history_from_spec
        finally:
            broker.close()
        return
    with shared.open_plain_ledger() as ledger, ExitStack() as stack:
        if request.metrics:
            stack.enter_context(watch_backlog(shared, observation, pools))
        yield DirectBroker(ledger, machine=machine), history.read_history(ledger, pools)
