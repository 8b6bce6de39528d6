"""Runs in one folder of one machine: SQLite, a slot per core, no server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

from eddyline import config
from eddyline.app.shared_services import SharedServices
from eddyline.app.tools import find_toolchain
from eddyline.core.errors import EddylineError, UsageError
from eddyline.core.stop import Stop
from eddyline.edit.merge.merge import recordings
from eddyline.fleet import pools
from eddyline.graph.ledger.ledger import Ledger
from eddyline.media.ladder import profile as profiles
from eddyline.media.ladder.cost import estimate_cpu_s
from eddyline.media.ladder.ladder import Rung
from eddyline.media.source.source import SourceFacts, TelemetryFacts
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.planning.routing import local_router
from eddyline.pipeline.runs.events import AssetFailed, Event, RunReport
from eddyline.pipeline.runs.run import Run
from eddyline.pipeline.runs.run_directory import RunDirectory
from eddyline.pipeline.runs.run_report import source_failure
from eddyline.pipeline.runtime.history import read_history
from eddyline.pipeline.runtime.probe_source import probe_source
from eddyline.pipeline.runtime.runtime import Runtime
from eddyline.pipeline.submission.discover import discover
from eddyline.pipeline.submission.submit import identify
from eddyline.store.local import LocalStore
from eddyline.store.store import Store

# In one folder a job is lost only when somebody kills the whole program, which says little about the job:
# many kills in a row are needed before it is held to be the reason.
_POISON_AFTER = 100


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What a user asks for: `profile` is a name or a file, `slots` None for one per core.

    `sources` are paths or addresses in a store. `store` is the address of the media store that results go to
    ("": the folder `out`). `merge`: the chapters that a camera cut one recording into become one asset.
    """

    sources: tuple[str | Path, ...]
    out: Path
    profile: str = "default"
    slots: int | None = None
    merge: bool = True
    store: str = ""


@dataclass(frozen=True, kw_only=True)
class PlannedAsset:
    """What a run would make of one source; with `error` set, nothing, and the other fields say nothing."""

    name: str
    facts: SourceFacts | None
    rungs: tuple[Rung, ...] = ()
    chunks: int = 0
    frames: int = 0
    estimate_cpu_s: float = 0.0
    error: AssetFailed | None = None


def run(request: RunRequest, *, stop: Stop, on_event: Callable[[Event], None]) -> RunReport:
    """Process all that was asked for in the folder `request.out`; results go to a store if one is named.

    Raises `UsageError` for a bad profile or setting, or if another run is at work in the folder.
    """
    profile = profiles.load_profile(request.profile)
    with open_run(request, stop=stop, on_event=on_event) as perform:
        return perform(request.sources, profile)


class ProcessSources(Protocol):
    """Processes sources by a profile, in a folder that is ours."""

    def __call__(
        self, sources: Sequence[str | Path], profile: profiles.Profile, /, *, merge: bool = ...
    ) -> RunReport:
        """How it went. `merge`: chapters of one recording become one asset."""
        ...


@contextmanager
def open_run(
    request: RunRequest, *, stop: Stop, on_event: Callable[[Event], None]
) -> Iterator[ProcessSources]:
    """The folder `request.out`, ours alone while entered; gives what processes sources in it by a profile.

    Raises `UsageError` for a bad setting, or if another run is at work in the folder.
    """
    tools = find_toolchain()
    tools.require({"aac"})
    home = RunDirectory(request.out)
    shared = SharedServices(store=request.store, ledger="", queues="", settings=config.read())
    store, where = _destination(request, shared, home, stop)
    with home.occupied(store), Ledger.open(home.ledger, poison_after=_POISON_AFTER) as ledger:
        # The folder is ours alone: whoever held jobs in it is gone.
        for worker in ledger.workers():
            ledger.abandon(worker.name)
        home.sweep(busy=ledger.has_open)
        runtime = Runtime(
            store=store,
            tools=tools,
            scratch=home.scratch,
            history=read_history(ledger),
            pools=shared.pools(),
            upload_cleanup=shared.upload_cleanup(
                lambda _said: None
            ),  # a bucket's own rule removes them as well
        )

        def perform(
            sources: Sequence[str | Path], profile: profiles.Profile, *, merge: bool = request.merge
        ) -> RunReport:
            return Run(
                where=where,
                runtime=runtime,
                ledger=ledger,
                profile=profile,
                toolchain=tools.identity,
                slots=request.slots or len(os.sched_getaffinity(0)),
                stop=stop,
                on_event=on_event,
                merge=merge,
            ).perform(discover(sources))

        yield perform


def _destination(
    request: RunRequest, shared: SharedServices, home: RunDirectory, stop: Stop
) -> tuple[Store, Callable[[str], str]]:
    """The store of the results, and how people are told its addresses."""
    shared.configure_sources(stop=stop)
    if not request.store:
        return home.store, LocalStore(request.out).where  # as the user named the folder
    store = shared.open_store(stop=stop)
    return store, store.where


def dry_run(request: RunRequest) -> tuple[PlannedAsset, ...]:
    """What `run` would make; nothing is written."""
    profile, tools = profiles.load_profile(request.profile), find_toolchain()
    route = local_router(pools.load_pools(config.read().pools), tools)
    SharedServices(store="", ledger="", queues="", settings=config.read()).configure_sources()
    found = discover(request.sources)
    planned = [_refused(address, error) for address, error in found.failed]
    for recording in recordings(found.videos) if request.merge else [(each,) for each in found.videos]:
        name = PurePosixPath(recording[0]).name
        try:
            facts = _whole([probe_source(each, tools) for each in recording], recording, profile)
            encoders = route(profile, facts.video).encoders
            plan = Plan.make(
                asset="", name=name, facts=facts, profile=profile, toolchain="", encoders=encoders
            )
        except EddylineError as error:
            planned.append(_refused(recording[0], error))
            continue
        planned.append(
            PlannedAsset(
                name=name,
                facts=facts,
                rungs=plan.rungs,
                chunks=len(plan.chunks),
                frames=facts.video.frames,
                estimate_cpu_s=estimate_cpu_s(facts.video.frames, plan.rungs, facts.video),
            )
        )
    return tuple(planned)


def open_ledger(out: Path) -> Ledger:
    """The ledger of an output folder. Raises `UsageError` if there is none."""
    home = RunDirectory(out)
    if not home.ledger.is_file():
        raise UsageError(
            f"{out} holds no state of Eddyline", remedy="name the folder of an earlier run with --out"
        )
    return Ledger.open(home.ledger, poison_after=_POISON_AFTER)


def _whole(told: Sequence[SourceFacts], chapters: Sequence[str], profile: profiles.Profile) -> SourceFacts:
    """The facts of a recording in chapters; the hash of its telemetry is known once it is merged."""
    if len(told) == 1:
        return told[0]
    payloads = [each.telemetry for each in told if each.telemetry]
    telemetry = None
    if payloads:
        telemetry = TelemetryFacts(
            payloads=sum(each.payloads for each in payloads),
            bytes=sum(each.bytes for each in payloads),
            sha256="",
        )
    return replace(
        told[0],
        bytes=sum(each.bytes for each in told),
        fingerprint=identify(chapters, profile)[1],
        duration_s=round(sum(each.duration_s for each in told), 6),
        video=replace(told[0].video, frames=sum(each.video.frames for each in told)),
        telemetry=telemetry,
    )


def _refused(address: str, error: EddylineError) -> PlannedAsset:
    failed = source_failure(address, error)
    return PlannedAsset(name=failed.name, facts=None, error=failed)
