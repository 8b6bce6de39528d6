"""The worker process that `eddyline serve` starts and supervises (`eddyline local-worker`)."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TextIO

from eddyline.app.content_keys import content_keys
from eddyline.app.observability import observe
from eddyline.app.optional_dependencies import require_extra
from eddyline.app.shared_services import SharedServices
from eddyline.app.tools import find_toolchain
from eddyline.core.processes.service_process import lower_priority, watch_parent
from eddyline.core.stop import Stop
from eddyline.pipeline.runs.local_worker import LocalWorker, worker_name
from eddyline.pipeline.runs.run_directory import RunDirectory

NICENESS = 10
_END_S = 4.0  # a worker hands back its jobs within 1.5 s


@dataclass(frozen=True, kw_only=True)
class LocalWorkerRequest:
    """The options of the worker of the directory `out`. Results go to the store of `shared`, if it names one.

    `slots` None: one job for each CPU core.
    """

    out: Path
    shared: SharedServices
    slots: int | None = None
    log_level: str = "info"

    def argv(self) -> tuple[str, ...]:
        """The command line of such a worker."""
        options = [("--out", str(self.out)), ("--store", self.shared.store), ("--log-level", self.log_level)]
        slots = () if self.slots is None else ("--slots", str(self.slots))
        given = [part for name, value in options if value for part in (name, value)]
        return (sys.executable, "-m", "eddyline", "local-worker", *given, *slots)


def run_local_worker(request: LocalWorkerRequest, *, stop: Stop, stdin: IO[bytes], stream: TextIO) -> None:
    """Run until `stop`, or until the server closes `stdin` or ends. Logs to `stream`.

    Raises `UsageError` for a setting that cannot work, or if another process runs the jobs.
    """
    with require_extra("web", "the worker of a server"):
        from eddyline.observe.logs import worker_event_logger
        from eddyline.observe.worker_metrics import WorkerMetrics
    directory = RunDirectory(request.out)
    name = worker_name(os.getpid())
    with (
        _end_with_server(stop, stdin),
        observe(
            WorkerMetrics(), stream=stream, level=request.log_level, metrics="", always={"worker": name}
        ) as observation,
    ):
        shared = request.shared
        shared.configure_sources(stop=stop)
        tools = find_toolchain()
        tools.require({"aac"})
        slots = request.slots or len(os.sched_getaffinity(0))
        lower_priority(NICENESS)  # not before: a replacement should start soon
        observation.log.info("local worker started", slots=slots, pid=os.getpid())
        LocalWorker(
            directory=directory,
            store=shared.open_store(stop=stop) if shared.store else directory.store,
            tools=tools,
            pools=shared.pools(),
            slots=slots,
            stop=stop,
            on_event=worker_event_logger(observation.log),
            keys=content_keys(shared.settings),
            upload_cleanup=shared.upload_cleanup(
                lambda message: observation.log.info("upload cleanup", message=message)
            ),
        ).run()
        observation.log.info("local worker stopped", reason=stop.reason)


@contextmanager
def _end_with_server(stop: Stop, stdin: IO[bytes]) -> Iterator[None]:
    """Request the stop when the server ends; a worker that does not react is ended."""
    ended = threading.Event()

    def end() -> None:
        stop.request("the server ended")
        if not ended.wait(_END_S):
            os._exit(1)

    threading.Thread(target=watch_parent, args=(stdin, end), name="server watch", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
