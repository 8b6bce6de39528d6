"""The process of `eddyline serve`: opens the ledger and the store, and serves until a signal."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from eddyline.app.local_worker import LocalWorkerRequest
from eddyline.app.optional_dependencies import require_extra
from eddyline.app.shared_services import SharedServices
from eddyline.app.worker_supervisor import SupervisedWorker, WorkerSupervisor
from eddyline.core.clock import SystemClock
from eddyline.core.lazy_names import import_packages
from eddyline.core.processes.resource_limits import raise_file_limit
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.runs.run_directory import RunDirectory
from eddyline.web import http_server
from eddyline.web.application import create_app
from eddyline.web.auth.local_mode import is_loopback, starts_local
from eddyline.web.background_work import run_background_work
from eddyline.web.http_server import HttpServer
from eddyline.web.observation import observe_server
from eddyline.web.services import Services, WebSettings

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""The names of this machine that browsers use."""

_WORKER_END_S = 0.3  # after the signal that ended the server; the worker ends by itself if it takes longer


@dataclass(frozen=True, kw_only=True)
class ServeRequest:
    """The options of a server. Without an address of a ledger, everything is in the directory `out`.

    `worker`: start a worker process for the jobs of the directory; a shared ledger has other workers.
    """

    out: Path
    shared: SharedServices
    host: str = "127.0.0.1"
    port: int = 8080
    worker: bool = True
    slots: int | None = None
    log_level: str = "info"

    @property
    def is_embedded(self) -> bool:
        """Whether the ledger is in the directory, as that of `eddyline run`."""
        return not self.shared.ledger


def serve(request: ServeRequest, *, stream: TextIO, announce: Callable[[str], None]) -> int:
    """Serve until SIGTERM or Ctrl-C; returns the number of the signal. Logs to `stream`.

    `announce` gets what the operator reads when the server listens. Raises `UsageError` for an invalid
    setting, or an address that it cannot listen on.
    """
    raise_file_limit()
    import_packages("eddyline.gpmf", "eddyline.store")  # of which requests use different parts
    with open_services(request) as opened, ExitStack() as stack:
        services = stack.enter_context(observe_server(opened, stream=stream, level=request.log_level))
        supervisor = _supervisor(request, services) if request.is_embedded and request.worker else None
        if supervisor is not None:
            services = replace(services, worker=supervisor)
            stack.callback(supervisor.end, _WORKER_END_S)

        stack.enter_context(run_background_work(services))
        app = create_app(services)

        def on_signal() -> None:
            services.shutdown.request()
            app.state.streams.close()
            if supervisor is not None:
                supervisor.begin_end()

        def on_listening(port: int) -> None:
            # A full collection of all that the modules created would stop the requests for 0.2 s.
            gc.collect()
            gc.freeze()
            if services.log is not None:
                services.log.info(
                    "server started", host=request.host, port=port, local=services.settings.local
                )
            announce(listening_message(request.host, port, local=services.settings.local))
            if supervisor is not None:
                supervisor.start()

        config = http_server.configure(
            app,
            host=request.host,
            port=request.port,
            trusted_proxies=services.shared.settings.proxies or "",
        )
        return http_server.run(HttpServer(config, on_signal=on_signal, on_listening=on_listening))


def _supervisor(request: ServeRequest, services: Services) -> WorkerSupervisor:
    worker = LocalWorkerRequest(
        out=request.out.absolute(), shared=request.shared, slots=request.slots, log_level=request.log_level
    )

    log, clock = services.log, services.clock

    def on_start(pid: int) -> None:
        if log is not None:
            log.info("local worker process started", pid=pid)

    def on_end(pid: int, state: SupervisedWorker) -> None:
        if log is not None:
            problem = state.problem(clock.now())
            log.warning(
                "local worker process ended",
                pid=pid,
                reason=state.failure,
                restarts=state.restarts,
                problem=problem,
            )

    supervisor = WorkerSupervisor(
        worker.argv(), services.ledger, clock=clock, on_start=on_start, on_end=on_end
    )
    services.metrics.watch_worker(lambda: (supervisor.state.pid is not None, supervisor.state.restarts))
    return supervisor


@contextmanager
def open_services(request: ServeRequest) -> Iterator[Services]:
    """The services of a server, with its directory locked. Raises `UsageError`."""
    directory = RunDirectory(request.out)
    with ExitStack() as stack:
        shared, store = request.shared, None
        if request.is_embedded:
            shared = replace(
                shared, store=shared.store or str(directory.root), ledger=str(directory.ledger), queues=""
            )
            store = shared.open_store() if request.shared.store else None
        stack.enter_context(directory.lock(store, runs_jobs=False))
        if request.is_embedded:
            _clean_up(directory)
        ledger = stack.enter_context(shared.open_ledger())
        settings = shared.settings
        origin = settings.origin or ""
        yield Services(
            ledger=ledger,
            store=store or shared.open_store(),
            shared=shared,
            settings=WebSettings(
                local=starts_local(ledger, request.host, oidc=_accepts_oidc(shared)),
                data=directory.state,
                origin=origin,
                hosts=accepted_hosts(request.host, origin),
                tiles=settings.tiles or "",
            ),
            clock=SystemClock(),
        )


def _accepts_oidc(shared: SharedServices) -> bool:
    """Whether clients may authenticate by OpenID Connect. Raises `UsageError` for invalid settings of it."""
    if not shared.settings.oidc_issuer:
        return False
    with require_extra("oidc", "OpenID Connect"):
        from eddyline.web.auth.oidc import oidc_settings  # noqa: PLC0415 - PyJWT is optional

    return oidc_settings(shared.settings) is not None


def accepted_hosts(host: str, origin: str) -> tuple[str, ...]:
    """The Host headers that requests may have: those of `origin` and of loopback; any, if it is not known."""
    if origin:
        return (*LOOPBACK, urlsplit(origin).hostname or "")
    return LOOPBACK if is_loopback(host) else ("*",)


def _clean_up(directory: RunDirectory) -> None:
    """Take back the jobs of workers that a killed process left, and remove its temporary files."""
    with directory.lock_jobs(), Ledger.open(directory.ledger) as ledger:
        for worker in ledger.workers():
            ledger.release_worker(worker.name)
            ledger.deregister(worker.name)
        directory.clean(has_open_jobs=ledger.has_open)


def listening_message(host: str, port: int, *, local: bool) -> str:
    """What the operator reads when the server has started."""
    shown = f"[{host}]" if ":" in host else host
    lines = [f"Eddyline is at http://{shown}:{port}"]
    if local:
        lines.append(
            "Everyone who can use this machine can see and change everything: no token exists. "
            "`eddyline token create` adds one."
        )
    elif not is_loopback(host):
        lines.append("Requests need a token. Use a proxy with https in front of it on other networks.")
    return "\n".join((*lines, "Ctrl-C ends it.", ""))
