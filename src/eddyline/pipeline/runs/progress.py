"""Computes the progress of assets from a worker's events; work of earlier runs counts as done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from eddyline.graph.events import WorkerEvent, WorkerEventKind
from eddyline.graph.job import Job
from eddyline.graph.states import OPEN, State
from eddyline.pipeline.planning.job_ids import request_digest
from eddyline.pipeline.planning.job_kinds import furthest_stage, job_kind
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.runs.events import AssetProgress
from eddyline.pipeline.submission.submit import Submitted

_MIN_INTERVAL_S = 0.2  # between two progress events of an asset
_MIN_ELAPSED_S = 1.0  # before speed and ETA are meaningful


@dataclass(kw_only=True)
class _Asset:
    """The state of one asset; weights are the jobs' own, in frames' worth of encoding."""

    name: str
    frames_total: int = 0
    fps: float = 0.0
    total: float = 0.0
    done: float = 0.0
    frames_done: float = 0.0
    running: dict[str, tuple[Job, float]] = field(default_factory=dict)
    stage: str = "inspect"
    last_event: float = 0.0
    # When this process started on the asset: speed and ETA count its own work only.
    started: float = 0.0
    started_done: float = 0.0
    started_frames: float = 0.0


class Progress:
    """Converts worker events to `AssetProgress` events. Not thread-safe: the worker serialises its events.

    `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        submitted: Iterable[Submitted],
        *,
        plan_of: Callable[[str], Plan],
        jobs_of: Callable[[str], list[Job]],
        on_progress: Callable[[AssetProgress], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan_of, self._jobs_of, self._on_progress = plan_of, jobs_of, on_progress
        self._clock = clock
        self._assets = {each.asset: _Asset(name=each.name) for each in submitted}
        for asset in self._assets:
            self._count_jobs(asset)

    def update(self, event: WorkerEvent) -> None:
        """Apply one worker event, and report progress if it is due."""
        job = event.job
        asset = self._assets.get(job.asset)
        if asset is None or job_kind(job.kind).internal:
            return
        if event.kind in {WorkerEventKind.STARTED, WorkerEventKind.PROGRESS}:
            asset.running[job.id] = (job, event.fraction)
            asset.stage = furthest_stage([asset.stage, job_kind(job.kind).stage])
        else:
            asset.running.pop(job.id, None)
        if event.kind is WorkerEventKind.FINISHED:
            if job_kind(job.kind).planned:
                asset.done += job.weight
                asset.frames_done += encoded_frames([job])
            else:  # the inspection, or the analysis: they add the other jobs
                self._count_jobs(job.asset)
        now = self._clock()
        if event.kind is not WorkerEventKind.PROGRESS or now - asset.last_event > _MIN_INTERVAL_S:
            asset.last_event = now
            self._on_progress(_progress(job.asset, asset, now))

    def _count_jobs(self, name: str) -> None:
        """Read the asset's jobs from the ledger: at the start, and once it has a plan."""
        asset = self._assets[name]
        jobs = [job for job in self._jobs_of(name) if "plan" in job.spec and job_kind(job.kind).planned]
        current = [job for job in jobs if job.state in OPEN]
        if not current:
            return
        plan, request = self._plan_of(current[-1].spec["plan"]), request_digest(current[-1])
        counted = [job for job in jobs if request_digest(job) == request and not job_kind(job.kind).internal]
        done = [job for job in counted if job.state is State.DONE]
        asset.frames_total, asset.fps = plan.facts.video.frames, float(plan.facts.video.fps)
        asset.total = sum(job.weight for job in counted)
        asset.done = sum(job.weight for job in done)
        asset.frames_done = encoded_frames(done)
        asset.started, asset.started_done, asset.started_frames = self._clock(), asset.done, asset.frames_done


def encoded_frames(jobs: Iterable[Job]) -> float:
    """The number of source frames that these jobs encode: the weights of those that encode video."""
    return sum(job.weight for job in jobs if job_kind(job.kind).encodes_video)


def _progress(name: str, asset: _Asset, now: float) -> AssetProgress:
    running = asset.running.values()
    done = asset.done + sum(job.weight * fraction for job, fraction in running)
    frames = asset.frames_done + sum(encoded_frames([job]) * fraction for job, fraction in running)
    elapsed = now - asset.started
    measurable = elapsed > _MIN_ELAPSED_S
    rate = (done - asset.started_done) / elapsed if asset.started and measurable else 0.0
    new_frames = frames - asset.started_frames
    speed = new_frames / asset.fps / elapsed if asset.fps and measurable and new_frames else None
    return AssetProgress(
        asset=name,
        name=asset.name,
        stage=asset.stage,
        fraction=min(done / asset.total, 1.0) if asset.total else 0.0,
        frames_done=min(int(frames), asset.frames_total),
        frames_total=asset.frames_total,
        speed=speed,
        eta_s=(asset.total - done) / rate if rate > 0 else None,
    )
