"""The remaining time of an asset: a schedule of its open jobs on the slots that it can use.

Pure. The duration of a job is its weight times the rate of its kind (seconds for one unit of weight). Rates
are those of this asset's own finished and running jobs, or else of recent jobs of other assets, or else of
its chunks.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eddyline.graph.states import State
from eddyline.library.progress.snapshot import AssetSnapshot, JobGroup, RunningJobRow
from eddyline.pipeline.planning.job_kinds import JOB_KINDS, JobKind, job_kind

_MIN_FRACTION = 0.02  # of a running job, before its own rate means something
_MAX_SCHEDULED = 400  # jobs of a phase that are scheduled one by one
_REMAINDER = 0.1  # of its expected duration: the least that a job without progress is expected to take


@dataclass(frozen=True, kw_only=True)
class _Work:
    """Jobs that have not started: how many, and the seconds that each takes."""

    count: int
    seconds: float


def estimate_s(asset: AssetSnapshot, rates: Mapping[str, float], *, slots: int, now: float) -> float | None:
    """Seconds until the asset is published if `slots` of its jobs run at a time; None if unknown."""
    known = measured_rates(asset, now)
    fallback = known.get("chunk") or rates.get("chunk")
    if fallback is None and not known:
        return None
    total = 0.0
    for phase in _phases():
        durations = {kind.name: known.get(kind.name) or rates.get(kind.name) or fallback for kind in phase}
        names = set(durations)
        running = [_remaining_s(job, durations[job.kind], now) for job in asset.running if job.kind in names]
        pending = [
            _Work(count=group.count, seconds=group.weight / group.count * (durations[group.kind] or 0.0))
            for group in _in_order(asset.groups)
            if group.kind in names and group.state in {State.WAITING, State.READY} and group.count
        ]
        if any(durations[group.kind] is None for group in asset.groups if group.kind in names):
            return None
        total += _schedule_s(running, pending, max(slots, len(running), 1))
    return total


def measured_rates(asset: AssetSnapshot, now: float) -> dict[str, float]:
    """By kind, the seconds for one unit of weight in the finished and running jobs of the asset."""
    took: dict[str, float] = {}
    weight: dict[str, float] = {}
    for group in asset.groups:
        if group.state is State.DONE:
            took[group.kind] = took.get(group.kind, 0.0) + group.took_s
            weight[group.kind] = weight.get(group.kind, 0.0) + group.weight
    for job in asset.running:
        if job.fraction >= _MIN_FRACTION:
            # Progress is as old as its report.
            until = now if job.reported is None else min(job.reported, now)
            took[job.kind] = took.get(job.kind, 0.0) + max(until - job.started, 0.0)
            weight[job.kind] = weight.get(job.kind, 0.0) + job.weight * job.fraction
    return {kind: took[kind] / weight[kind] for kind in took if weight[kind] > 0 and took[kind] > 0}


def _phases() -> list[list[JobKind]]:
    """The kinds by stage, in order: a stage starts when the one before has ended."""
    stages: dict[str, list[JobKind]] = {}
    for kind in JOB_KINDS.values():
        if kind.planned and not kind.internal:
            stages.setdefault(kind.stage, []).append(kind)
    return list(stages.values())


def _in_order(groups: Sequence[JobGroup]) -> list[JobGroup]:
    return sorted(groups, key=lambda group: (job_kind(group.kind).priority, group.kind, group.state))


def _remaining_s(job: RunningJobRow, rate: float | None, now: float) -> float:
    elapsed = max(now - job.started, 0.0)
    if job.fraction >= _MIN_FRACTION:
        until = now if job.reported is None else min(job.reported, now)
        measured = max(until - job.started, 0.0) / job.fraction
        return max(measured - elapsed, 0.0)
    expected = job.weight * (rate or 0.0)
    return max(expected - elapsed, expected * _REMAINDER)


def _schedule_s(running: Sequence[float], pending: Sequence[_Work], slots: int) -> float:
    """The time until all jobs have ended, each pending one started on the slot that is free first."""
    free = [*running, *([0.0] * (slots - len(running)))]
    heapq.heapify(free)
    for work in pending:
        if work.count > _MAX_SCHEDULED:
            # So many jobs fill all slots evenly.
            each = work.count * work.seconds / slots
            mean = sum(free) / slots
            free = [max(until, mean + each) for until in free]
            heapq.heapify(free)
            continue
        for _ in range(work.count):
            heapq.heapreplace(free, free[0] + work.seconds)
    return max(free)
