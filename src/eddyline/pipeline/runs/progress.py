"""How far each asset is, kept up from the worker's events; what an earlier run has done counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from eddyline.graph.events import WorkerEvent, WorkerEventKind
from eddyline.graph.job import Job
from eddyline.graph.states import OPEN, State
from eddyline.pipeline.planning.plan import Plan
from eddyline.pipeline.runs.events import AssetProgress
from eddyline.pipeline.submission.submit import Submitted

_TELL_EVERY_S = 0.2
_AFTERWARDS = "tidy"  # the asset is through by then
# The stage that people see: the furthest that anything of the asset is at.
STAGES = {
    "inspect": ("inspect", 0),
    "poster": ("encode", 1),
    "telemetry": ("encode", 1),
    "subtitles": ("encode", 1),
    "audio": ("encode", 1),
    "pictures": ("encode", 1),
    "samples": ("encode", 1),
    "chunk": ("encode", 1),
    "assemble": ("assemble", 2),
    "package": ("package", 3),
    "publish": ("publish", 4),
    "tidy": ("publish", 4),
}


@dataclass(kw_only=True)
class _Asset:
    """One asset's read_counter; weights are the jobs' own, in frames' worth of encoding."""

    name: str
    frames_total: int = 0
    fps: float = 0.0
    total: float = 0.0
    done: float = 0.0
    frames_done: float = 0.0
    running: dict[str, tuple[Job, float]] = field(default_factory=dict)
    stage: tuple[str, int] = ("inspect", 0)
    told: float = 0.0
    # Where this process began: speed and ETA speak of its own work only.
    began: float = 0.0
    began_done: float = 0.0
    began_frames: float = 0.0


class Progress:
    """Turns worker events into `AssetProgress`. Called by one thread at a time, as the worker promises."""

    def __init__(
        self,
        submitted: list[Submitted],
        *,
        plan_of: Callable[[str], Plan],
        jobs_of: Callable[[str], list[Job]],
        tell: Callable[[AssetProgress], None],
    ) -> None:
        self._plan_of, self._jobs_of, self._tell = plan_of, jobs_of, tell
        self._assets = {each.asset: _Asset(name=each.name) for each in submitted}
        for asset in self._assets:
            self._count(asset)

    def hear(self, event: WorkerEvent) -> None:
        """Take one event into account, and tell if there is something to tell."""
        asset = self._assets.get(event.job.asset)
        if asset is None or event.job.kind == _AFTERWARDS:
            return
        job = event.job
        if event.kind in {WorkerEventKind.STARTED, WorkerEventKind.PROGRESS}:
            asset.running[job.id] = (job, event.fraction)
            asset.stage = max(asset.stage, STAGES.get(job.kind, ("encode", 1)), key=lambda stage: stage[1])
        else:
            asset.running.pop(job.id, None)
        if event.kind is WorkerEventKind.FINISHED:
            if job.kind == "inspect":
                self._count(job.asset)
            else:
                asset.done += job.weight
                asset.frames_done += job.weight if job.kind == "chunk" else 0
        now = time.monotonic()
        if event.kind is not WorkerEventKind.PROGRESS or now - asset.told > _TELL_EVERY_S:
            asset.told = now
            self._tell(_view(job.asset, asset, now))

    def _count(self, name: str) -> None:
        """Read the asset's jobs from the ledger: at the start, and once its plan is there."""
        asset, jobs = self._assets[name], self._jobs_of(name)
        current = [job.spec for job in jobs if "plan" in job.spec and job.state in OPEN]
        if not current:
            return
        plan = self._plan_of(current[-1]["plan"])
        mine = [job for job in jobs if "plan" in job.spec and job.spec["ask"] == current[-1]["ask"]]
        mine = [job for job in mine if job.kind != _AFTERWARDS]
        done = [job for job in mine if job.state is State.DONE]
        asset.frames_total, asset.fps = plan.facts.video.frames, float(plan.facts.video.fps)
        asset.total = sum(job.weight for job in mine)
        asset.done = sum(job.weight for job in done)
        asset.frames_done = sum(job.weight for job in done if job.kind == "chunk")
        asset.began, asset.began_done, asset.began_frames = time.monotonic(), asset.done, asset.frames_done


def _view(name: str, asset: _Asset, now: float) -> AssetProgress:
    running = asset.running.values()
    done = asset.done + sum(job.weight * fraction for job, fraction in running)
    frames = asset.frames_done + sum(
        job.weight * fraction for job, fraction in running if job.kind == "chunk"
    )
    elapsed = now - asset.began
    rate = (done - asset.began_done) / elapsed if asset.began and elapsed > 1 else 0.0
    new_frames = frames - asset.began_frames
    speed = new_frames / asset.fps / elapsed if asset.fps and elapsed > 1 and new_frames else None
    return AssetProgress(
        asset=name,
        name=asset.name,
        stage=asset.stage[0],
        fraction=min(done / asset.total, 1.0) if asset.total else 0.0,
        frames_done=min(int(frames), asset.frames_total),
        frames_total=asset.frames_total,
        speed=speed,
        eta_s=(asset.total - done) / rate if rate > 0 else None,
    )
