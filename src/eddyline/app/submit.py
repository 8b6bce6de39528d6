"""Submits sources to a fleet, and optionally waits for their assets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eddyline.app.shared_services import SharedServices
from eddyline.core.stop import Stop
from eddyline.fleet.pool_coverage import UnservedPool
from eddyline.fleet.pools import Pools
from eddyline.graph.ledger.ledger import Ledger
from eddyline.media.ladder import profile as profiles
from eddyline.observe.backlog import read_backlog
from eddyline.pipeline.planning.job_options import DEFAULT_OPTIONS, JobOptions
from eddyline.pipeline.planning.routing import inspect_pool
from eddyline.pipeline.runs.events import Event, RunReport
from eddyline.pipeline.runs.run_report import ReportBuilder
from eddyline.pipeline.runs.submit_all import SubmitAll
from eddyline.pipeline.runs.unserved_pools import find_unserved_pools
from eddyline.pipeline.runs.wait_for_assets import AssetWaiter
from eddyline.pipeline.submission.discover import discover
from eddyline.pipeline.submission.upload_source import upload_source

_STARTUP_GRACE_S = 3.0  # for a worker that is starting

FLEET = "fleet"
"""The toolchain of an asset of a fleet, until the worker that inspects it records the exact one."""


@dataclass(frozen=True, kw_only=True)
class SubmitRequest:
    """The options of a submission: paths, and addresses of objects in a store.

    `in_place`: every worker can read the local files at their paths.
    """

    sources: tuple[str, ...]
    shared: SharedServices
    profile: str = "default"
    options: JobOptions = DEFAULT_OPTIONS
    merge: bool = True
    in_place: bool = False
    wait: bool = False


def submit_sources(request: SubmitRequest, *, stop: Stop, on_event: Callable[[Event], None]) -> RunReport:
    """Submit all sources; with `wait`, return when every asset is published or has failed.

    Raises `UsageError` for an invalid profile, store or ledger.
    """
    profile = profiles.load_profile(request.profile)
    shared = request.shared
    pools = shared.pools()
    store = shared.open_store(stop=stop)
    with shared.open_ledger() as ledger:
        report = ReportBuilder(store=store, where=store.where, on_event=on_event)
        submitted = SubmitAll(
            report=report,
            ledger=ledger,
            profile=profile,
            toolchain=FLEET,
            stop=stop,
            options=request.options,
            merge=request.merge,
            pool=inspect_pool(pools),
            upload=_absolute
            if request.in_place
            else lambda path: upload_source(path, store, request.options.owner),
        ).submit(discover(request.sources))
        for each in submitted:
            if each.status == "open":
                report.submitted(each)
        if request.wait:
            AssetWaiter(
                report=report,
                ledger=ledger,
                stop=stop,
                unserved=lambda: _unserved(ledger, pools),
            ).wait(submitted)
        return report.report(stop.reason)


def _unserved(ledger: Ledger, pools: Pools) -> Sequence[UnservedPool]:
    now = time.time()
    backlog = ledger.read(lambda connection: read_backlog(connection, now))
    return find_unserved_pools(backlog, pools, min_due_s=_STARTUP_GRACE_S)


def _absolute(path: Path) -> str:
    return str(path.absolute())
