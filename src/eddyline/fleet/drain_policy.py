"""Decides how a worker drains. Pure functions of notices, running jobs and the time.

A drain only becomes stricter (the earliest deadline wins), so that a duplicate notice, or several kinds of
notices about the same termination, change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from eddyline.fleet.notices import Notice, NoticeKind

ClaimKey = tuple[str, int]
"""Identifies a claim: the job's id and the fence."""


@dataclass(frozen=True, kw_only=True)
class DrainRules:
    """Times in seconds.

    `margin_s`: jobs must end this long before the drain deadline, to leave time to settle and exit.
    `container_stop_s`: time from SIGTERM to SIGKILL; ECS on Spot guarantees at most 110.
    `scale_in_s`: drain time of a scale-in: the heartbeat timeout of the lifecycle hook, if there is one.
    `rebalance_s`: how long a rebalance recommendation applies if no interruption follows.
    `starving_s`: a job that has waited this long shows that no other worker can take it.
    `probe_s`: where waiting times are unknown, new jobs are accepted for this long in every `starving_s`.
    `pessimism`: factor by which estimates of remaining time are multiplied.
    """

    margin_s: float = 10.0
    container_stop_s: float = 110.0
    scale_in_s: float = 110.0
    rebalance_s: float = 1800.0
    starving_s: float = 60.0
    probe_s: float = 4.0
    pessimism: float = 1.25


@dataclass(frozen=True, kw_only=True)
class DrainState:
    """What the notices so far say about the end of a worker; times are seconds since 1970.

    `draining`: the worker must end, by the drain deadline `deadline` if there is one. `avoid_until`: its
    machine is at elevated risk of interruption until then (rebalance recommendation).
    """

    draining: bool = False
    deadline: float | None = None
    reason: str = ""
    avoid_until: float | None = None

    def is_at_risk(self, now: float) -> bool:
        """Whether a rebalance recommendation applies and the worker does not drain already."""
        return not self.draining and self.avoid_until is not None and now < self.avoid_until


# The notices that start a drain, and the seconds until the drain deadline where the notice itself has none
# (None: no deadline).
_DRAIN_S: Mapping[NoticeKind, Callable[[DrainRules], float | None]] = {
    NoticeKind.INTERRUPTION: lambda _rules: 0.0,
    NoticeKind.SCALE_IN: lambda rules: rules.scale_in_s,
    NoticeKind.STOP: lambda rules: rules.container_stop_s,
    NoticeKind.DRAIN_COMMAND: lambda _rules: None,
}


def apply_notice(state: DrainState, notice: Notice, rules: DrainRules, *, instance: str = "") -> DrainState:
    """The state after `notice`; a notice about another machine than `instance` changes nothing."""
    if notice.instance and notice.instance != instance:
        return state
    if notice.kind is NoticeKind.REBALANCE:
        until = notice.at + rules.rebalance_s
        return replace(state, avoid_until=max(until, state.avoid_until or until))
    if notice.kind not in _DRAIN_S:
        return state
    deadline = drain_deadline(notice, rules)
    if state.draining and not _is_earlier(deadline, state.deadline):
        return state
    return replace(state, draining=True, deadline=deadline, reason=notice.reason or str(notice.kind))


def drain_deadline(notice: Notice, rules: DrainRules) -> float | None:
    """When a worker must have ended after `notice` (seconds since 1970); None: no deadline.

    This is the deadline of the notice itself, such as the time in a Spot interruption notice, or else the
    usual time of its kind.
    """
    if notice.deadline is not None:
        return notice.deadline
    drain_s = _DRAIN_S[notice.kind](rules)
    return None if drain_s is None else notice.at + drain_s


def _is_earlier(deadline: float | None, other: float | None) -> bool:
    return deadline is not None and (other is None or deadline < other)


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
    not exit: its service would only start it again on the same machine.
    """
    keys = tuple(job.key for job in jobs)
    if not state.draining:
        if state.avoid_until is None or not state.is_at_risk(now):
            return DrainActions(finish=keys)
        at_risk_s = now - (state.avoid_until - rules.rebalance_s)
        accepts = _is_starving(waiting_s, at_risk_s, rules)
        return DrainActions(phase=DrainPhase.AT_RISK, accepts_jobs=accepts, finish=keys)
    exit_by = None if state.deadline is None else state.deadline - rules.margin_s
    late = _late_jobs(jobs, now, exit_by, rules.pessimism)
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
    jobs: Sequence[JobEstimate], now: float, exit_by: float | None, pessimism: float
) -> Collection[ClaimKey]:
    """The jobs that may not end in time; all of them once the time is up."""
    if exit_by is None:
        return set()
    return {
        job.key
        for job in jobs
        if job.remaining_s is None or now >= exit_by or now + job.remaining_s * pessimism > exit_by
    }
