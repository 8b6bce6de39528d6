"""Decides how a worker drains. Pure functions of notices, running jobs and the time.

A notice either states its deadline (a Spot interruption, a drain command with a deadline, Ctrl-C), or the
worker assumes one: SIGTERM gives `container_stop_s`, a scale-in grants `scale_in_s`. Stated deadlines always
apply, the earliest first. Of the assumed ones a scale-in replaces that of SIGTERM: the drain of its instance
makes ECS send SIGTERM, and the container's stop timeout is then as long as the lifecycle hook. The order of
notices has no effect, and duplicates change nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from eddyline.fleet.notices import Notice, NoticeKind

ClaimKey = tuple[str, int]
"""Identifies a claim: the job's id and the fence."""

_METADATA_WAIT_S = 8.0
"""A poll of the instance metadata (every 5 s) and its requests, each of which takes up to 1 s."""


class DrainTimes(Protocol):
    """The drain times of a pool (`capacity` in pools.yaml), in seconds."""

    @property
    def stop_s(self) -> float:
        """From SIGTERM to SIGKILL, if nothing else is known."""
        ...

    @property
    def hook_s(self) -> float:
        """The time that a scale-in grants to running jobs: the heartbeat timeout of the lifecycle hook."""
        ...


@dataclass(frozen=True, kw_only=True)
class DrainRules:
    """Times in seconds.

    `margin_s`: jobs must end this long before the drain deadline, to leave time to settle and exit.
    `container_stop_s`: time from SIGTERM to SIGKILL; ECS on Spot guarantees at most 110.
    `scale_in_s`: time that a scale-in grants: the heartbeat timeout of the lifecycle hook, if there is one.
    `scale_in_wait_s`: after SIGTERM no job is handed back for this long, because the notice of the scale-in
    that caused it may follow, which grants more time.
    `unknown_s`: a job whose remaining time is unknown is handed back once no more than this is left.
    `rebalance_s`: how long a rebalance recommendation applies if no interruption follows.
    `starving_s`: a job that has waited this long shows that no other worker can take it.
    `probe_s`: where waiting times are unknown, new jobs are accepted for this long in every `starving_s`.
    `pessimism`: factor by which estimates of remaining time are multiplied.
    """

    margin_s: float = 10.0
    container_stop_s: float = 110.0
    scale_in_s: float = 110.0
    scale_in_wait_s: float = 0.0
    unknown_s: float = 110.0
    rebalance_s: float = 1800.0
    starving_s: float = 60.0
    probe_s: float = 4.0
    pessimism: float = 1.25

    @classmethod
    def for_pool(cls, times: DrainTimes, *, has_metadata: bool) -> DrainRules:
        """The rules of a pool; `has_metadata`: the instance metadata would announce a scale-in."""
        may_be_extended = has_metadata and times.hook_s > times.stop_s
        return cls(
            container_stop_s=times.stop_s,
            scale_in_s=times.hook_s,
            scale_in_wait_s=_METADATA_WAIT_S if may_be_extended else 0.0,
        )


@dataclass(frozen=True, kw_only=True)
class DrainState:
    """What the notices so far say about the end of a worker; times are seconds since 1970.

    `draining`: the worker must end, by the drain deadline `deadline` if there is one, which follows from the
    earliest `stated` deadline, the earliest end of the time that a scale-in `granted`, and the time of the
    first SIGTERM (`stopped`). `avoid_until`: its machine is at elevated risk of interruption until then
    (rebalance recommendation).
    """

    draining: bool = False
    deadline: float | None = None
    reason: str = ""
    avoid_until: float | None = None
    stated: float | None = None
    granted: float | None = None
    stopped: float | None = None

    def is_at_risk(self, now: float) -> bool:
        """Whether a rebalance recommendation applies and the worker does not drain already."""
        return not self.draining and self.avoid_until is not None and now < self.avoid_until


_DRAINING = frozenset(
    {NoticeKind.INTERRUPTION, NoticeKind.SCALE_IN, NoticeKind.STOP, NoticeKind.DRAIN_COMMAND}
)
"""The kinds of notices that start a drain."""


def apply_notice(state: DrainState, notice: Notice, rules: DrainRules, *, instance: str = "") -> DrainState:
    """The state after `notice`; a notice about another machine than `instance` changes nothing."""
    if notice.instance and notice.instance != instance:
        return state
    if notice.kind is NoticeKind.REBALANCE:
        until = notice.at + rules.rebalance_s
        return replace(state, avoid_until=max(until, state.avoid_until or until))
    if notice.kind not in _DRAINING:
        return state
    after = _record(state, notice, rules)
    after = replace(after, draining=True, deadline=drain_deadline(after, rules))
    if state.draining and after.deadline == state.deadline:
        return after
    return replace(after, reason=notice.reason or str(notice.kind))


