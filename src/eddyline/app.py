"""The wiring: the only module that picks adapters and joins them to the pipeline."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eddyline import config
from eddyline.core.errors import EddylineError, UsageError
from eddyline.core.process import Runner
from eddyline.core.stop import Stop
from eddyline.graph.ledger import Ledger
from eddyline.media import profile as profiles
from eddyline.media.chunks import estimate_cpu_s
from eddyline.media.ladder import Rung
from eddyline.media.source import SourceFacts, TelemetryFacts
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.bench import Bench, History
from eddyline.pipeline.checks import Check, examine
from eddyline.pipeline.discover import discover
from eddyline.pipeline.edit.combine import Combined
from eddyline.pipeline.edit.combine import Wish as Together
from eddyline.pipeline.edit.combine import combine as put_together
from eddyline.pipeline.edit.merge import recordings
from eddyline.pipeline.edit.moments import Moment, moment, number
from eddyline.pipeline.edit.trim import Trimmed, Wish
from eddyline.pipeline.edit.trim import trim as cut
from eddyline.pipeline.events import AssetFailed, Event, RunReport
from eddyline.pipeline.home import Home
from eddyline.pipeline.look import look
from eddyline.pipeline.plan import Plan
from eddyline.pipeline.run import Run
from eddyline.pipeline.submit import identify_recording

__all__ = [
    "Check",
    "PlannedAsset",
    "RunRequest",
    "combine",
    "doctor",
    "dry_run",
    "open_ledger",
    "probe",
    "run",
    "trim",
]

# In one folder a job is lost only when somebody kills the whole program, which says little about the job:
# many kills in a row are needed before it is held to be the reason.
_POISON_AFTER = 100


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What a user asks for: `profile` is a name or a file, `slots` None for one per core.

    `merge`: the chapters that a camera cut one recording into become one asset.
    """

    sources: tuple[Path, ...]
    out: Path
    profile: str = "default"
    slots: int | None = None
    merge: bool = True


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
    """Process everything that was asked for in the folder `request.out`.

    Raises `UsageError` for a bad profile or setting, or if another run is at work in the folder.
    """
    profile = profiles.load(request.profile)
    tools = _tools()
    tools.require({"aac"})
    home = Home(request.out)
    with home.occupied(), Ledger.open(home.ledger, poison_after=_POISON_AFTER) as ledger:
        # The folder is ours alone: whoever held jobs in it is gone.
        for worker in ledger.workers():
            ledger.abandon(worker.name)
        home.sweep(busy=ledger.has_open)
        bench = Bench(
            store=home.store, tools=tools, scratch=home.scratch, history=lambda asset: _history(ledger, asset)
        )
        return Run(
            root=request.out,
            bench=bench,
            ledger=ledger,
            profile=profile,
            slots=request.slots or len(os.sched_getaffinity(0)),
            stop=stop,
            on_event=on_event,
            merge=request.merge,
        ).perform(discover(request.sources))


def dry_run(request: RunRequest) -> tuple[PlannedAsset, ...]:
    """What `run` would make; nothing is written."""
    profile, tools = profiles.load(request.profile), _tools()
    found = discover(request.sources)
    planned = [_refused(path, error) for path, error in found.failed]
    for path, *rest in recordings(found.footage) if request.merge else [(each,) for each in found.footage]:
        try:
            facts = _whole([look(each, tools) for each in (path, *rest)], (path, *rest), profile)
            plan = Plan.make(asset="", name=path.name, facts=facts, profile=profile, toolchain="")
        except EddylineError as error:
            planned.append(_refused(path, error))
            continue
        planned.append(
            PlannedAsset(
                name=path.name,
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
    home = Home(out)
    if not home.ledger.is_file():
        raise UsageError(
            f"{out} holds no state of Eddyline", remedy="name the folder of an earlier run with --out"
        )
    return Ledger.open(home.ledger, poison_after=_POISON_AFTER)


def probe(path: Path) -> SourceFacts:
    """What one file is. Raises the error that a run would give for it."""
    return look(path, _tools())


def trim(
    source: Path, out: Path, *, start: str, end: str = "", keyframes: bool = False, stop: Stop | None = None
) -> Trimmed:
    """Cut [start, end) out of a recording; times as people write them, no end: up to the last frame.

    Raises the errors of `pipeline.edit.trim.trim`.
    """
    last = moment(end) if end else Moment(frame=sys.maxsize)
    wish = Wish(start=moment(start), end=last, keyframes=keyframes)
    return cut(source, out, wish, tools=_tools(), runner=Runner(stop=stop or Stop()))


def combine(
    video: Path,
    out: Path,
    *,
    audio: tuple[Path, ...] = (),
    telemetry: Path | None = None,
    offset: str = "",
    drift: str = "0",
    telemetry_offset: str = "0",
    replace: bool = False,
    copy: bool = False,
    stop: Stop | None = None,
) -> Combined:
    """Put sound and telemetry beside a picture; numbers as people write them, no offset: 0 or as measured.

    Raises `UsageError` for what is no number, and the errors of `pipeline.edit.combine.combine`.
    """
    wish = Together(
        audio=audio,
        telemetry=telemetry,
        offset=number(offset) if offset else None,
        drift="auto" if drift == "auto" else float(number(drift)),
        telemetry_offset=number(telemetry_offset),
        replace=replace,
        copy=copy,
    )
    return put_together(video, out, wish, tools=_tools(), runner=Runner(stop=stop or Stop()))


def doctor(out: Path) -> tuple[Check, ...]:
    """Whether this machine has what a run needs."""
    return examine(out, _tools)


def _tools() -> Toolchain:
    settings = config.read()
    return Toolchain.find(settings.ffmpeg, settings.ffprobe, settings.packager)


def _whole(told: Sequence[SourceFacts], chapters: Sequence[Path], profile: profiles.Profile) -> SourceFacts:
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
        fingerprint=identify_recording(chapters, profile)[1],
        duration_s=round(sum(each.duration_s for each in told), 6),
        video=replace(told[0].video, frames=sum(each.video.frames for each in told)),
        telemetry=telemetry,
    )


def _history(ledger: Ledger, asset: str) -> History:
    stats = ledger.stats(asset)
    started = [job.started for job in ledger.jobs(asset=asset) if job.started is not None]
    return History(
        redone_jobs=stats.redone, interruptions=stats.interruptions, started=min(started, default=0.0)
    )


def _refused(path: Path, error: EddylineError) -> PlannedAsset:
    failed = AssetFailed(
        asset="", name=path.name, source=path, job="", reason=error.message, remedy=error.remedy
    )
    return PlannedAsset(name=path.name, facts=None, error=failed)
