"""Sets up the log, the metrics and the traces of a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TextIO

from prometheus_client import disable_created_metrics

from eddyline.app.observability import observe, watch_backlog
from eddyline.library.totals import count_assets, count_open_uploads
from eddyline.web.monitoring.tracing import export_traces
from eddyline.web.services import Services


@contextmanager
def observe_server(services: Services, *, stream: TextIO, level: str) -> Iterator[Services]:
    """The services with a log to `stream`, metrics of the ledger, and traces where they are configured."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # half as many series: start times are not used
    ledger, metrics = services.ledger, services.metrics
    with (
        observe(metrics, stream=stream, level=level, metrics="", always={"process": "web"}) as observation,
        watch_backlog(services.shared, observation, services.shared.pools()),
        export_traces() as traces,
    ):
        metrics.watch_library(partial(count_assets, ledger), partial(count_open_uploads, ledger))
        yield replace(services, log=observation.log, traces=traces)
