"""Sets up logs and metrics of a long-running process."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TextIO, TypeVar

from eddyline.app.shared_services import SharedServices
from eddyline.core.errors import UsageError
from eddyline.core.stop import Stop
from eddyline.fleet.pool_coverage import UnservedPool, describe_unserved
from eddyline.fleet.pools import Pools
from eddyline.graph.db.transactions import Database, as_url
from eddyline.pipeline.runs.unserved_pools import UnservedPoolMonitor

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from eddyline.observe.metrics import LedgerMetrics, Metrics

M = TypeVar("M", bound="Metrics")
L = TypeVar("L", bound="LedgerMetrics")

_MAX_PORT = 65_535


@dataclass(frozen=True, kw_only=True)
class Observation(Generic[M]):
    """The output of a process: JSON lines in `log`, values in `metrics`."""

    log: FilteringBoundLogger
    metrics: M


def parse_listen_address(text: str) -> tuple[str, int]:
    """Host and port of "9464", "0.0.0.0:9464" or "[::]:9464"; the default host is 127.0.0.1."""
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > _MAX_PORT:
        raise UsageError(f"{text!r} is not a valid metrics port", remedy="pass PORT or HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


@contextmanager
def observe(
    counted: M, *, stream: TextIO, level: str, metrics: str, always: Mapping[str, object]
) -> Iterator[Observation[M]]:
    """Log to `stream` and serve `counted` at the address `metrics` ("": do not serve) within this context."""
    from eddyline.observe.logs import LibraryLogs, open_log  # requires an extra

    log = open_log(stream, level=level, **always)
    with LibraryLogs(log), serve_metrics(counted, metrics) as port:
        if port is not None:
            log.info("metrics server started", host=parse_listen_address(metrics)[0], port=port)
        yield Observation(log=log, metrics=counted)


@contextmanager
def serve_metrics(counted: Metrics, address: str) -> Iterator[int | None]:
    """Serve metrics at "[HOST:]PORT" ("": do not serve) within this context; yields the port or None."""
    if not address:
        yield None
        return
    from eddyline.observe.metrics_server import serve_metrics  # requires an extra

    host, port = parse_listen_address(address)
    with serve_metrics(counted.registry, host=host, port=port) as bound_port:
        yield bound_port


@contextmanager
def watch_backlog(shared: SharedServices, observation: Observation[L], pools: Pools) -> Iterator[None]:
    """Poll the backlog of the ledger, export it, and warn about pools without workers."""
    from eddyline.observe.backlog import BacklogWatch, backlog_reader

    # A separate connection, so that no other work waits for it.
    database = Database(as_url(shared.ledger_address()), random.Random())  # noqa: S311 - jitter, not a secret
    stop = Stop()
    watch = BacklogWatch(
        backlog_reader(database), stop=stop, on_value=_unserved_pool_monitor(observation, pools).update
    )
    observation.metrics.watch_backlog(watch, tuple(pools.pools))
    thread = watch.start()
    try:
        yield
    finally:
        stop.request("the process ends")
        thread.join(timeout=5)
        database.close()


def _unserved_pool_monitor(observation: Observation[L], pools: Pools) -> UnservedPoolMonitor:
    def warn(unserved: UnservedPool) -> None:
        observation.log.warning(
            "pool without workers",
            pool=unserved.pool,
            jobs=unserved.jobs,
            message=describe_unserved(unserved),
        )

    return UnservedPoolMonitor(pools, warn=warn, show=observation.metrics.set_unserved)
