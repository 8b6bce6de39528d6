"""A rollout of the workers of a ledger, with workers that are rows of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from eddyline.app.fleet.rollout import live_workers, roll_out
from eddyline.core.errors import TransientError, UsageError
from eddyline.core.stop import Stop
from eddyline.fleet.rollout import RolloutRules, RolloutStep
from eddyline.graph.command import CommandKind
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine


def _register(ledger: Ledger, name: str, pool: str = "cpu", lease_s: float = 60.0) -> None:
    ledger.register(name, "host", 1, lease_s, machine=Machine(pool=pool))


def _replace(ledger: Ledger, name: str) -> None:
    """The worker receives its drain command and exits; its service starts another one."""
    commands = ledger.take_commands(limit=10, hold_s=60)
    assert [(each.worker, each.kind) for each in commands] == [(name, CommandKind.DRAIN)]
    ledger.confirm_commands(commands)
    ledger.deregister(name)
    _register(ledger, f"{name}-new")


def test_the_old_workers_of_a_pool_are_replaced_one_after_the_other(tmp_path: Path) -> None:
    steps: list[tuple[str, ...]] = []
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        for name in ("first", "second"):
            _register(ledger, name)
        _register(ledger, "other", pool="light")
        _register(ledger, "expired", lease_s=-1)

        def on_step(step: RolloutStep) -> None:
            steps.append(step.drain)
            for name in step.drain:
                _replace(ledger, name)

        drained = roll_out(
            ledger, "cpu", before=None, rules=RolloutRules(), stop=Stop(), on_step=on_step, poll_s=0.01
        )
        assert drained == 2
        assert steps == [("first",), ("second",), ()]
        assert sorted(each.name for each in live_workers(ledger, "cpu")) == ["first-new", "second-new"]
        assert [each.name for each in live_workers(ledger, "light")] == ["other"]


def test_a_worker_that_does_not_exit_ends_the_rollout_with_an_error(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        _register(ledger, "first")
        rules = RolloutRules(drain_s=0.02)
        with pytest.raises(TransientError, match="first has not exited"):
            roll_out(
                ledger, "cpu", before=None, rules=rules, stop=Stop(), on_step=lambda _: None, poll_s=0.01
            )


def test_a_pool_without_workers_is_an_error(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger, pytest.raises(UsageError, match="no workers"):
        roll_out(ledger, "gpu", before=None, rules=RolloutRules(), stop=Stop(), on_step=lambda _: None)
