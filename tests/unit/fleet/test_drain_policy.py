"""What a worker does about its end, decided from values alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.drain_policy import DrainPhase, DrainRules, DrainState, JobEstimate, apply_notice, decide
from eddyline.fleet.job_estimate import JobProgress, JobRates
from eddyline.fleet.notices import Notice, NoticeKind, drain_command_notice, sigterm_notice

NOW = 1_772_366_400.0
RULES = DrainRules()
A, B, C = ("a", 1), ("b", 1), ("c", 1)


def _spot(at: float = NOW, deadline: float | None = NOW + 120, instance: str = "") -> Notice:
    return Notice(kind=NoticeKind.INTERRUPTION, at=at, deadline=deadline, instance=instance, reason="Spot")


def _rebalance(at: float = NOW) -> Notice:
    return Notice(kind=NoticeKind.REBALANCE, at=at)


def _after(*notices: Notice, instance: str = "") -> DrainState:
    standing = DrainState()
    for notice in notices:
        standing = apply_notice(standing, notice, RULES, instance=instance)
    return standing


def test_a_worker_told_nothing_goes_on() -> None:
    actions = decide(DrainState(), [JobEstimate(key=A, remaining_s=None)], NOW, RULES)
    assert (actions.accepts_jobs, actions.finish, actions.hand_back, actions.exit) == (True, (A,), (), False)


def test_what_ends_in_time_is_finished_and_the_rest_handed_back_at_once() -> None:
    hands = [
        JobEstimate(key=A, remaining_s=60.0),
        JobEstimate(key=B, remaining_s=100.0),
        JobEstimate(key=C, remaining_s=None),
    ]
    actions = decide(_after(_spot()), hands, NOW, RULES)
    assert not actions.accepts_jobs
    assert (actions.finish, actions.hand_back) == ((A,), (B, C))
    assert actions.exit_by == NOW + 110
    assert not actions.exit


def test_estimates_are_not_trusted_to_the_second() -> None:
    # 100 s are left before the margin; 85 s by its own word may well be more.
    (hand,) = hands = [JobEstimate(key=A, remaining_s=85.0)]
    assert decide(_after(_spot(deadline=NOW + 110)), hands, NOW, RULES).hand_back == (hand.key,)


def test_a_job_that_falls_behind_is_handed_back_later_on() -> None:
    standing = _after(_spot())
    assert decide(standing, [JobEstimate(key=A, remaining_s=80.0)], NOW, RULES).finish == (A,)
    assert decide(standing, [JobEstimate(key=A, remaining_s=70.0)], NOW + 50, RULES).hand_back == (A,)


def test_a_worker_with_nothing_in_hand_exits_at_once() -> None:
    assert decide(_after(sigterm_notice(NOW)), [], NOW, RULES).exit


def test_no_worker_outlives_its_deadline() -> None:
    actions = decide(_after(_spot()), [JobEstimate(key=A, remaining_s=0.1)], NOW + 110, RULES)
    assert actions.exit
    assert actions.hand_back == (A,)


def test_a_container_has_110_seconds_from_sigterm() -> None:
    actions = decide(_after(sigterm_notice(NOW)), [JobEstimate(key=A, remaining_s=1.0)], NOW, RULES)
    assert actions.exit_by == NOW + 100


def test_hibernation_hands_everything_back() -> None:
    actions = decide(_after(_spot(deadline=NOW)), [JobEstimate(key=A, remaining_s=0.1)], NOW, RULES)
    assert (actions.hand_back, actions.exit) == ((A,), True)


def test_an_interruption_without_a_deadline_is_now() -> None:
    assert _after(_spot(deadline=None)).deadline == NOW


def test_a_person_who_asks_waits_for_everything() -> None:
    actions = decide(
        _after(drain_command_notice(NOW, "maintenance")),
        [JobEstimate(key=A, remaining_s=None)],
        NOW + 9_999,
        RULES,
    )
    assert (actions.accepts_jobs, actions.finish, actions.exit) == (False, (A,), False)


def test_spot_overtakes_a_person_who_asked() -> None:
    assert _after(drain_command_notice(NOW, "maintenance"), _spot()).deadline == NOW + 120


def test_a_drain_is_not_prolonged_by_another_notice() -> None:
    # The Spot warning, then ECS's own drain with its SIGTERM 30 s later, then the group's.
    told = (
        _spot(),
        sigterm_notice(NOW + 30),
        Notice(kind=NoticeKind.SCALE_IN, at=NOW + 31),
        drain_command_notice(NOW + 32, "by hand"),
        _rebalance(NOW + 40),
    )
    assert _after(*told).deadline == NOW + 120
    assert decide(_after(*told), [], NOW + 41, RULES).phase is DrainPhase.DRAINING


def test_the_earlier_deadline_wins_in_any_order() -> None:
    assert _after(sigterm_notice(NOW), _spot(deadline=NOW + 40)).deadline == NOW + 40
    assert _after(_spot(deadline=NOW + 40), sigterm_notice(NOW)).deadline == NOW + 40


def test_another_machine_is_none_of_our_business() -> None:
    assert _after(_spot(instance="i-0123456789abcdef0"), instance="i-0fedcba9876543210") == DrainState()
    assert _after(_spot(instance="i-0123456789abcdef0"), instance="i-0123456789abcdef0").draining


def test_launches_and_ends_of_machines_change_nothing() -> None:
    assert (
        _after(Notice(kind=NoticeKind.LAUNCHED, at=NOW), Notice(kind=NoticeKind.TERMINATED, at=NOW))
        == DrainState()
    )


def test_a_recommendation_takes_no_new_work_and_ends_none() -> None:
    actions = decide(_after(_rebalance()), [JobEstimate(key=A, remaining_s=None)], NOW, RULES)
    assert (actions.phase, actions.accepts_jobs) == (DrainPhase.AT_RISK, False)
    assert (actions.finish, actions.hand_back, actions.exit) == ((A,), (), False)


def test_a_reluctant_worker_does_not_exit_only_to_be_started_again() -> None:
    assert not decide(_after(_rebalance()), [], NOW + 100, RULES).exit


def test_a_reluctant_worker_takes_what_nobody_else_does() -> None:
    standing = _after(_rebalance())
    assert not decide(standing, [], NOW + 1, RULES, waiting_s=59.0).accepts_jobs
    assert decide(standing, [], NOW + 1, RULES, waiting_s=61.0).accepts_jobs


def test_where_nobody_knows_what_waits_a_reluctant_worker_probes() -> None:
    standing = _after(_rebalance())
    taking = [second for second in range(180) if decide(standing, [], NOW + second, RULES).accepts_jobs]
    assert taking == [56, 57, 58, 59, 116, 117, 118, 119, 176, 177, 178, 179]


def test_a_recommendation_of_which_nothing_came_is_forgotten() -> None:
    actions = decide(_after(_rebalance()), [], NOW + RULES.rebalance_s, RULES)
    assert (actions.phase, actions.accepts_jobs) == (DrainPhase.ACTIVE, True)


def test_a_recommendation_repeated_for_ever_is_not_heeded_for_ever() -> None:
    standing = DrainState()
    for _ in range(1000):
        standing = apply_notice(standing, _rebalance(NOW), RULES)
    assert standing == _after(_rebalance())


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
def test_what_was_heard_before_changes_nothing(notices: list[Notice], again: st.DataObject) -> None:
    standing = _after(*notices)
    if notices:
        repeated = again.draw(st.lists(st.sampled_from(notices), max_size=10))
        later = standing
        for notice in repeated:
            later = apply_notice(later, notice, RULES)
        assert later == standing


@given(notices=_NOTICES, order=st.randoms())
def test_the_order_of_notices_does_not_matter(notices: list[Notice], order: object) -> None:
    shuffled = list(notices)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = _after(*notices), _after(*shuffled)
    assert (one.draining, one.deadline, one.avoid_until) == (
        other.draining,
        other.deadline,
        other.avoid_until,
    )


@given(
    notices=_NOTICES,
    remaining=st.lists(st.none() | st.floats(0, 1000), max_size=5),
    now=st.integers(0, 700).map(lambda s: NOW + s),
)
def test_every_job_is_either_finished_or_handed_back(
    notices: list[Notice], remaining: list[float | None], now: float
) -> None:
    hands = [JobEstimate(key=(str(n), 1), remaining_s=each) for n, each in enumerate(remaining)]
    standing = _after(*notices)
    actions = decide(standing, hands, now, RULES)
    assert sorted([*actions.finish, *actions.hand_back]) == sorted(hand.key for hand in hands)
    if standing.draining:
        assert not actions.accepts_jobs
    if actions.exit and hands:
        assert actions.exit_by is not None
        assert now >= actions.exit_by
        assert not actions.finish


def test_an_estimate_comes_from_the_frames_that_are_done() -> None:
    course = JobProgress(kind="chunk", weight=900, elapsed_s=20, fraction=0.25)
    assert JobRates().remaining_s(course) == 60


def test_a_job_that_stands_still_takes_ever_longer() -> None:
    early, late = (JobProgress(kind="chunk", weight=900, elapsed_s=s, fraction=0.5) for s in (10, 30))
    rates = JobRates()
    assert (rates.remaining_s(early), rates.remaining_s(late)) == (10, 30)


def test_before_its_first_frames_a_job_is_like_others_of_its_kind() -> None:
    rates = JobRates()
    course = JobProgress(kind="chunk", weight=450, elapsed_s=5, fraction=0.01)
    assert rates.remaining_s(course) is None
    rates.record("chunk", 900, 60)
    assert rates.remaining_s(course) == 25


def test_a_job_longer_than_any_like_it_is_of_unknown_length() -> None:
    rates = JobRates()
    rates.record("package", 10, 5)
    assert rates.remaining_s(JobProgress(kind="package", weight=10, elapsed_s=6)) is None


def test_rates_follow_the_newest_jobs_slowly() -> None:
    rates = JobRates()
    rates.record("chunk", 100, 10)
    rates.record("chunk", 100, 20)
    rates.record("chunk", 0, 99)
    remaining = rates.remaining_s(JobProgress(kind="chunk", weight=100, elapsed_s=0))
    assert remaining is not None
    assert 10 < remaining < 15
