"""Decides how a worker drains. Pure functions of notices, running jobs and the time.

A notice either states its deadline (a Spot interruption, a drain command with a deadline, Ctrl-C), or the
worker assumes one: SIGTERM gives `container_stop_s`, a scale-in grants `scale_in_s`. Stated deadlines always
apply, the earliest first. Of the assumed ones a scale-in replaces that of SIGTERM: the drain of its instance
makes ECS send SIGTERM, and the container's stop timeout is then as long as the lifecycle hook. The order of
notices has no effect, and duplicates change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from eddyline.fleet.drain.choice import DrainRules, drain_choice
from eddyline.fleet.notices import Notice, NoticeKind

ClaimKey = tuple[str, int]
"""Identifies a claim: the job's id and the fence."""


@dataclass(frozen=True, kw_only=True)
class DrainState:
    """What the notices so far say about the end of a worker; times are seconds since 1970.

    `draining`: the worker must end, by the drain deadline `deadline` if there is one, which follows from the
    earliest `stated` deadline, the earliest end of the time that a scale-in `granted`, and the time of the
    first SIGTERM (`stopped`). `interrupted`: a notice of an interruption fixed the end of the machine.
    `avoid_until`: its machine is at elevated risk of interruption until then (rebalance recommendation).
    """

    draining: bool = False
    deadline: float | None = None
    reason: str = ""
    avoid_until: float | None = None
    stated: float | None = None
    granted: float | None = None
    stopped: float | None = None
    interrupted: bool = False

    @property
    def end_is_fixed(self) -> bool:
        """Whether the machine runs until the deadline, busy or not.

        A machine that is scaled in ends as soon as its workers exit.
        """
        return self.interrupted and self.granted is None

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
        case NoticeKind.INTERRUPTION:
            ends = notice.at if notice.deadline is None else notice.deadline
            return replace(state, stated=_earliest(state.stated, ends), interrupted=True)
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
    """Whether a worker accepts new jobs: all, those that no other worker takes, or those that surely end."""

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

    `accepts_jobs`: it takes new jobs that are expected to take at most `accepts_up_to_s` seconds (None: any
    length; 0: none). `finish`: jobs that can end in time. `hand_back`: jobs to hand back at once, for other
    workers. `exit_by`: the drain deadline less the margin (None: no deadline). `exit`: exit now.
    """

    phase: DrainPhase = DrainPhase.ACTIVE
    accepts_jobs: bool = True
    # Decreases all the time: two decisions that differ only in it are the same.
    accepts_up_to_s: float | None = field(default=None, compare=False)
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
    knows_rates: bool = False,
) -> DrainActions:
    """What a worker that runs `jobs` does at `now`.

    `waiting_s`: how long the oldest job that it could claim has waited (None: unknown). `knows_rates`: it can
    tell how long some new jobs would take. A worker at risk of interruption leaves new jobs to other workers
    as long as there are any. It stops no running job and does not exit: its service would only start it again
    on the same machine. After SIGTERM it hands no job back before a scale-in could have been noticed. On a
    machine that is interrupted it takes further jobs that surely end before it must exit.
    """
    keys = tuple(job.key for job in jobs)
    if not state.draining:
        if state.avoid_until is None or not state.is_at_risk(now):
            return DrainActions(finish=keys)
        at_risk_s = now - (state.avoid_until - rules.rebalance_s)
        accepts = _is_starving(waiting_s, at_risk_s, rules)
        return DrainActions(
            phase=DrainPhase.AT_RISK,
            accepts_jobs=accepts,
            accepts_up_to_s=None if accepts else 0.0,
            finish=keys,
        )
    if state.deadline is None:
        return DrainActions(
            phase=DrainPhase.DRAINING, accepts_jobs=False, accepts_up_to_s=0.0, finish=keys, exit=not jobs
        )
    exit_by = state.deadline - rules.margin_s
    late, accepts_s = drain_choice(
        [job.remaining_s for job in jobs], exit_by - now, rules, interrupted=state.end_is_fixed
    )
    if now < exit_by and _may_be_extended(state, now, rules):
        late = []
    back = {jobs[index].key for index in late}
    accepts_s = accepts_s if knows_rates else 0.0
    return DrainActions(
        phase=DrainPhase.DRAINING,
        accepts_jobs=accepts_s > 0,
        accepts_up_to_s=accepts_s,
        finish=tuple(key for key in keys if key not in back),
        hand_back=tuple(key for key in keys if key in back),
        exit_by=exit_by,
        exit=now >= exit_by or not (jobs or accepts_s > 0),
    )


def _is_starving(waiting_s: float | None, at_risk_s: float, rules: DrainRules) -> bool:
    """Whether jobs wait that no other worker takes, as far as this worker can tell.

    An SQS queue does not report how long its messages wait. But idle workers take a job as soon as it is
    available: if this worker gets one during a short probe, none is idle.
    """
    if waiting_s is not None:
        return waiting_s >= rules.starving_s
    return at_risk_s % rules.starving_s >= rules.starving_s - rules.probe_s
