"""Runs in one directory of one machine: SQLite, one slot per core, no server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from eddyline import config
from eddyline.app.content_keys import content_keys
from eddyline.app.shared_services import SharedServices
from eddyline.app.tools import find_toolchain
from eddyline.core.errors import EddylineError
from eddyline.core.stop import Stop
from eddyline.edit.merge.recordings import group_recordings
from eddyline.fleet import pools
from eddyline.media.ladder import profile as profiles
from eddyline.media.ladder.cost import estimate_cpu_s
from eddyline.media.ladder.ladder import Rung
from eddyline.media.ladder.reframe import with_reframe
from eddyline.media.source.source import SourceFacts, TelemetryFacts
from eddyline.media.video.sphere_facts import with_view
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.planning.routing import local_router
from eddyline.pipeline.runs.embedded import EmbeddedSession, open_session
from eddyline.pipeline.runs.events import AssetFailed, Event, RunReport
from eddyline.pipeline.runs.run_report import source_failure
from eddyline.pipeline.runtime.probe_source import probe_source
from eddyline.pipeline.submission.discover import discover
from eddyline.pipeline.submission.submit import identify


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """The options of a run: `profile` is a name or a file, `slots` None means one per core.

    `sources` are paths or addresses in a store. `store` is the address of the media store for the results
    ("": the directory `out`). `merge`: the chapter files of one recording become one asset.
    `own_process`: this process exists for the run, so that its CPU time counts from its start. `reframe`: the
    flat view of spherical video, as in `with_reframe` ("": that of the profile).
    """

    sources: tuple[str | Path, ...]
    out: Path
    profile: str = "default"
    slots: int | None = None
    merge: bool = True
    store: str = ""
    own_process: bool = False
    reframe: str = ""

    def load_profile(self) -> profiles.Profile:
        """The profile with the options of the run. Raises `UsageError`."""
        return with_reframe(profiles.load_profile(self.profile), self.reframe)


@dataclass(frozen=True, kw_only=True)
class PlannedAsset:
    """The asset that a run would create from one source; with `error`, the other fields are undefined."""

    name: str
    facts: SourceFacts | None
    rungs: tuple[Rung, ...] = ()
    chunks: int = 0
    frames: int = 0
    estimate_cpu_s: float = 0.0
    error: AssetFailed | None = None


def run(request: RunRequest, *, stop: Stop, on_event: Callable[[Event], None]) -> RunReport:
    """Process all sources in the directory `request.out`; results go to the store of the request, if any.

    Raises `UsageError` for an invalid profile or setting, or if another run uses the directory.
    """
    profile = request.load_profile()
    if profile.encryption is not None:
        content_keys(config.read()).check(profile.encryption.key)
    with open_run(request, stop=stop, on_event=on_event) as session:
        return session.run(request.sources, profile, merge=request.merge)


@contextmanager
def open_run(
    request: RunRequest, *, stop: Stop, on_event: Callable[[Event], None]
) -> Iterator[EmbeddedSession]:
    """Lock the directory `request.out` inside the context; results go to a store if the request names one.

    Raises `UsageError` for an invalid setting, or if another run uses the directory.
    """
    shared = SharedServices(store=request.store, ledger="", queues="", settings=config.read())
    shared.configure_sources(stop=stop)
    with open_session(
        request.out,
        tools=find_toolchain(),
        pools=shared.pools(),
        slots=request.slots,
        stop=stop,
        on_event=on_event,
        store=shared.open_store(stop=stop) if request.store else None,
        # Failures are not logged: a lifecycle rule of the bucket removes such uploads as well.
        upload_cleanup=shared.upload_cleanup(lambda _: None),
        own_process=request.own_process,
        keys=content_keys(shared.settings),
    ) as session:
        yield session


def dry_run(request: RunRequest) -> tuple[PlannedAsset, ...]:
    """Plan the assets that `run` would create, without writing anything."""
    profile, tools = request.load_profile(), find_toolchain()
    route = local_router(pools.load_pools(config.read().pools), tools)
    SharedServices(store="", ledger="", queues="", settings=config.read()).configure_sources()
    found = discover(request.sources)
    planned = [_failed_plan(address, error) for address, error in found.failed]
    for recording in group_recordings(found.videos) if request.merge else [(each,) for each in found.videos]:
        name = PurePosixPath(recording[0]).name
        try:
            probed = [probe_source(each, tools) for each in recording]
            facts = with_view(_combine_chapters(probed, recording, profile), profile)
            encoders = route(profile, facts.video).encoders
            plan = Plan.create(
                asset="", name=name, facts=facts, profile=profile, toolchain="", encoders=encoders
            )
        except EddylineError as error:
            planned.append(_failed_plan(recording[0], error))
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


def _combine_chapters(
    facts: Sequence[SourceFacts], chapters: Sequence[str], profile: profiles.Profile
) -> SourceFacts:
    """The properties of a recording in chapters; the hash of its telemetry is known only after the merge."""
    if len(facts) == 1:
        return facts[0]
    payloads = [each.telemetry for each in facts if each.telemetry]
    telemetry = None
    if payloads:
        telemetry = TelemetryFacts(
            payloads=sum(each.payloads for each in payloads),
            bytes=sum(each.bytes for each in payloads),
            sha256="",
        )
    return replace(
        facts[0],
        bytes=sum(each.bytes for each in facts),
        fingerprint=identify(chapters, profile)[1],
        duration_s=round(sum(each.duration_s for each in facts), 6),
        video=replace(facts[0].video, frames=sum(each.video.frames for each in facts)),
        telemetry=telemetry,
    )


def _failed_plan(address: str, error: EddylineError) -> PlannedAsset:
    failed = source_failure(address, error)
    return PlannedAsset(name=failed.name, facts=None, error=failed)
