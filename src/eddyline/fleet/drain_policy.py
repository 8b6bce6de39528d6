"""What a worker does about its end. Pure: notices, jobs in hand and the time go in, actions come out.

Everything only tightens (the earliest deadline wins), so that the same notice heard twice, or the same end
announced in several ways, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from eddyline.fleet.notices import Notice, NoticeKind


@dataclass(frozen=True, kw_only=True)
class DrainRules:
    """All in seconds.

    `margin_s`: what ends, ends so long before the deadline: time to give the answer and to exit.
    `container_stop_s`: from SIGTERM to SIGKILL; ECS on Spot can promise no more than 110.
    `scale_in_s`: how long a scale-in waits: the lifecycle hook's heartbeat timeout, if there is one.
    `rebalance_s`: how long a recommendation is heeded if nothing comes of it.
    `starving_s`: a job that has waited so long shows that no other worker can take it.
    `probe_s`: where nobody knows how long jobs wait, new work is taken so long in every `starving_s`.
    `pessimism`: estimates are multiplied by it.
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
    """What is known of a worker's end; times are seconds since 1970.

    `leaving`: it was told to go, by `deadline` if that is known. `avoid_until`: until then it is likely to be
    told soon.
    """

    leaving: bool = False
    deadline: float | None = None
    reason: str = ""
    avoid_until: float | None = None


def apply_notice(
    standing: DrainState, notice: Notice, rules: DrainRules, *, instance: str = ""
) -> DrainState:
    """What is known after `notice`; one about another machine than `instance` changes nothing."""
    if notice.instance and notice.instance != instance:
        return standing
    if notice.kind is NoticeKind.REBALANCE:
        until = notice.at + rules.rebalance_s
        return replace(standing, avoid_until=max(until, standing.avoid_until or until))
    if notice.kind not in _ENDS:
        return standing
    usual_s = _ENDS[notice.kind](rules)
    return _leave(standing, notice, None if usual_s is None else notice.at + usual_s)


# What ends a worker, and in how many seconds where the notice itself names no deadline (None: no hurry).
_ENDS: Mapping[NoticeKind, Callable[[DrainRules], float | None]] = {
    NoticeKind.INTERRUPTION: lambda _rules: 0.0,
    NoticeKind.SCALE_IN: lambda rules: rules.scale_in_s,
    NoticeKind.STOP: lambda rules: rules.container_stop_s,
    NoticeKind.ASKED: lambda _rules: None,
}


def _leave(standing: DrainState, notice: Notice, usual: float | None) -> DrainState:
    deadline = notice.deadline if notice.deadline is not None else usual
    if standing.leaving and (deadline is None or deadline >= _or_never(standing.deadline)):
        return standing
    return replace(standing, leaving=True, deadline=deadline, reason=notice.reason or str(notice.kind))


def _or_never(deadline: float | None) -> float:
    return float("inf") if deadline is None else deadline


class DrainPhase(StrEnum):
    """How a worker stands to new work."""

    OPEN = "open"
    RELUCTANT = "reluctant"
    LEAVING = "leaving"


ClaimKey = tuple[str, int]
"""A claim: the job's id and the fence."""


@dataclass(frozen=True, kw_only=True)
class JobEstimate:
    """A job that runs; `remaining_s` None: nobody knows how long."""

    key: ClaimKey
    remaining_s: float | None


@dataclass(frozen=True, kw_only=True)
class DrainActions:
    """What to do now.

    `hand_back`: stop these at once, others will do them. `finish`: they end in time. `exit_by`: when the
    worker must be gone, less the margin (None: nobody waits). `exit`: go now.
    """

    stance: DrainPhase = DrainPhase.OPEN
    takes_new: bool = True
    finish: tuple[ClaimKey, ...] = ()
    hand_back: tuple[ClaimKey, ...] = ()
    exit_by: float | None = None
    exit: bool = False


def decide(
    standing: DrainState,
    hands: Sequence[JobEstimate],
    now: float,
    rules: DrainRules,
    *,
    waiting_s: float | None = None,
) -> DrainActions:
    """What a worker does with `hands` at `now`.

    `waiting_s`: how long the oldest job that it might take has waited (None: not known). A worker that is
    likely to be interrupted leaves new work to others as long as there are any; it ends nothing that runs,
    and does not exit: that would only have it started again on the same machine.
    """
    if not standing.leaving:
        keys = tuple(hand.key for hand in hands)
        if standing.avoid_until is None or now >= standing.avoid_until:
            return DrainActions(finish=keys)
        takes = _others_cannot(waiting_s, now - (standing.avoid_until - rules.rebalance_s), rules)
        return DrainActions(stance=DrainPhase.RELUCTANT, takes_new=takes, finish=keys)
    exit_by = None if standing.deadline is None else standing.deadline - rules.margin_s
    late = _too_late(hands, now, exit_by, rules.pessimism)
    return DrainActions(
        stance=DrainPhase.LEAVING,
        takes_new=False,
        finish=tuple(hand.key for hand in hands if hand.key not in late),
        hand_back=tuple(hand.key for hand in hands if hand.key in late),
        exit_by=exit_by,
        exit=not hands or (exit_by is not None and now >= exit_by),
    )


def _others_cannot(waiting_s: float | None, shunned_s: float, rules: DrainRules) -> bool:
    """Whether work is left lying, as far as can be seen from here.

    A queue does not tell how long its jobs wait. But idle workers take a job the moment it comes: if one is
    to be had in a short probe now and then, there are none.
    """
    if waiting_s is not None:
        return waiting_s >= rules.starving_s
    return shunned_s % rules.starving_s >= rules.starving_s - rules.probe_s


def _too_late(
    hands: Sequence[JobEstimate], now: float, exit_by: float | None, pessimism: float
) -> Collection[ClaimKey]:
    """What does not surely end in time; all of it once time is up."""
    if exit_by is None:
        return set()
    return {
        hand.key
        for hand in hands
        if hand.remaining_s is None or now >= exit_by or now + hand.remaining_s * pessimism > exit_by
    }