def _record(state: DrainState, notice: Notice, rules: DrainRules) -> DrainState:
    """The state with what a notice says about the end, and the earlier deadline."""
    match notice.kind:
        case NoticeKind.SCALE_IN:
            ends = notice.at + rules.scale_in_s if notice.deadline is None else notice.deadline
            return replace(state, granted=_earliest(state.granted, ends))
        case NoticeKind.STOP if notice.deadline is None:
            return replace(state, stopped=_earliest(state.stopped, notice.at))
        case NoticeKind.INTERRUPTION if notice.deadline is None:
            return replace(state, stated=_earliest(state.stated, notice.at))
        case _:
            return replace(state, stated=_earliest(state.stated, notice.deadline))


def drain_deadline(state: DrainState, rules: DrainRules) -> float | None:
    """When a worker must have ended (seconds since 1970); None: no deadline."""
    stop_s = rules.container_stop_s
    if state.granted is not None:
        stop_s = max(stop_s, rules.scale_in_s)
    killed = None if state.stopped is None else state.stopped + stop_s
    return _earliest(state.stated, state.granted, killed)


def _earliest(*deadlines: float | None) -> float | None:
    return min((deadline for deadline in deadlines if deadline is not None), default=None)


def _may_be_extended(state: DrainState, now: float, rules: DrainRules) -> bool:
    """Whether only SIGTERM gives the deadline, and the notice of a scale-in may follow."""
    if state.stopped is None or state.granted is not None or state.stated is not None:
        return False
    return now < state.stopped + rules.scale_in_wait_s


class DrainPhase(StrEnum):
    """Whether a worker accepts new jobs: yes, only jobs that no other worker takes, or no."""

    ACTIVE = "active"
    AT_RISK = "at-risk"
    DRAINING = "draining"


@dataclass(frozen=True, kw_only=True)
class JobEstimate:
    """A running job; `remaining_s` None: unknown."""

    key: ClaimKey
    remaining_s: float | None


@dataclass(frozen=True, kw_only=True)
class DrainActions:
    """What a worker does now.

    `finish`: jobs that can end in time. `hand_back`: jobs to hand back at once, for other workers. `exit_by`:
    the drain deadline less the margin (None: no deadline). `exit`: exit now.
    """

    phase: DrainPhase = DrainPhase.ACTIVE
    accepts_jobs: bool = True
    finish: tuple[ClaimKey, ...] = ()
    hand_back: tuple[ClaimKey, ...] = ()
    exit_by: float | None = None
    exit: bool = False


def decide(
    state: DrainState,
    jobs: Sequence[JobEstimate],
    now: float,
    rules: DrainRules,
    *,
    waiting_s: float | None = None,
) -> DrainActions:
    """What a worker that runs `jobs` does at `now`.

    `waiting_s`: how long the oldest job that it could claim has waited (None: unknown). A worker at risk of
    interruption leaves new jobs to other workers as long as there are any. It stops no running job and does
    not exit: its service would only start it again on the same machine. After SIGTERM it hands no job back
    before a scale-in could have been noticed.
    """
    keys = tuple(job.key for job in jobs)
    if not state.draining:
        if state.avoid_until is None or not state.is_at_risk(now):
            return DrainActions(finish=keys)
        at_risk_s = now - (state.avoid_until - rules.rebalance_s)
        accepts = _is_starving(waiting_s, at_risk_s, rules)
        return DrainActions(phase=DrainPhase.AT_RISK, accepts_jobs=accepts, finish=keys)
    exit_by = None if state.deadline is None else state.deadline - rules.margin_s
    late = _late_jobs(jobs, now, exit_by, rules)
    if exit_by is not None and now < exit_by and _may_be_extended(state, now, rules):
        late = set()
    return DrainActions(
        phase=DrainPhase.DRAINING,
        accepts_jobs=False,
        finish=tuple(key for key in keys if key not in late),
        hand_back=tuple(key for key in keys if key in late),
        exit_by=exit_by,
        exit=not jobs or (exit_by is not None and now >= exit_by),
    )


def _is_starving(waiting_s: float | None, at_risk_s: float, rules: DrainRules) -> bool:
    """Whether jobs wait that no other worker takes, as far as this worker can tell.

    An SQS queue does not report how long its messages wait. But idle workers take a job as soon as it is
    available: if this worker gets one during a short probe, none is idle.
    """
    if waiting_s is not None:
        return waiting_s >= rules.starving_s
    return at_risk_s % rules.starving_s >= rules.starving_s - rules.probe_s


def _late_jobs(
    jobs: Sequence[JobEstimate], now: float, exit_by: float | None, rules: DrainRules
) -> Collection[ClaimKey]:
    """The jobs that may not end in time; all of them once the time is up."""
    if exit_by is None:
        return set()
    left_s = exit_by - now
    if left_s <= 0:
        return {job.key for job in jobs}
    return {job.key for job in jobs if _needed_s(job, rules) >= left_s}


def _needed_s(job: JobEstimate, rules: DrainRules) -> float:
    return rules.unknown_s if job.remaining_s is None else job.remaining_s * rules.pessimism
