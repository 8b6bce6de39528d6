"""Replacements after rebalance recommendations: none by default, and bounded where they are wanted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.rebalance_policy import (
    RebalanceAction,
    RebalancePolicy,
    RebalanceRules,
    Recommended,
    Replacement,
    decide_rebalance,
)

NOW = 1_772_366_400.0
REPLACE = RebalanceRules(policy=RebalancePolicy.REPLACE, max_per_hour=3)
OLD = NOW - 7200.0


def _recommended(number: int, launched: float | None = OLD, *, in_service: bool = True) -> Recommended:
    return Recommended(instance=f"i-{number:08x}", launched=launched, in_service=in_service)


def test_by_default_no_instance_is_replaced() -> None:
    decisions = decide_rebalance([_recommended(n) for n in range(30)], [], NOW, RebalanceRules())
    assert set(decisions.values()) == {RebalanceAction.AVOIDED}


def test_replacements_are_bounded_an_hour_and_the_oldest_instances_go_first() -> None:
    recommended = [_recommended(n, NOW - 4000.0 - n) for n in range(30)]
    decisions = decide_rebalance(recommended, [], NOW, REPLACE)
    replaced = {name for name, action in decisions.items() if action is RebalanceAction.REPLACE}
    assert replaced == {each.instance for each in recommended[-3:]}
    assert sum(action is RebalanceAction.BOUND for action in decisions.values()) == 27


def test_replacements_of_the_last_hour_count_and_older_ones_do_not() -> None:
    recent = [Replacement(instance=f"i-0000ff0{n}", at=NOW - 600.0) for n in range(3)]
    assert decide_rebalance([_recommended(1)], recent, NOW, REPLACE) == {"i-00000001": RebalanceAction.BOUND}
    later = decide_rebalance([_recommended(1)], recent, NOW + 3600.0, REPLACE)
    assert later == {"i-00000001": RebalanceAction.REPLACE}


def test_an_instance_is_replaced_only_once() -> None:
    recent = [Replacement(instance="i-00000001", at=NOW - 10_000.0)]
    assert decide_rebalance([_recommended(1)] * 3, recent, NOW, REPLACE) == {
        "i-00000001": RebalanceAction.REPLACED
    }
    twice = decide_rebalance([_recommended(1)] * 3, [], NOW, REPLACE)
    assert twice == {"i-00000001": RebalanceAction.REPLACE}


def test_an_instance_that_is_not_in_service_or_young_is_kept() -> None:
    recommended = [
        _recommended(1, in_service=False),
        _recommended(2, NOW - 3599.0),
        _recommended(3, None),
    ]
    assert list(decide_rebalance(recommended, [], NOW, REPLACE).values()) == [
        RebalanceAction.YOUNG,
        RebalanceAction.NOT_IN_SERVICE,
        RebalanceAction.YOUNG,
    ]


def test_a_recommendation_for_each_replacement_does_not_replace_without_end() -> None:
    """Every instance gets a recommendation at its launch, and every ten minutes again, for a day."""
    launched = {f"i-{n:08x}": NOW - 7200.0 for n in range(10)}
    recent: list[Replacement] = []
    for tick in range(144):
        now = NOW + tick * 600.0
        found = [Recommended(instance=name, launched=at, in_service=True) for name, at in launched.items()]
        for name, action in decide_rebalance(found, recent, now, REPLACE).items():
            if action is RebalanceAction.REPLACE:
                recent.append(Replacement(instance=name, at=now))
                del launched[name]
                launched[f"i-{len(recent) + 100:08x}"] = now
    assert len(launched) == 10
    assert len({each.instance for each in recent}) == len(recent)
    for end in range(0, 86_400, 600):
        window = [each for each in recent if 0 <= NOW + end - each.at < 3600.0]
        assert len(window) <= 3


@given(
    st.lists(st.builds(_recommended, st.integers(0, 9), st.none() | st.floats(0, NOW)), max_size=20),
    st.lists(
        st.builds(
            Replacement, instance=st.sampled_from([f"i-{n:08x}" for n in range(9)]), at=st.floats(0, NOW)
        ),
        max_size=10,
    ),
    st.integers(0, 5),
)
def test_any_input_stays_within_the_bound(
    recommended: list[Recommended], recent: list[Replacement], most: int
) -> None:
    rules = RebalanceRules(policy=RebalancePolicy.REPLACE, max_per_hour=most)
    decisions = decide_rebalance(recommended, recent, NOW, rules)
    new = sum(action is RebalanceAction.REPLACE for action in decisions.values())
    assert new == 0 or new + sum(NOW - each.at < 3600.0 for each in recent) <= most
    assert set(decisions) == {each.instance for each in recommended}
