"""The order in which a rollout drains the workers of a pool."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.rollout import LiveWorker, Rollout, RolloutRules, RolloutStep, next_step, start_rollout

_NOW = 1000.0
_RULES = RolloutRules(replace_s=300.0, drain_s=600.0)


def _old(*names: str) -> list[LiveWorker]:
    return [LiveWorker(name=name, registered=float(number)) for number, name in enumerate(names)]


def _new(*names: str) -> list[LiveWorker]:
    return [LiveWorker(name=name, registered=_NOW + 1) for name in names]


def _start(workers: list[LiveWorker]) -> Rollout:
    return start_rollout(workers, before=_NOW, now=_NOW)


def test_workers_are_drained_one_after_the_other_and_oldest_first() -> None:
    rollout = _start(_old("a", "b"))
    rollout, step = next_step(rollout, _old("a", "b"), _RULES, now=_NOW)
    assert step == RolloutStep(drain=("a",), old=2)
    rollout, step = next_step(rollout, _old("a", "b"), _RULES, now=_NOW + 1)
    assert step == RolloutStep(old=2)
    # The first has exited, and its replacement has not started yet.
    rollout, step = next_step(rollout, _old("a", "b")[1:], _RULES, now=_NOW + 2)
    assert step == RolloutStep(old=1)
    rollout, step = next_step(rollout, [*_old("a", "b")[1:], *_new("c")], _RULES, now=_NOW + 3)
    assert step == RolloutStep(drain=("b",), old=1)
    rollout, step = next_step(rollout, _new("c", "d"), _RULES, now=_NOW + 4)
    assert step.is_done


def test_the_replacement_of_a_terminated_instance_is_not_awaited() -> None:
    rollout = _start(_old("a", "b"))
    rollout, _ = next_step(rollout, _old("a", "b"), _RULES, now=_NOW)
    left = _old("a", "b")[1:]
    rollout, _ = next_step(rollout, left, _RULES, now=_NOW + 1)
    rollout, step = next_step(rollout, left, _RULES, now=_NOW + 300)
    assert step.drain == ()
    _, step = next_step(rollout, left, _RULES, now=_NOW + 301)
    assert step.drain == ("b",)


def test_workers_that_the_pool_gains_do_not_stop_the_rollout() -> None:
    rollout = _start(_old("a"))
    rollout, step = next_step(rollout, [*_old("a"), *_new("x", "y")], _RULES, now=_NOW)
    assert step.drain == ("a",)
    _, step = next_step(rollout, _new("x", "y"), _RULES, now=_NOW + 5)
    assert step.is_done


def test_a_worker_that_does_not_exit_is_reported() -> None:
    rollout = _start(_old("a"))
    rollout, _ = next_step(rollout, _old("a"), _RULES, now=_NOW)
    _, step = next_step(rollout, _old("a"), _RULES, now=_NOW + 600)
    assert step.stuck == ("a",)


def test_a_rollout_without_old_workers_is_done_at_once() -> None:
    _, step = next_step(_start(_new("a")), _new("a"), _RULES, now=_NOW)
    assert step.is_done


def test_a_repeated_rollout_drains_only_the_workers_that_are_left() -> None:
    workers = [*_old("a", "b")[1:], *_new("c")]
    _, step = next_step(_start(workers), workers, _RULES, now=_NOW + 9)
    assert step == RolloutStep(drain=("b",), old=1)


@given(count=st.integers(1, 12), at_a_time=st.integers(1, 4), delays=st.lists(st.integers(1, 9), max_size=40))
def test_never_more_than_the_allowed_number_is_missing(count: int, at_a_time: int, delays: list[int]) -> None:
    """Simulates workers that take `delays` steps to drain, and as many to start again."""
    rules = RolloutRules(at_a_time=at_a_time, replace_s=1e6, drain_s=1e6)
    workers = {name.name: name for name in _old(*(f"w{number:02}" for number in range(count)))}
    rollout = _start(list(workers.values()))
    leaving: dict[str, int] = {}
    starting: list[int] = []
    durations = iter(delays)
    for tick in range(1000):
        now = _NOW + tick
        rollout, step = next_step(rollout, list(workers.values()), rules, now=now)
        for name in step.drain:
            leaving[name] = tick + next(durations, 1)
        for name in [name for name, end in leaving.items() if end <= tick]:
            del workers[name], leaving[name]
            starting.append(tick + next(durations, 1))
        for number, at in enumerate(starting):
            if at == tick:
                workers[f"n{tick}-{number}"] = LiveWorker(name=f"n{tick}-{number}", registered=now + 1)
        starting = [at for at in starting if at > tick]
        assert len(workers) - len(leaving) >= count - at_a_time
        if step.is_done and not starting:
            break
    assert len(workers) == count
    assert all(worker.registered > _NOW for worker in workers.values())
