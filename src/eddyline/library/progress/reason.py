"""The reason for the state of an asset, as a sentence: what is done, or what it waits for. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from eddyline.fleet.pool_coverage import pool_of_worker
from eddyline.fleet.pools import Pools
from eddyline.graph.states import State
from eddyline.library.progress.snapshot import (
    MAX_AHEAD,
    AssetSnapshot,
    JobGroup,
    QueuedJobs,
    RunningJobRow,
    Snapshot,
)
from eddyline.pipeline.planning.job_kinds import furthest_stage, job_kind

_SILENT_S = 600.0  # without progress, before the reason says so
_MAX_ERROR = 300  # characters
_UNITS = {"chunk": ("encoding", "chunk"), "assemble": ("assembling", "rendition")}
_DOING = {
    "inspect": "inspecting the source",
    "analyze": "analyzing the source with probe encodes",
    "ladder": "choosing the renditions",
    "poster": "making the poster",
    "pictures": "making the thumbnails",
    "telemetry": "reading the telemetry",
    "samples": "decoding frames for verification",
    "audio": "encoding the audio",
    "preview": "making the preview",
    "extend": "extending the preview",
    "subtitles": "converting the subtitles",
    "package": "packaging for streaming",
    "quality": "measuring the quality",
    "publish": "publishing",
}


def describe(asset: AssetSnapshot, snapshot: Snapshot, pools: Pools) -> str:
    """Why an asset that is being processed is where it is; never empty."""
    if asset.running:
        return _describe_running(asset, snapshot, pools)
    if asset.queued:
        return _describe_queued(asset.queued, snapshot, pools)
    return _describe_stopped(asset)


def _describe_stopped(asset: AssetSnapshot) -> str:
    """Why none of the asset's jobs runs or is due."""
    if asset.retries:
        first = asset.retries[0]
        after = f" after: {_shorten(first.error)}" if first.error else ""
        return f"waiting for the retry of a job at {_time(first.at)}{after}"
    if asset.dead is not None:
        return f"failed: {_shorten(asset.dead.error) or f'job {asset.dead.job_id}'}"
    if any(group.state is State.WAITING for group in asset.groups):
        return "waiting: none of its jobs is ready, because they depend on jobs that have not ended"
    if not asset.groups:
        return "waiting: it has no jobs; submit it again"
    return "finishing: all jobs have ended"


def stage_of(asset: AssetSnapshot) -> str:
    """The furthest stage of jobs that run or are done, such as "encode"."""
    started = [
        job_kind(group.kind).stage
        for group in asset.groups
        if group.state in {State.RUNNING, State.DONE} and not job_kind(group.kind).internal
    ]
    has_plan = any(job_kind(group.kind).planned for group in asset.groups)
    return furthest_stage([*started, "encode" if has_plan else "inspect"])


def serves(worker: str, pool: str, pools: Pools) -> bool:
    """Whether a worker claims jobs of a pool; one without a pool in its name (an embedded run) serves all."""
    own = pool_of_worker(worker)
    if own is None:
        return True
    return pool in (pools.pools[own].served if own in pools.pools else (own,))


def unserved(asset: AssetSnapshot, snapshot: Snapshot, pools: Pools) -> list[QueuedJobs]:
    """The due jobs in pools that no live worker serves."""
    alive = [worker.name for worker in snapshot.workers.values() if worker.alive]
    return [each for each in asset.queued if not any(serves(name, each.pool, pools) for name in alive)]


def _describe_running(asset: AssetSnapshot, snapshot: Snapshot, pools: Pools) -> str:
    workers = sorted({job.worker for job in asset.running})
    gone = [name for name in workers if name not in snapshot.workers or not snapshot.workers[name].alive]
    if len(gone) == len(workers):
        return _describe_lost(asset.running, gone, snapshot)
    parts = [_describe_work(asset.groups, asset.running), _on(workers)]
    latest = max(
        job.started if job.reported is None else max(job.reported, job.started) for job in asset.running
    )
    if snapshot.now - latest >= _SILENT_S:
        parts.append(f"without progress for {_span(snapshot.now - latest)}")
    text = ", ".join(parts)
    missing = unserved(asset, snapshot, pools)
    if missing:
        text += "; " + _describe_unserved(missing)
    return text


def _describe_lost(running: Sequence[RunningJobRow], gone: Sequence[str], snapshot: Snapshot) -> str:
    known = snapshot.workers.get(gone[0])
    since = (
        "" if known is None else f" for {_span(max(snapshot.now - known.deadline, 0.0))} longer than allowed"
    )
    jobs = _count(len(running), "job")
    return (
        f"waiting: worker {gone[0]}, which runs {jobs}, has not reported{since}; other workers will run them"
    )


def _describe_work(groups: Sequence[JobGroup], running: Sequence[RunningJobRow]) -> str:
    """What the jobs of the furthest stage do."""
    kinds = {job.kind for job in running}
    stage = furthest_stage([job_kind(kind).stage for kind in kinds])
    current = [kind for kind in kinds if job_kind(kind).stage == stage]
    for kind, (doing, unit) in _UNITS.items():
        if kind in current:
            own = [group for group in groups if group.kind == kind and group.state is not State.CANCELLED]
            total = sum(group.count for group in own)
            done = sum(group.count for group in own if group.state is State.DONE)
            return f"{doing}, {done:,} of {_count(total, unit)} done"
    return " and ".join(_DOING.get(kind, f"running {kind}") for kind in sorted(current)[:2])


def _on(workers: Collection[str]) -> str:
    return f"on worker {next(iter(workers))}" if len(workers) == 1 else f"on {len(workers)} workers"


def _describe_queued(queued: Sequence[QueuedJobs], snapshot: Snapshot, pools: Pools) -> str:
    missing = unserved(AssetSnapshot(queued=list(queued)), snapshot, pools)
    served = [each for each in queued if each not in missing]
    if not served:
        return f"waiting: {_describe_unserved(missing)}"
    ahead = min(each.ahead or 0 for each in served)
    if ahead >= MAX_AHEAD:
        return f"queued behind more than {MAX_AHEAD} jobs"
    if ahead:
        return f"queued behind {_count(ahead, 'job')}"
    first = min(served, key=lambda each: (each.ahead or 0, each.pool))
    busy = sum(
        worker.running
        for worker in snapshot.workers.values()
        if worker.alive and serves(worker.name, first.pool, pools)
    )
    if busy:
        return f"next in the queue of the pool {first.pool}, whose workers run {_count(busy, 'job')}"
    return f"next in the queue of the pool {first.pool}"


def _describe_unserved(missing: Sequence[QueuedJobs]) -> str:
    first = missing[0]
    return (
        f"no worker serves the pool {first.pool}, where {_count(first.count, 'job')} of it can start; "
        f"start one with `eddyline worker --pool {first.pool}`"
    )


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MAX_ERROR else line[: _MAX_ERROR - 3] + "..."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC")


def _span(seconds: float) -> str:
    if seconds < 120:  # noqa: PLR2004 - two minutes
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
