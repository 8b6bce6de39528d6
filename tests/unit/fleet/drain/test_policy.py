"""Decisions of a worker about its end: pure functions of notices, estimates and the time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.aws.ec2_metadata import POLL_S
from eddyline.fleet.drain.choice import DrainRules
from eddyline.fleet.drain.job_estimate import JobProgress, JobRates
from eddyline.fleet.drain.policy import DrainPhase, DrainState, JobEstimate, apply_notice, decide
from eddyline.fleet.notices import Notice, NoticeKind, drain_command_notice, sigterm_notice

NOW = 1_772_366_400.0
RULES = DrainRules()
A, B, C = ("a", 1), ("b", 1), ("c", 1)


def _spot(at: float = NOW, deadline: float | None = NOW + 120, instance: str = "") -> Notice:
    return Notice(kind=NoticeKind.INTERRUPTION, at=at, deadline=deadline, instance=instance, reason="Spot")


def _rebalance(at: float = NOW) -> Notice:
    return Notice(kind=NoticeKind.REBALANCE, at=at)


def _scale_in(at: float = NOW) -> Notice:
    return Notice(kind=NoticeKind.SCALE_IN, at=at, reason="scale-in")


def _after(*notices: Notice, instance: str = "", rules: DrainRules = RULES) -> DrainState:
    state = DrainState()
    for notice in notices:
        state = apply_notice(state, notice, rules, instance=instance)
    return state


@dataclass(frozen=True, kw_only=True)
class Times:
    """The drain times of a pool."""

    stop_s: float = 110.0
    hook_s: float = 900.0


POOL = DrainRules.for_pool(Times(), has_metadata=True)


def test_a_worker_without_notices_continues() -> None:
    actions = decide(DrainState(), [JobEstimate(key=A, remaining_s=None)], NOW, RULES)
    assert (actions.accepts_jobs, actions.finish, actions.hand_back, actions.exit) == (True, (A,), (), False)


def test_jobs_that_end_in_time_are_finished_and_others_are_handed_back_immediately() -> None:
    jobs = [
        JobEstimate(key=A, remaining_s=60.0),
        JobEstimate(key=B, remaining_s=115.0),
        JobEstimate(key=C, remaining_s=None),
    ]
    actions = decide(_after(_spot()), jobs, NOW, RULES)
    assert not actions.accepts_jobs
    assert (actions.finish, actions.hand_back) == ((A,), (B, C))
    assert actions.exit_by == NOW + 110
    assert not actions.exit


def test_estimates_have_a_safety_margin() -> None:
    # 100 s are left before the margin; an estimate of 85 s may be too low.
    (job,) = jobs = [JobEstimate(key=A, remaining_s=85.0)]
    assert decide(_after(sigterm_notice(NOW)), jobs, NOW, RULES).hand_back == (job.key,)
    # An interrupted machine runs to its end anyway: handing the job back would leave its slot idle.
    assert decide(_after(_spot(deadline=NOW + 110)), jobs, NOW, RULES).finish == (job.key,)


def test_an_interrupted_worker_takes_further_jobs_while_they_can_end_in_time() -> None:
    state = _after(_spot())
    first = decide(state, [], NOW, RULES, knows_rates=True)
    assert first.accepts_up_to_s is not None
    assert (first.accepts_jobs, first.accepts_up_to_s * RULES.pessimism, first.exit) == (True, 109.0, False)
    # Without rates it cannot tell, and with nothing to do it exits.
    unknown = decide(state, [], NOW, RULES)
    assert (unknown.accepts_jobs, unknown.accepts_up_to_s, unknown.exit) == (False, 0.0, True)
    last = decide(state, [], NOW + 109, RULES, knows_rates=True)
    assert (last.accepts_jobs, last.accepts_up_to_s, last.exit) == (False, 0.0, True)
    # Decisions are logged when they change, not whenever time has passed.
    assert decide(state, [], NOW + 1, RULES, knows_rates=True) == first


def test_only_a_machine_whose_end_is_fixed_takes_further_jobs() -> None:
    for notices in (
        (sigterm_notice(NOW),),
        (_scale_in(),),
        (_scale_in(), _spot()),  # it ends earlier if its jobs do
        (drain_command_notice(NOW, "by an operator", NOW + 120),),
        (drain_command_notice(NOW, "by an operator"),),
    ):
        actions = decide(_after(*notices), [], NOW, RULES, knows_rates=True)
        assert (actions.accepts_jobs, actions.accepts_up_to_s, actions.exit) == (False, 0.0, True)
    # ECS sends SIGTERM to the tasks of an instance that is interrupted.
    actions = decide(_after(_spot(), sigterm_notice(NOW + 2)), [], NOW + 3, RULES, knows_rates=True)
    assert actions.accepts_jobs
    assert decide(DrainState(), [], NOW, RULES).accepts_up_to_s is None
    assert decide(_after(_rebalance()), [], NOW, RULES, waiting_s=0.0).accepts_up_to_s == 0.0
    assert decide(_after(_rebalance()), [], NOW, RULES, waiting_s=60.0).accepts_up_to_s is None


def test_a_job_that_becomes_too_slow_is_handed_back_later() -> None:
    state = _after(_spot())
    assert decide(state, [JobEstimate(key=A, remaining_s=80.0)], NOW, RULES).finish == (A,)
    assert decide(state, [JobEstimate(key=A, remaining_s=70.0)], NOW + 50, RULES).hand_back == (A,)


def test_a_draining_worker_without_jobs_exits_immediately() -> None:
    assert decide(_after(sigterm_notice(NOW)), [], NOW, RULES).exit


def test_a_worker_exits_at_its_deadline() -> None:
    actions = decide(_after(_spot()), [JobEstimate(key=A, remaining_s=0.1)], NOW + 110, RULES)
    assert actions.exit
    assert actions.hand_back == (A,)


def test_a_container_has_110_seconds_from_sigterm() -> None:
    actions = decide(_after(sigterm_notice(NOW)), [JobEstimate(key=A, remaining_s=1.0)], NOW, RULES)
    assert actions.exit_by == NOW + 100


def test_hibernation_hands_back_all_jobs() -> None:
    actions = decide(_after(_spot(deadline=NOW)), [JobEstimate(key=A, remaining_s=0.1)], NOW, RULES)
    assert (actions.hand_back, actions.exit) == ((A,), True)


def test_an_interruption_without_a_deadline_has_the_time_of_the_notice() -> None:
    assert _after(_spot(deadline=None)).deadline == NOW


def test_after_a_drain_command_all_jobs_are_finished() -> None:
    actions = decide(
        _after(drain_command_notice(NOW, "maintenance")),
        [JobEstimate(key=A, remaining_s=None)],
        NOW + 9_999,
        RULES,
    )
    assert (actions.accepts_jobs, actions.finish, actions.exit) == (False, (A,), False)


def test_an_interruption_adds_a_deadline_to_a_drain_command() -> None:
    assert _after(drain_command_notice(NOW, "maintenance"), _spot()).deadline == NOW + 120


def test_a_later_notice_does_not_postpone_the_deadline() -> None:
    # The Spot warning, the SIGTERM of ECS 30 s later, then the lifecycle hook of the Auto Scaling group.
    notices = (
        _spot(),
        sigterm_notice(NOW + 30),
        Notice(kind=NoticeKind.SCALE_IN, at=NOW + 31),
        drain_command_notice(NOW + 32, "by job"),
        _rebalance(NOW + 40),
    )
    assert _after(*notices).deadline == NOW + 120
    assert decide(_after(*notices), [], NOW + 41, RULES).phase is DrainPhase.DRAINING


def test_the_earlier_deadline_applies_in_any_order() -> None:
    assert _after(sigterm_notice(NOW), _spot(deadline=NOW + 40)).deadline == NOW + 40
    assert _after(_spot(deadline=NOW + 40), sigterm_notice(NOW)).deadline == NOW + 40


def test_the_rules_of_a_pool_have_its_times() -> None:
    assert (POOL.container_stop_s, POOL.scale_in_s) == (110.0, 900.0)
    assert POOL.scale_in_wait_s > POLL_S
    # Where nothing could grant more time, nothing is waited for.
    assert DrainRules.for_pool(Times(), has_metadata=False).scale_in_wait_s == 0
    assert DrainRules.for_pool(Times(hook_s=60.0), has_metadata=True).scale_in_wait_s == 0


def test_a_job_of_300_seconds_survives_a_scale_in_and_the_sigterm_that_follows() -> None:
    state = _after(_scale_in(), sigterm_notice(NOW + 3), rules=POOL)
    for second in range(300):
        jobs = [JobEstimate(key=A, remaining_s=300.0 - second)]
        actions = decide(state, jobs, NOW + second, POOL)
        assert (actions.accepts_jobs, actions.finish, actions.exit) == (False, (A,), False)
    assert decide(state, [], NOW + 300, POOL).exit


def test_a_job_of_unknown_length_uses_the_time_that_a_scale_in_grants() -> None:
    state, job = _after(_scale_in(), rules=POOL), [JobEstimate(key=A, remaining_s=None)]
    # 890 s are granted; 110 s before their end the job is handed back.
    assert decide(state, job, NOW + 779, POOL).finish == (A,)
    assert decide(state, job, NOW + 780, POOL).hand_back == (A,)
    assert decide(_after(_scale_in(), _spot(), rules=POOL), job, NOW, POOL).hand_back == (A,)


def test_a_scale_in_noticed_after_its_sigterm_grants_the_time_of_the_hook() -> None:
    before = _after(sigterm_notice(NOW), rules=POOL)
    jobs = [JobEstimate(key=A, remaining_s=300.0), JobEstimate(key=B, remaining_s=None)]
    # Until the scale-in can have been noticed, no job is handed back, and none is claimed.
    for seconds in (0.0, POLL_S, POLL_S + 2.0):
        actions = decide(before, jobs, NOW + seconds, POOL)
        assert (actions.accepts_jobs, actions.finish, actions.exit) == (False, (A, B), False)
    state = apply_notice(before, _scale_in(NOW + 5), POOL)
    assert state.reason == "scale-in"
    assert decide(state, jobs[:1], NOW + 10, POOL).finish == (A,)


def test_sigterm_without_a_scale_in_hands_back_what_does_not_end_in_110_seconds() -> None:
    state = _after(sigterm_notice(NOW), rules=POOL)
    jobs = [JobEstimate(key=A, remaining_s=60.0), JobEstimate(key=B, remaining_s=300.0)]
    actions = decide(state, jobs, NOW + POOL.scale_in_wait_s, POOL)
    assert (actions.finish, actions.hand_back, actions.exit_by) == ((A,), (B,), NOW + 100)
    assert decide(state, [], NOW, POOL).exit


def test_stated_deadlines_do_not_wait_for_a_scale_in() -> None:
    job = [JobEstimate(key=A, remaining_s=300.0)]
    ctrl_c = Notice(kind=NoticeKind.STOP, at=NOW, deadline=NOW, reason="Ctrl-C")
    for notice in (_spot(), ctrl_c, drain_command_notice(NOW, "interruption", NOW + 120)):
        state = _after(sigterm_notice(NOW), notice, rules=POOL)
        assert decide(state, job, NOW, POOL).hand_back == (A,)
        assert state.deadline == min(notice.deadline or NOW, NOW + 110)


def test_a_wait_for_a_scale_in_ends_at_the_deadline() -> None:
    rules = DrainRules.for_pool(Times(stop_s=12.0), has_metadata=True)
    state = _after(sigterm_notice(NOW), rules=rules)
    actions = decide(state, [JobEstimate(key=A, remaining_s=5.0)], NOW + 2, rules)
    assert (actions.hand_back, actions.exit) == ((A,), True)


def test_a_spot_notice_tightens_what_a_scale_in_granted() -> None:
    for notices in permutations((_scale_in(), sigterm_notice(NOW + 2), _spot(NOW + 30, NOW + 150))):
        assert _after(*notices, rules=POOL).deadline == NOW + 150


def test_a_drain_command_with_a_deadline_tightens_one_without() -> None:
    open_ended = drain_command_notice(NOW, "maintenance")
    assert _after(open_ended, drain_command_notice(NOW, "interruption", NOW + 90)).deadline == NOW + 90
    assert _after(drain_command_notice(NOW, "interruption", NOW + 90), open_ended).deadline == NOW + 90


def test_a_container_is_killed_a_hook_time_after_sigterm_although_the_scale_in_came_later() -> None:
    # ECS kills the container its stop timeout after SIGTERM, which is the time of the hook.
    assert _after(sigterm_notice(NOW), _scale_in(NOW + 60), rules=POOL).deadline == NOW + 900


def test_notices_about_another_machine_are_ignored() -> None:
    assert _after(_spot(instance="i-0123456789abcdef0"), instance="i-0fedcba9876543210") == DrainState()
    assert _after(_spot(instance="i-0123456789abcdef0"), instance="i-0123456789abcdef0").draining


def test_notices_of_launched_and_terminated_machines_change_nothing() -> None:
    assert (
        _after(Notice(kind=NoticeKind.LAUNCHED, at=NOW), Notice(kind=NoticeKind.TERMINATED, at=NOW))
        == DrainState()
    )


def test_a_rebalance_recommendation_stops_claims_but_no_running_job() -> None:
    actions = decide(_after(_rebalance()), [JobEstimate(key=A, remaining_s=None)], NOW, RULES)
    assert (actions.phase, actions.accepts_jobs) == (DrainPhase.AT_RISK, False)
    assert (actions.finish, actions.hand_back, actions.exit) == ((A,), (), False)


def test_a_worker_at_risk_does_not_exit() -> None:
    assert not decide(_after(_rebalance()), [], NOW + 100, RULES).exit


def test_a_worker_at_risk_accepts_jobs_that_have_waited_too_long() -> None:
    state = _after(_rebalance())
    assert not decide(state, [], NOW + 1, RULES, waiting_s=59.0).accepts_jobs
    assert decide(state, [], NOW + 1, RULES, waiting_s=61.0).accepts_jobs


def test_a_worker_at_risk_probes_periodically_if_the_waiting_time_is_unknown() -> None:
    state = _after(_rebalance())
    accepting = [second for second in range(180) if decide(state, [], NOW + second, RULES).accepts_jobs]
    assert accepting == [56, 57, 58, 59, 116, 117, 118, 119, 176, 177, 178, 179]


def test_a_recommendation_without_an_interruption_expires() -> None:
    actions = decide(_after(_rebalance()), [], NOW + RULES.rebalance_s, RULES)
    assert (actions.phase, actions.accepts_jobs) == (DrainPhase.ACTIVE, True)


def test_a_repeated_recommendation_does_not_extend_the_first() -> None:
    state = DrainState()
    for _ in range(1000):
        state = apply_notice(state, _rebalance(NOW), RULES)
    assert state == _after(_rebalance())


_STATING = {NoticeKind.INTERRUPTION, NoticeKind.SCALE_IN, NoticeKind.STOP, NoticeKind.DRAIN_COMMAND}
_NOTICES = st.lists(
    st.builds(
        Notice,
        kind=st.sampled_from(list(NoticeKind)),
        at=st.integers(0, 500).map(lambda s: NOW + s),
        deadline=st.none() | st.integers(0, 500).map(lambda s: NOW + s),
    ),
    max_size=6,
)


@given(notices=_NOTICES, again=st.data())
def test_repeated_notices_change_nothing(notices: list[Notice], again: st.DataObject) -> None:
    state = _after(*notices)
    if notices:
        repeated = again.draw(st.lists(st.sampled_from(notices), max_size=10))
        later = state
        for notice in repeated:
            later = apply_notice(later, notice, RULES)
        assert later == state


_TIMES = st.builds(Times, stop_s=st.floats(1, 110), hook_s=st.floats(30, 7200))
_RULES = st.builds(DrainRules.for_pool, _TIMES, has_metadata=st.booleans()) | st.just(RULES)


@given(notices=_NOTICES, order=st.randoms(), rules=_RULES)
def test_the_order_of_notices_has_no_effect(notices: list[Notice], order: object, rules: DrainRules) -> None:
    shuffled = list(notices)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = _after(*notices, rules=rules), _after(*shuffled, rules=rules)
    assert replace(first, reason="") == replace(second, reason="")


@given(notices=_NOTICES, rules=_RULES)
def test_no_deadline_that_a_notice_states_is_exceeded(notices: list[Notice], rules: DrainRules) -> None:
    stated = [
        notice.deadline for notice in notices if notice.deadline is not None and notice.kind in _STATING
    ]
    deadline = _after(*notices, rules=rules).deadline
    assert not stated or (deadline is not None and deadline <= min(stated))


@given(notices=_NOTICES, at=st.integers(0, 500), rules=_RULES)
def test_sigterm_never_shortens_what_an_earlier_scale_in_granted(
    notices: list[Notice], at: int, rules: DrainRules
) -> None:
    state = _after(_scale_in(), *notices, rules=rules)
    later = apply_notice(state, sigterm_notice(NOW + at), rules)
    assert later.deadline == state.deadline


@given(
    times=st.lists(st.integers(0, 20_000), min_size=1, max_size=40),
    waiting_s=st.none() | st.floats(0, 1000),
)
def test_no_number_of_recommendations_drains_or_excludes_a_worker(
    times: list[int], waiting_s: float | None
) -> None:
    state = _after(*(_rebalance(NOW + at) for at in times))
    job = JobEstimate(key=A, remaining_s=None)
    for second in range(0, 23_000, 997):
        actions = decide(state, [job], NOW + second, RULES, waiting_s=waiting_s)
        assert (actions.finish, actions.hand_back, actions.exit) == ((A,), (), False)
    assert not state.draining
    after = NOW + max(times) + RULES.rebalance_s
    assert decide(state, [], after, RULES, waiting_s=waiting_s).phase is DrainPhase.ACTIVE
    # Until then it takes jobs again and again, if no other worker does.
    minute = [decide(state, [], after - 1 - second, RULES).accepts_jobs for second in range(60)]
    assert any(minute)


@given(
    notices=_NOTICES,
    remaining=st.lists(st.none() | st.floats(0, 1000), max_size=5),
    now=st.integers(0, 700).map(lambda s: NOW + s),
)
def test_every_job_is_either_finished_or_handed_back(
    notices: list[Notice], remaining: list[float | None], now: float
) -> None:
    jobs = [JobEstimate(key=(str(n), 1), remaining_s=each) for n, each in enumerate(remaining)]
    state = _after(*notices)
    actions = decide(state, jobs, now, RULES)
    assert sorted([*actions.finish, *actions.hand_back]) == sorted(job.key for job in jobs)
    if state.draining:
        assert not actions.accepts_jobs
    if actions.exit and jobs:
        assert actions.exit_by is not None
        assert now >= actions.exit_by
        assert not actions.finish


def test_an_estimate_is_based_on_the_encoded_frames() -> None:
    progress = JobProgress(kind="chunk", weight=900, elapsed_s=20, fraction=0.25)
    assert JobRates().remaining_s(progress) == 60


def test_the_estimate_of_a_job_without_progress_grows() -> None:
    early, late = (JobProgress(kind="chunk", weight=900, elapsed_s=s, fraction=0.5) for s in (10, 30))
    rates = JobRates()
    assert (rates.remaining_s(early), rates.remaining_s(late)) == (10, 30)


def test_before_its_first_frames_a_job_is_estimated_from_others_of_its_kind() -> None:
    rates = JobRates()
    progress = JobProgress(kind="chunk", weight=450, elapsed_s=5, fraction=0.01)
    assert rates.remaining_s(progress) is None
    rates.record("chunk", 900, 60)
    assert rates.remaining_s(progress) == 25


def test_the_first_reports_of_a_job_count_little_beside_earlier_jobs_of_its_kind() -> None:
    rates = JobRates()
    rates.record("chunk", 900, 40)
    # 2.4 s after the start of a job of 40 s, the last report was made at 2 s: by it alone, 45.6 s are left.
    early = JobProgress(kind="chunk", weight=900, elapsed_s=2.4, fraction=0.05)
    assert rates.remaining_s(early) == pytest.approx(37.6)
    halfway = JobProgress(kind="chunk", weight=900, elapsed_s=8.0, fraction=0.15)
    assert rates.remaining_s(halfway) == pytest.approx((8 * 0.85 / 0.15 + 32) / 2)
    stalled = JobProgress(kind="chunk", weight=900, elapsed_s=45.0, fraction=0.05)
    assert rates.remaining_s(stalled) == pytest.approx(45 * 0.95 / 0.05)


def test_a_job_slower_than_others_of_its_kind_has_no_estimate() -> None:
    rates = JobRates()
    rates.record("package", 10, 5)
    assert rates.remaining_s(JobProgress(kind="package", weight=10, elapsed_s=6)) is None


def test_further_jobs_are_bounded_by_the_slowest_recent_job_of_their_kind() -> None:
    rates = JobRates()
    assert not rates
    assert rates.most_weight(100.0, 1.25) == {}
    rates.record("encode", 100.0, 10.0)
    assert rates
    assert rates.most_weight(20.0, 1.25) == {"encode": 200.0}
    rates.record("encode", 100.0, 30.0)  # the mean is 0.16, the slowest 0.3
    assert rates.most_weight(24.0, 1.25) == {"encode": pytest.approx(100.0)}
    for _ in range(200):
        rates.record("encode", 100.0, 10.0)
    assert rates.most_weight(20.0, 1.25) == {"encode": pytest.approx(200.0, rel=0.01)}
    assert rates.most_weight(0.0, 1.25) == {}
    rates.record("probe", 1.0, 0.0)
    assert rates.most_weight(1.0, 1.25)["probe"] == float("inf")


def test_rates_are_moving_averages() -> None:
    rates = JobRates()
    rates.record("chunk", 100, 10)
    rates.record("chunk", 100, 20)
    rates.record("chunk", 0, 99)
    remaining = rates.remaining_s(JobProgress(kind="chunk", weight=100, elapsed_s=0))
    assert remaining is not None
    assert 10 < remaining < 15
